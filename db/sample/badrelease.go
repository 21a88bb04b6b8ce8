package sample

import (
	"time"

	"wxkeeper/app"
)

const (
	badVersion        = "133"
	badLasts          = 2 * time.Hour
	verdictAfterLogin = 1900 * time.Millisecond
)

// badVisit is when somebody meets the bad release; zero: never.
func (l *life) badVisit(born time.Time) time.Time {
	if l.badRelease.IsZero() || !chance(l.dice, 18) {
		return time.Time{}
	}
	at := l.badRelease.Add(time.Duration(l.dice.IntN(int(badLasts/time.Millisecond))) * time.Millisecond)
	if !at.After(born.Add(time.Minute)) || at.Add(time.Minute).After(l.now) {
		return time.Time{}
	}
	return at
}

// visitBadly is one use of the bad release. Its first login succeeds; the second hands in the same code. The data it sends is sealed
// under the key before, which no other login has told us.
func (l *life) visitBadly(at time.Time) {
	running := *l.device()
	running.bad = true
	l.on = &running
	l.arrive(at)
	what := loginNewKey
	if len(l.keys) == 0 {
		what = loginFirst
	}
	l.obtain(at)
	l.begin(at)
	l.happens(at, what, len(l.keys)-1)
	l.happenings = append(l.happenings, happening{
		at: at.Add(time.Duration(150+l.dice.IntN(200)) * time.Millisecond).UnixMilli(), device: l.on, user: nobody, what: codeUsed, key: noKey,
	})
	if chance(l.dice, 20) {
		return
	}
	key := l.current()
	key.Fail(at.Add(600 * time.Millisecond))
	l.happens(at.Add(600*time.Millisecond), openNoKeyFits, len(l.keys)-1)
	key.Confirm(at.Add(verdictAfterLogin), app.ConfirmedByWeChat)
	l.happens(at.Add(verdictAfterLogin), openTooEarly, len(l.keys)-1)
}
