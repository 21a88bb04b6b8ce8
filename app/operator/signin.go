package operator

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Attempt is what somebody brings who wants to sign in.
type Attempt struct {
	Name     string
	Password app.Secret
	Address  string     // network address it comes from
	Browser  string     // its User-Agent
	Cookie   app.Secret // of an earlier session in the same browser, which ends; "": none
}

// SignIn begins a session and gives the random id for its cookie, always a new one.
//
// InvalidToken: name or password is wrong, or the account is disabled. The answer and the work are the same for all of them,
// unknown names included. TooManyRequests: too many wrong tries from there, or too many tries at once; it says how long to wait.
// Tries that succeed do not count.
func (a *Accounts) SignIn(ctx context.Context, attempt Attempt) (app.Operator, app.Secret, error) {
	who, err := a.store.Read().OperatorByName(ctx, attempt.Name)
	if err != nil && app.KindOf(err) != app.NotFound {
		return app.Operator{}, "", err
	}
	fits, err := a.verify(ctx, who, source{attempt.Name, attempt.Address}, attempt.Password)
	if err == nil && !fits {
		err = refused()
	}
	if err != nil {
		return app.Operator{}, "", err
	}
	return a.begin(ctx, who, attempt)
}

func refused() error { return app.Fail(app.InvalidToken, "").Because(ErrPasswordWrong) }

// verify compares a password with an operator's, or with nobody's at the same cost. It fits nobody, and nobody who is disabled.
// Limits come before the work; a wrong password counts against the name and the address it comes from.
func (a *Accounts) verify(ctx context.Context, who app.Operator, from source, password app.Secret) (fits bool, err error) {
	if wait := a.throttle.wait(from, a.clock()); wait > 0 {
		return false, app.Fail(app.TooManyRequests, "").After(wait)
	}
	leave, err := a.hasher.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	at := a.clock()
	failed, wait := a.throttle.count(from, at)
	if wait > 0 {
		return false, app.Fail(app.TooManyRequests, "").After(wait)
	}
	hash := who.PasswordHash
	if who.ID == 0 {
		hash = nobodysHash
	}
	fits, err = a.hasher.fits(password, hash)
	if err != nil {
		a.throttle.forgive(from, at)
		return false, err
	}
	if fits = fits && who.ID != 0 && !who.Disabled(); fits {
		a.throttle.forgive(from, at)
		return true, nil
	}
	a.logRefusal(ctx, who, from, failed)
	return false, nil
}

// logRefusal never writes a name that is nobody's: it may be a password typed into the wrong field.
func (a *Accounts) logRefusal(ctx context.Context, who app.Operator, from source, failed int) {
	if who.ID == 0 {
		a.log.WarnContext(ctx, "wrong password or name", "failed", failed)
		return
	}
	a.log.WarnContext(ctx, "wrong password or name", "failed", failed, "operator", who.Name, "disabled", who.Disabled(),
		"address", from.address)
}

// begin stores the session of somebody whose password fitted, unless the account has changed since.
func (a *Accounts) begin(ctx context.Context, who app.Operator, attempt Attempt) (app.Operator, app.Secret, error) {
	cookie := newCookie()
	earlier, hash := hashOf(attempt.Cookie), hashOf(cookie)
	now := a.clock()
	session := app.NewOperatorSession(who.ID, now, attempt.Address, attempt.Browser)
	var current app.Operator
	err := a.store.Write(ctx, func(tx *db.Tx) (err error) {
		if current, err = tx.OperatorByID(ctx, who.ID); err != nil {
			return err
		}
		if current.Disabled() || current.PasswordHash != who.PasswordHash {
			return refused()
		}
		if err := tx.EndOperatorSessionByHash(earlier); err != nil {
			return err
		}
		session.ID = app.OperatorSessionID(tx.NewID(now))
		if err := tx.InsertOperatorSession(session, hash); err != nil {
			return err
		}
		if err := tx.NoteSignIn(who.ID, now); err != nil {
			return err
		}
		return a.audit(ctx, tx, Order{Operator: who.Name}, app.ActionSignIn, session.Address)
	})
	if err != nil {
		return app.Operator{}, "", err
	}
	return current, cookie, nil
}
