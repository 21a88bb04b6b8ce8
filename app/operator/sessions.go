package operator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// How long a session lives, used or not.
const (
	SessionIdle   = 30 * time.Minute
	SessionMaxAge = 12 * time.Hour

	sessionGrain = time.Minute // how coarsely the last use is noted
)

// Present is an operator who is signed in.
type Present struct {
	Operator app.Operator
	Session  app.OperatorSession
}

var errNotSignedIn = errors.New("not signed in")

func notSignedIn() error { return app.Fail(app.InvalidToken, "").Because(errNotSignedIn) }

const cookieBytes = 32

// newCookie draws the random id of a session: 256 bits as base64url without padding.
func newCookie() app.Secret {
	var bytes [cookieBytes]byte
	rand.Read(bytes[:]) // never fails since Go 1.24: it ends the program instead
	return app.Secret(base64.RawURLEncoding.EncodeToString(bytes[:]))
}

func hashOf(cookie app.Secret) app.CookieHash { return sha256.Sum256([]byte(cookie.Reveal())) }

// Session tells who is signed in by a cookie and keeps the session alive: at most one write a minute. InvalidToken: nobody, or
// not any more; a disabled operator never is.
func (a *Accounts) Session(ctx context.Context, cookie app.Secret) (Present, error) {
	present, err := a.Peek(ctx, cookie)
	now := a.clock()
	if err != nil || now.Sub(present.Session.SeenAt) < sessionGrain {
		return present, err
	}
	err = a.store.Write(ctx, func(tx *db.Tx) error { return tx.SlideOperatorSession(present.Session.ID, now) })
	switch {
	case err == nil:
		present.Session.SeenAt = now
	case app.KindOf(err) == app.NotFound:
		return Present{}, notSignedIn()
	case ctx.Err() == nil: // an operator must be able to see what is wrong with the disk: the session only ends earlier
		a.log.WarnContext(ctx, "use of an operator's session not noted", "error", err)
	}
	return present, nil
}

// Peek is Session for what asks by itself, such as a live page: it does not keep the session alive.
func (a *Accounts) Peek(ctx context.Context, cookie app.Secret) (Present, error) {
	session, who, err := a.store.Read().OperatorSessionByHash(ctx, hashOf(cookie))
	if app.KindOf(err) == app.NotFound || err == nil && (who.Disabled() || over(session, a.clock())) {
		return Present{}, notSignedIn()
	}
	if err != nil {
		return Present{}, err
	}
	return Present{Operator: who, Session: session}, nil
}

func over(session app.OperatorSession, now time.Time) bool {
	return !now.Before(session.SeenAt.Add(SessionIdle)) || !now.Before(session.CreatedAt().Add(SessionMaxAge))
}

// SignOut ends the session of whoever is signed in. One that has ended already is no failure.
func (a *Accounts) SignOut(ctx context.Context, present Present) error {
	err := a.store.Write(ctx, func(tx *db.Tx) error {
		if err := tx.EndOperatorSession(present.Operator.ID, present.Session.ID); err != nil {
			return err
		}
		return a.audit(ctx, tx, Order{Operator: present.Operator.Name}, app.ActionSignOut, present.Session.Address)
	})
	if app.KindOf(err) == app.NotFound {
		return nil
	}
	return err
}

// Sessions lists where an account is signed in, newest first. NotFound: nobody has the name.
func (a *Accounts) Sessions(ctx context.Context, name string) ([]app.OperatorSession, error) {
	who, err := a.store.Read().OperatorByName(ctx, name)
	if err != nil {
		return nil, err
	}
	sessions, err := a.store.Read().SessionsOfOperator(ctx, who.ID)
	now := a.clock()
	return slices.DeleteFunc(sessions, func(one app.OperatorSession) bool { return over(one, now) }), err
}

// SessionCounts tells in how many browsers each account is signed in. An account that is in none is not listed.
func (a *Accounts) SessionCounts(ctx context.Context) (map[app.OperatorID]int, error) {
	now := a.clock()
	return a.store.Read().OperatorSessionCounts(ctx, now.Add(-SessionIdle), now.Add(-SessionMaxAge))
}

// EndSession ends one session of an account. NotFound: nobody has the name, or the account has no such session.
func (a *Accounts) EndSession(ctx context.Context, order Order, name string, id app.OperatorSessionID) error {
	return a.change(ctx, order, name, app.ActionEndSessions, func(tx *db.Tx, found app.Operator) (string, error) {
		return sessionsEnded(name, 1), tx.EndOperatorSession(found.ID, id)
	})
}

// EndSessions ends all sessions of an account but one (0: all) and tells how many. NotFound: nobody has the name.
func (a *Accounts) EndSessions(
	ctx context.Context, order Order, name string, except app.OperatorSessionID,
) (ended int64, err error) {
	err = a.change(ctx, order, name, app.ActionEndSessions, func(tx *db.Tx, found app.Operator) (_ string, err error) {
		if ended, err = tx.EndOperatorSessions(found.ID, except); ended == 0 {
			return "", err
		}
		return sessionsEnded(name, ended), err
	})
	return ended, err
}

func sessionsEnded(name string, n int64) string { return fmt.Sprintf("%s: %d", name, n) }

// Sweep deletes the sessions that are over.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.clock()
	return a.store.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.DeleteOperatorSessionsOver(now.Add(-SessionIdle), now.Add(-SessionMaxAge))
		return err
	})
}

// longestValues bounds what a session may remember, in bytes.
const longestValues = 8 << 10

// SaveValues stores what a session is to remember, encrypted and bound to it. InvalidToken: the session has ended. Malformed:
// it is more than 8 KiB.
func (a *Accounts) SaveValues(ctx context.Context, session app.OperatorSession, values []byte) error {
	if len(values) > longestValues {
		return app.FailField(app.Malformed, "", "values")
	}
	sealed := a.ring.Seal(db.OperatorValuesPlace(session), values)
	err := a.store.Write(ctx, func(tx *db.Tx) error { return tx.SetOperatorSessionValues(session.ID, sealed) })
	if app.KindOf(err) == app.NotFound {
		return notSignedIn()
	}
	return err
}

// LoadValues gives what a session remembers, nothing at its beginning. InvalidToken: the session has ended.
func (a *Accounts) LoadValues(ctx context.Context, session app.OperatorSession) ([]byte, error) {
	sealed, err := a.store.Read().OperatorSessionValues(ctx, session.ID)
	switch {
	case app.KindOf(err) == app.NotFound:
		return nil, notSignedIn()
	case err != nil || len(sealed) == 0:
		return nil, err
	}
	return a.ring.Open(db.OperatorValuesPlace(session), sealed)
}
