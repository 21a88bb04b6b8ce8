package keeper

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const (
	inquiriesWaiting = 256
	inquirers        = 4
)

// inquiries asks WeChat, after an answer has left, about the key that failed to open something: the client's answer keeps its
// timing, and the operator learns whether the key is dead or the data was sealed under one that is not held here. What finds
// no room, or no budget, is left to the background check.
type inquiries struct {
	keeper *Keeper
	queue  chan inquiry
	cancel context.CancelFunc
	asking sync.Map // keys being asked about
	all    sync.WaitGroup
}

// inquiry is one failed opening that WeChat may explain.
type inquiry struct {
	caller app.Caller
	user   app.User
	key    app.KeyID

	explain bool // the verdict tells why the opening failed
}

func startInquiries(k *Keeper) *inquiries {
	ctx, cancel := context.WithCancel(context.Background())
	i := &inquiries{keeper: k, queue: make(chan inquiry, inquiriesWaiting), cancel: cancel}
	for range inquirers {
		i.all.Go(func() { i.run(ctx) })
	}
	return i
}

func (i *inquiries) close() {
	i.cancel()
	i.all.Wait()
}

// begin asks for an inquiry, unless one about the same key is under way.
func (i *inquiries) begin(one inquiry) {
	if _, asked := i.asking.LoadOrStore(one.key, true); asked {
		return
	}
	select {
	case i.queue <- one:
	default:
		i.keeper.limits.Add(app.LimitInquiries, 1)
		i.asking.Delete(one.key)
	}
}

func (i *inquiries) run(ctx context.Context) {
	for {
		select {
		case one := <-i.queue:
			if err := i.keeper.inquire(ctx, one); err != nil && ctx.Err() == nil {
				i.keeper.log.Error("inquiry failed", "request_id", string(one.caller.RequestID), "error", err)
			}
			i.asking.Delete(one.key)
		case <-ctx.Done():
			return
		}
	}
}

// inquire asks WeChat about the key, if it is still the user's current one, and tells the failed opening's outcome.
func (k *Keeper) inquire(ctx context.Context, one inquiry) error {
	keys, err := k.store.Read().KeysOfUser(ctx, one.user.ID)
	if err != nil || len(keys) == 0 || keys[0].ID != one.key || !keys[0].DeadAt.IsZero() {
		return err
	}
	if !k.budget.AllowN(k.clock(), 1) {
		return nil
	}
	verdict, err := k.ask(ctx, subject{openid: one.user.OpenID, key: keys[0]})
	if err != nil || verdict.State == "" || !one.explain {
		return err
	}
	event := k.event(one.caller, app.OpenOtherKey)
	if verdict.State == app.KeyDead {
		event.Reason = app.OpenKeyDead
	}
	event.Fingerprint, event.Errcode, event.Rid = keys[0].Fingerprint, verdict.Errcode, verdict.Rid
	event.Detail.KeyObtainedAt = keys[0].ObtainedAt()
	return k.store.Write(ctx, func(tx *db.Tx) error {
		user, err := tx.UserByID(ctx, one.user.ID)
		if err != nil {
			return err
		}
		return k.storeUser(tx, user, user, k.clock(), event)
	})
}

// Probing is how the background check fares.
type Probing struct {
	Checked, Dead, Failed int // since the start of the process
	PausedUntil           time.Time
	Pause                 string // why it pauses, in the words of package wechat
	Stopped               Pause  // by an operator
	PerMinute             int    // the budget: how often WeChat may be asked in a minute
	Left                  int    // what is left of it now
}

// probing is the background check's state.
type probing struct {
	lock sync.Mutex
	Probing
}

// probers is how many questions of the background check may wait for WeChat at once.
const probers = 4

// retryUnanswered is how long a key is left alone about which WeChat gave no verdict.
const retryUnanswered = time.Hour

// Probing tells how the background check fares.
func (k *Keeper) Probing(ctx context.Context) (Probing, error) {
	stopped, err := k.checksPaused(ctx)
	if err != nil {
		return Probing{}, err
	}
	p := k.probed()
	p.Stopped, p.PerMinute = stopped, k.settings.ChecksPerMinute
	p.Left = int(max(0, k.budget.TokensAt(k.clock())))
	return p, nil
}

// probed is what this process remembers of the background check.
func (k *Keeper) probed() Probing {
	k.probing.lock.Lock()
	defer k.probing.lock.Unlock()
	return k.probing.Probing
}

// Probe is one turn of the background check: it asks WeChat about the keys that failed, then about those unconfirmed for
// longest, within the minute's budget. What it has learnt is stored key by key, so it may be stopped and run again at any time.
func (k *Keeper) Probe(ctx context.Context) error {
	if may, err := k.mayProbe(ctx); !may {
		return err
	}
	now := k.clock()
	keys, err := k.store.Read().KeysToCheck(ctx, k.app.ID, now.Add(-k.settings.KeyAging), now.Add(-retryUnanswered),
		k.settings.ChecksPerMinute)
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		defer func() { k.tellProbing() }()
	}
	asking, over := errgroup.Group{}, atomic.Bool{}
	asking.SetLimit(probers)
	for _, one := range keys {
		if over.Load() {
			break
		}
		asking.Go(func() error {
			may, err := k.mayProbe(ctx)
			if !may || !k.budget.AllowN(k.clock(), 1) {
				over.Store(true)
				return err
			}
			verdict, err := k.ask(ctx, subject{openid: one.OpenID, key: one.Key})
			if err == nil && ctx.Err() == nil {
				k.noteProbe(verdict)
			}
			return err
		})
	}
	return asking.Wait()
}

// mayProbe says whether the background check may ask now: nobody has stopped it, and WeChat answers.
func (k *Keeper) mayProbe(ctx context.Context) (bool, error) {
	if ctx.Err() != nil || k.clock().Before(k.probed().PausedUntil) {
		return false, nil
	}
	pause, err := k.checksPaused(ctx)
	return err == nil && pause.Since.IsZero(), err
}

// tellProbing logs how far the background check has come.
func (k *Keeper) tellProbing() {
	p := k.probed()
	k.log.Info("session keys checked", "checked", p.Checked, "dead", p.Dead, "failed", p.Failed, "pause", p.Pause,
		"paused_until", p.PausedUntil)
}

// noteProbe counts a verdict, and pauses the check where WeChat gave none.
func (k *Keeper) noteProbe(verdict Verdict) {
	k.probing.lock.Lock()
	defer k.probing.lock.Unlock()
	p := &k.probing.Probing
	p.Checked++
	switch verdict.State {
	case app.KeyDead:
		p.Dead++
	case "":
		p.Failed++
		p.Pause, p.PausedUntil = verdict.Problem, later(p.PausedUntil, k.clock().Add(k.pauseAfter(verdict)))
	}
}

// pauseAfter says how long to leave WeChat alone after it gave no verdict.
func (k *Keeper) pauseAfter(verdict Verdict) time.Duration {
	switch {
	case verdict.Errcode == wechat.ErrcodeDayQuota:
		return UntilTomorrow(k.clock())
	case verdict.Errcode == wechat.ErrcodeOpenIDUnknown, verdict.Problem == problemStoredKey:
		return 0 // this user's own trouble
	default:
		return time.Minute
	}
}

// UntilTomorrow is how long it takes until WeChat's day ends, which is China's.
func UntilTomorrow(now time.Time) time.Duration {
	const chinaOffset = 8 * time.Hour
	local := now.UTC().Add(chinaOffset)
	return local.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(local)
}
