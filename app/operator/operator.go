// Package operator is about who may use the dashboard: accounts, their passwords, roles and sessions. There is no default
// account; the first one is made by the command line. Whatever changes an account, begins a session or ends one on purpose
// writes its audit row in the same transaction.
//
// It does not know HTTP: which role a page needs is said in package web's route table, by app.Role's Allows.
package operator

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/alexedwards/argon2id"

	"wxkeeper/app"
	"wxkeeper/app/meter"
	"wxkeeper/db"
)

// Options are what Accounts is made of.
type Options struct {
	Store *db.DB
	// Ring seals sessions' values and the audit chain. Without it only the accounts of a data folder that was never served can
	// be worked on: such a folder holds nothing to protect yet, and no key to record anything with.
	Ring  *db.KeyRing
	Clock func() time.Time
	Log   *slog.Logger
	// Hashing is what new password hashes cost; nil: what OWASP recommends. Tests make it cheap.
	Hashing *argon2id.Params
}

// Accounts keeps the accounts of operators and their sessions. It is safe for concurrent use.
type Accounts struct {
	store    *db.DB
	ring     *db.KeyRing
	clock    func() time.Time
	log      *slog.Logger
	hasher   *hasher
	throttle *throttle // of passwords
	codes    *throttle // of one-time codes

	guesses     *guesses
	checkWanted chan struct{} // holds a value when somebody asks for a check of the audit log

	limits  *meter.Tally[app.Limit]
	signIns *meter.Tally[SignInResult]
}

// SignInResult is what came of somebody's wish to sign in, or to prove who they are.
type SignInResult string

// What came of it. A good password of somebody who signs in with one-time codes counts with the code.
const (
	SignInGood          SignInResult = "ok"
	SignInWrongPassword SignInResult = "wrong_password" // or a name that is nobody's
	SignInWrongCode     SignInResult = "wrong_code"
	SignInLimited       SignInResult = "limited"
)

// SignIns counts what came of signing in since the start.
func (a *Accounts) SignIns() *meter.Tally[SignInResult] { return a.signIns }

// LimitHits counts how often a limit of signing in was hit.
func (a *Accounts) LimitHits() *meter.Tally[app.Limit] { return a.limits }

// New makes Accounts.
func New(options Options) *Accounts {
	limits := meter.NewTally(app.LimitSignInName, app.LimitSignInAddress, app.LimitSignInDevice, app.LimitCodesAddress,
		app.LimitCodesAccount, app.LimitHashing)
	return &Accounts{
		store: options.Store, ring: options.Ring, clock: options.Clock, log: options.Log,
		hasher: newHasher(options.Hashing, limits), throttle: newThrottle(passwordScopes, limits), codes: newThrottle(codeScopes, limits),
		guesses: newGuesses(), checkWanted: make(chan struct{}, 1), limits: limits,
		signIns: meter.NewTally(SignInGood, SignInWrongPassword, SignInWrongCode, SignInLimited),
	}
}

// Order is an order about an account: who gives it and, if they say so, why.
type Order struct {
	Operator string
	Reason   string // may be empty
}

// longestReason is how many bytes an operator may write.
const longestReason = 500

func (o Order) check() error {
	if len(o.Reason) > longestReason {
		return app.FailField(app.Malformed, "", "reason")
	}
	return nil
}

var errUnrecorded = errors.New("the data folder was served meanwhile: give the master key and try again")

// audit records an action. A folder that was never served has no key for it; that is looked up in the transaction itself, so
// that an action that could have been recorded is never done without.
func (a *Accounts) audit(ctx context.Context, tx *db.Tx, order Order, action app.Action, detail string) error {
	if a.ring == nil {
		can, err := tx.CanAudit(ctx)
		if err == nil && can {
			err = app.Fail(app.Internal, "").Because(errUnrecorded)
		}
		return err
	}
	return tx.Audit(a.ring, app.AuditRow{
		At: a.clock(), Operator: order.Operator, Action: action, Reason: order.Reason, Detail: detail,
	})
}
