// Package keeper is why the program exists: it trades login codes for session keys, keeps the keys, opens what WeChat
// sealed under them, and knows which key fits. Every login and every opening, good or bad, leaves an event that says
// precisely what happened; the client is told no more than a Kind.
//
// It does not know HTTP, cookies or pages, and it never holds a write transaction while it waits for WeChat.
package keeper

import (
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"wxkeeper/app"
	"wxkeeper/app/meter"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Settings are the rules an operator may change.
type Settings struct {
	Sessions      app.SessionPolicy
	FollowKey     bool          // end a user's sessions when the session key is found dead
	KeyGrace      time.Duration // how long a superseded key still opens
	KeyAging      time.Duration // how long a confirmation says anything
	SealedMaxAge  time.Duration // oldest watermark accepted, 0: any
	EventsKeep    time.Duration
	UsersKeep     time.Duration // users not seen for so long are erased, 0: never
	LimitFailures bool          // refuse sessions that fail to open too often
	// ChecksPerMinute is how often WeChat may be asked about keys in the background.
	ChecksPerMinute int
	// PhoneData is how WeChat is asked whether it made the sealed phone number that a client sent; HashNothing: it is not asked.
	PhoneData      wechat.DataHash
	AcceptMockCode bool // take the developer tools' mock code to WeChat: only the sandbox's WeChat knows it
}

// Options are what a Keeper is made of.
type Options struct {
	App      app.App
	Store    *db.DB
	Ring     *db.KeyRing
	WeChat   *wechat.Client
	Settings Settings
	Clock    func() time.Time
	Log      *slog.Logger
	// BulkWake gets a value when there is a new bulk job; nil: a channel of the Keeper's own. Keepers may share one.
	BulkWake chan struct{}
	// Before is whose place the Keeper takes: it counts on from there; nil: from zero.
	Before *Keeper
}

// Keeper keeps the session keys of one app. It is safe for concurrent use. Close it.
type Keeper struct {
	app      app.App
	store    *db.DB
	ring     *db.KeyRing
	weChat   *wechat.Client
	settings Settings
	clock    func() time.Time
	log      *slog.Logger

	flights   singleflight.Group // logins that wait for WeChat, by code
	checks    singleflight.Group // signatures that wait for WeChat, by key
	failures  *failures
	uploads   *failures // counted whatever came of them
	limits    *meter.Tally[app.Limit]
	strangers *strangers
	inquiries *inquiries
	budget    *rate.Limiter // questions to WeChat that nobody waits for
	probing   probing
	verified  *verified
	memory    *memory
	bulkWake  chan struct{} // there is a new bulk job
}

// New makes a Keeper and starts what it does without being waited for.
func New(options Options) *Keeper {
	perMinute := options.Settings.ChecksPerMinute
	k := &Keeper{
		app: options.App, store: options.Store, ring: options.Ring, weChat: options.WeChat, settings: options.Settings,
		clock: options.Clock, log: options.Log, failures: newFailures(), uploads: newFailures(), verified: newVerified(), memory: newMemory(),
		budget: rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute), bulkWake: options.BulkWake,
	}
	if k.bulkWake == nil {
		k.bulkWake = make(chan struct{}, 1)
	}
	if options.Before != nil {
		k.limits = options.Before.limits
	} else {
		k.limits = meter.NewTally(app.LimitSession, app.LimitStrangers, app.LimitUserUploads, app.LimitInquiries)
	}
	k.strangers = startStrangers(options.Store, k.limits, options.Log)
	k.inquiries = startInquiries(k)
	return k
}

// Close writes what is still waiting to be recorded and forgets what it remembers. Call it after the last request; a second call does nothing.
func (k *Keeper) Close() {
	k.inquiries.close()
	k.strangers.close()
	k.memory.forgetAll()
}

// event begins an event of a request.
func (k *Keeper) event(caller app.Caller, reason app.Reason) app.Event {
	return app.Event{AppID: k.app.ID, RequestID: caller.RequestID, Client: caller.Client, Reason: reason}
}

// Appid is the mini program whose keys are kept.
func (k *Keeper) Appid() app.Appid { return k.app.Appid }

// AppID is that mini program in our tables.
func (k *Keeper) AppID() app.AppID { return k.app.ID }

// Settings are the rules in force.
func (k *Keeper) Settings() Settings { return k.settings }

// LimitHits counts how often a limit of the keeper was hit.
func (k *Keeper) LimitHits() *meter.Tally[app.Limit] { return k.limits }
