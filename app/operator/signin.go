package operator

import (
	"context"
	"crypto/sha256"
	"time"

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
	Device   app.Secret // what Device gave this browser after an earlier sign-in; "": it is not known
}

// SignIn begins a session and gives the random id for its cookie, always a new one.
//
// InvalidToken: name or password is wrong, or the account is disabled. The answer and the work are the same for all of them,
// unknown names included. TooManyRequests: too many wrong tries from there, or too many tries at once; it says how long to wait.
// Tries that succeed do not count. A CodeDue error: the password fits, and a one-time code is still wanted.
func (a *Accounts) SignIn(ctx context.Context, attempt Attempt) (app.Operator, app.Secret, error) {
	who, err := a.store.Read().OperatorByName(ctx, attempt.Name)
	if err != nil && app.KindOf(err) != app.NotFound {
		return app.Operator{}, "", err
	}
	fits, err := a.verify(ctx, who, source{attempt.Name, attempt.Address, a.knownDevice(who, attempt.Device)}, attempt.Password)
	if err == nil && !fits {
		err = refused()
	}
	if err != nil {
		return app.Operator{}, "", err
	}
	who = a.rehash(ctx, who, attempt.Password)
	if who.TOTP() {
		return app.Operator{}, "", a.codeDue(who)
	}
	return a.begin(ctx, who, attempt, a.store.Write)
}

func refused() error { return app.Fail(app.InvalidToken, "").Because(ErrPasswordWrong) }

// verify compares a password with an operator's, or with nobody's at the same cost. It fits nobody, and nobody who is disabled.
// Limits come before the work; a wrong password counts against the name and the address it comes from.
func (a *Accounts) verify(ctx context.Context, who app.Operator, from source, password app.Secret) (fits bool, err error) {
	if wait := a.throttle.wait(from, a.clock()); wait > 0 {
		a.signIns.Add(SignInLimited, 1)
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
		a.signIns.Add(SignInLimited, 1)
		return false, app.Fail(app.TooManyRequests, "").After(wait)
	}
	hash := who.PasswordHash
	if who.ID == 0 {
		hash = a.hasher.nobody
	}
	fits, err = a.hasher.fits(password, hash)
	if err != nil {
		a.throttle.forgive(from, at)
		return false, err
	}
	if fits = fits && who.ID != 0 && !who.Disabled(); fits {
		a.throttle.forgive(from, at)
		if !who.TOTP() {
			a.signIns.Add(SignInGood, 1)
		}
		return true, nil
	}
	a.signIns.Add(SignInWrongPassword, 1)
	if who.ID != 0 && from.device == "" {
		a.guesses.password(who, from.address, at)
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

// rehash stores the password of somebody who has just given it at today's costs, where it was stored at others. Where that cannot
// be done now, it is done another time.
func (a *Accounts) rehash(ctx context.Context, who app.Operator, password app.Secret) app.Operator {
	if !a.hasher.outdated(who.PasswordHash) {
		return who
	}
	hash, err := a.hasher.hash(ctx, password)
	if err == nil {
		err = a.store.Write(ctx, func(tx *db.Tx) error { return tx.SetOperatorPassword(who, hash) })
	}
	if err != nil {
		a.log.WarnContext(ctx, "password not hashed anew", "operator", who.Name, "error", err)
		return who
	}
	who.PasswordHash = hash
	return who
}

// begin stores the session of somebody who has shown who they are, unless the account has changed since.
func (a *Accounts) begin(
	ctx context.Context, who app.Operator, attempt Attempt, write func(context.Context, func(*db.Tx) error) error,
) (app.Operator, app.Secret, error) {
	cookie := newCookie()
	earlier, hash := hashOf(attempt.Cookie), hashOf(cookie)
	now := a.clock()
	session := app.NewOperatorSession(who.ID, now, attempt.Address, attempt.Browser)
	var current app.Operator
	err := write(ctx, func(tx *db.Tx) (err error) {
		if current, err = tx.OperatorByID(ctx, who.ID); err != nil {
			return err
		}
		if current.Disabled() || current.PasswordHash != who.PasswordHash || !current.TOTPSince.Equal(who.TOTPSince) {
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

// CodeDue is how SignIn ends for somebody whose password fits and who signs in with one-time codes: nobody is signed in yet.
type CodeDue struct {
	Ticket app.Secret // for SignInWithCode; good for five minutes
}

// Error says what is missing.
func (CodeDue) Error() string { return "a one-time code is due" }

// ticketLife is how long a code may take.
const ticketLife = 5 * time.Minute

// ticket says that somebody has given their password.
type ticket struct {
	Operator app.OperatorID
	Password [sha256.Size]byte // of the stored hash: another password makes the ticket void
	At       time.Time
}

var ticketPlace = db.Place{Table: "sign-in ticket"}

func (a *Accounts) codeDue(who app.Operator) error {
	sealed, err := a.sealText(ticketPlace, ticket{who.ID, sha256.Sum256([]byte(who.PasswordHash.Reveal())), a.clock()})
	if err != nil {
		return err
	}
	return CodeDue{sealed}
}

// SignInWithCode begins a session, as SignIn does, for somebody whom SignIn gave a ticket and who has a one-time code or a recovery
// code. Name and Password of the attempt are not looked at.
//
// Malformed: the code is wrong (ErrCodeWrong). InvalidToken: the ticket is not good any more (ErrTooLate). TooManyRequests: too many
// wrong codes from there.
func (a *Accounts) SignInWithCode(
	ctx context.Context, given app.Secret, code string, attempt Attempt,
) (app.Operator, app.Secret, error) {
	who, err := a.readTicket(ctx, given)
	if err != nil {
		return app.Operator{}, "", err
	}
	from := source{who.Name, attempt.Address, a.knownDevice(who, attempt.Device)}
	return a.begin(ctx, who, attempt, func(ctx context.Context, work func(*db.Tx) error) error {
		return a.withCode(ctx, who, from, code, work)
	})
}

// readTicket finds out who has given their password.
func (a *Accounts) readTicket(ctx context.Context, given app.Secret) (app.Operator, error) {
	var read ticket
	err := a.openText(ticketPlace, given, &read)
	if age := a.clock().Sub(read.At); err != nil || age < 0 || age > ticketLife {
		return app.Operator{}, ticketVoid()
	}
	who, err := a.store.Read().OperatorByID(ctx, read.Operator)
	if app.KindOf(err) == app.NotFound ||
		err == nil && (who.Disabled() || !who.TOTP() || sha256.Sum256([]byte(who.PasswordHash.Reveal())) != read.Password) {
		return app.Operator{}, ticketVoid()
	}
	return who, err
}

func ticketVoid() error { return app.Fail(app.InvalidToken, "").Because(ErrTooLate) }
