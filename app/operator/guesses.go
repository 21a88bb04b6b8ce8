package operator

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	guessWindow    = time.Hour
	guessAddresses = 5 // from so many addresses one name's password was wrong within the window: somebody guesses
)

// guesses notices who is guessed at from many addresses, which no limit by address sees. It holds no more than there are accounts.
type guesses struct {
	lock   sync.Mutex
	names  map[app.OperatorID]*guessed
	told   map[guess]time.Time
	untold []guess
	wake   chan struct{}
}

// guess is what is told.
type guess struct {
	action app.Action
	name   string
}

// guessed is from where an account's password was wrong in the present window.
type guessed struct {
	since time.Time
	from  map[netip.Prefix]bool // guessAddresses at most
}

func newGuesses() *guesses {
	return &guesses{names: map[app.OperatorID]*guessed{}, told: map[guess]time.Time{}, wake: make(chan struct{}, 1)}
}

// password notes a wrong password of an account.
func (g *guesses) password(who app.Operator, address string, now time.Time) {
	g.lock.Lock()
	defer g.lock.Unlock()
	one := g.names[who.ID]
	if one == nil || now.Sub(one.since) >= guessWindow {
		one = &guessed{now, map[netip.Prefix]bool{}}
		g.names[who.ID] = one
	}
	if len(one.from) < guessAddresses {
		one.from[app.Network(address)] = true
	}
	if len(one.from) == guessAddresses {
		g.tell(guess{app.ActionPasswordGuessed, who.Name}, now)
	}
}

// code notes that an account's one-time codes are guessed at by somebody who knows the password.
func (g *guesses) code(who app.Operator, now time.Time) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.tell(guess{app.ActionCodeGuessed, who.Name}, now)
}

// tell has something written, once in a window.
func (g *guesses) tell(one guess, now time.Time) {
	if at, told := g.told[one]; told && now.Sub(at) < guessWindow {
		return
	}
	g.told[one] = now
	g.untold = append(g.untold, one)
	select {
	case g.wake <- struct{}{}:
	default: // somebody is called already
	}
}

func (g *guesses) take() []guess {
	g.lock.Lock()
	defer g.lock.Unlock()
	untold := g.untold
	g.untold = nil
	return untold
}

// GuessingNoticed gets a value when somebody guesses at an account.
func (a *Accounts) GuessingNoticed() <-chan struct{} { return a.guesses.wake }

// TellOfGuessing writes to the audit log who is guessed at. It is work for a job, since a sign-in must take as long whether the name
// is somebody's or nobody's.
func (a *Accounts) TellOfGuessing(ctx context.Context) error {
	untold := a.guesses.take()
	if len(untold) == 0 {
		return nil
	}
	err := a.store.Write(ctx, func(tx *db.Tx) error {
		for _, one := range untold {
			if err := a.audit(ctx, tx, Order{Operator: app.ByStranger}, one.action, one.name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		a.guesses.lock.Lock()
		defer a.guesses.lock.Unlock()
		a.guesses.untold = append(untold, a.guesses.untold...)
	}
	return err
}
