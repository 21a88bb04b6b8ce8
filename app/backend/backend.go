// Package backend is about business servers that keep a login of their own: their credentials, how much each may ask, and
// what it asked for. It does not know HTTP.
package backend

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"wxkeeper/app"
	"wxkeeper/app/meter"
	"wxkeeper/db"
)

// Options are what Register is made of.
type Options struct {
	Store *db.DB
	Ring  *db.KeyRing // of the audit log
	// PerMinute is how many calls a minute each back end may make, 0: no limit.
	PerMinute int
	Clock     func() time.Time
	Log       *slog.Logger
}

// Register keeps the credentials of back ends. It is safe for concurrent use. Close it.
type Register struct {
	store     *db.DB
	ring      *db.KeyRing
	perMinute int
	clock     func() time.Time
	log       *slog.Logger
	limits    *meter.Tally[app.Limit]

	lock    sync.Mutex
	buckets map[app.BackEndID]*rate.Limiter
	used    map[app.BackEndID]time.Time // uses that are to be stored
	waiting map[call]int64
	failing bool // counts could not be written, and the log says so

	ending  sync.Once
	stop    chan struct{}
	stopped chan struct{}
}

// New makes a Register and starts what it does without being waited for.
func New(options Options) *Register {
	r := &Register{
		store: options.Store, ring: options.Ring, perMinute: options.PerMinute, clock: options.Clock, log: options.Log,
		buckets: map[app.BackEndID]*rate.Limiter{}, used: map[app.BackEndID]time.Time{}, waiting: map[call]int64{},
		limits: meter.NewTally(app.LimitBackEndCounts), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go r.run()
	return r
}

// Close writes what is still to be counted. Call it after the last request; a second call does nothing.
func (r *Register) Close() {
	r.ending.Do(func() { close(r.stop) })
	<-r.stopped
}

// LimitHits counts the calls that were not counted.
func (r *Register) LimitHits() *meter.Tally[app.Limit] { return r.limits }

// Add makes credentials on the order of somebody: for one app, or for all where app is 0. The secret is told here and nowhere
// else. Malformed: the name cannot be used. AlreadyExists: it is taken. TooManyRequests: there are app.BackEndsKept already.
func (r *Register) Add(ctx context.Context, by, name string, of app.AppID) (app.BackEndSecret, error) {
	if err := app.CheckBackEndName(name); err != nil {
		return app.BackEndSecret{}, err
	}
	secret := app.NewBackEndSecret()
	return secret, r.store.Write(ctx, func(tx *db.Tx) error {
		added := app.BackEnd{
			ID: app.BackEndID(tx.NewID(r.clock())), AppID: of, Name: name, SecretHash: secret.Hash(), MadeBy: by,
		}
		if err := tx.InsertBackEnd(added); err != nil {
			return err
		}
		return r.audit(tx, by, app.ActionAddBackEnd, added)
	})
}

// Revoke takes credentials back: the next request that comes with them is refused. NotFound: nobody has the name.
func (r *Register) Revoke(ctx context.Context, by, name string) error {
	return r.store.Write(ctx, func(tx *db.Tx) error {
		found, err := tx.BackEndByName(ctx, name)
		if err != nil {
			return err
		}
		if err := tx.DeleteBackEnd(found.ID); err != nil {
			return err
		}
		return r.audit(tx, by, app.ActionRevokeBackEnd, found)
	})
}

func (r *Register) audit(tx *db.Tx, by string, action app.Action, about app.BackEnd) error {
	return tx.Audit(r.ring, app.AuditRow{At: r.clock(), Operator: by, Action: action, AppID: about.AppID, Detail: about.Name})
}

// nobody has a hash that no secret has: comparing with it takes an unknown name as long as a known one.
var nobody app.BackEnd

// Authenticate finds the back end that comes with a name and a secret to ask about users of an app. InvalidToken: there is
// none. Nothing is remembered from one call to the next, so that what was revoked, by whatever process, is refused at once.
func (r *Register) Authenticate(ctx context.Context, of app.AppID, name string, secret app.BackEndSecret) (app.BackEnd, error) {
	found := nobody
	if app.CheckBackEndName(name) == nil {
		known, err := r.store.Read().BackEndByName(ctx, name)
		if err != nil && app.KindOf(err) != app.NotFound {
			return nobody, err
		}
		found = known
	}
	if !found.SecretHash.Fits(secret) || !found.Serves(of) {
		return nobody, app.Fail(app.InvalidToken, app.BackEndUnknown)
	}
	return found, nil
}

// Wait says how long a back end has to wait until its next call, 0: not at all.
func (r *Register) Wait(of app.BackEnd) time.Duration {
	if r.perMinute == 0 {
		return 0
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	bucket, known := r.buckets[of.ID]
	if !known {
		if len(r.buckets) >= 2*app.BackEndsKept { // most of them are revoked
			clear(r.buckets)
		}
		bucket = rate.NewLimiter(rate.Limit(float64(r.perMinute)/60), r.perMinute)
		r.buckets[of.ID] = bucket
	}
	now := r.clock()
	taken := bucket.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait > 0 {
		taken.CancelAt(now)
	}
	return wait
}
