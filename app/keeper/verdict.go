package keeper

import (
	"context"
	"errors"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Verdict is what WeChat says of a session key.
type Verdict struct {
	State   app.KeyState // confirmed or dead; "": WeChat gave no verdict
	Reason  app.Reason   // of the event that tells it
	Errcode int
	Problem string // why there is no verdict, in the words of package wechat
	Rid     string
}

// justConfirmed is how lately a key must have been confirmed for its sudden death to mean that another server exchanges codes
// for the same user.
const justConfirmed = time.Hour

// subject is the key that WeChat is asked about, and whose it is.
type subject struct {
	openid app.OpenID
	key    app.KeyRecord

	resetAt time.Time // when any of the user's keys was last reset
}

// ask asks WeChat about a key and stores the verdict. A verdict counts for the key it was asked about: if anything newer is
// known of the user by then, it changes nothing.
func (k *Keeper) ask(ctx context.Context, about subject) (Verdict, error) {
	verdict := Verdict{Reason: app.KeyCheckFailed, Problem: problemStoredKey}
	key, err := k.keyOf(about)
	if err == nil {
		verdict = k.verdictOn(about.key, k.weChat.CheckSession(ctx, about.openid, key))
	}
	if verdict.State == "" && ctx.Err() != nil {
		return verdict, ctx.Err() // we gave up asking: that says nothing of the key
	}
	return verdict, k.storeVerdict(context.WithoutCancel(ctx), about.key, verdict)
}

// problemStoredKey is why WeChat cannot be asked about a key whose row is damaged.
const problemStoredKey = "stored_key_damaged"

func (k *Keeper) keyOf(about subject) (app.SessionKey, error) {
	return sessionKey(k.ring, k.app.ID, about.openid, about.key)
}

func (k *Keeper) verdictOn(key app.KeyRecord, err error) Verdict {
	if err == nil {
		return Verdict{State: app.KeyConfirmed, Reason: app.KeyConfirmedWeChat}
	}
	verdict := Verdict{Reason: app.KeyCheckFailed, Problem: err.Error()}
	var refused *wechat.Error
	if !errors.As(err, &refused) {
		return verdict
	}
	verdict.Errcode, verdict.Rid, verdict.Problem = refused.Errcode, refused.Rid, string(refused.Problem)
	if refused.Class() != wechat.ClassKeyDead {
		return verdict
	}
	verdict.State, verdict.Reason = app.KeyDead, app.KeyFoundDead
	if !key.ConfirmedAt.IsZero() && k.clock().Sub(key.ConfirmedAt) < justConfirmed {
		verdict.Reason = app.KeyTakenElsewhere
	}
	return verdict
}

// storeVerdict writes what WeChat said to the key and into the user's events. A confirmation that is nothing new leaves no
// event: the walk over all keys would bury everything else.
func (k *Keeper) storeVerdict(ctx context.Context, before app.KeyRecord, verdict Verdict) error {
	now := k.clock()
	after := before
	switch verdict.State {
	case app.KeyConfirmed:
		after.Confirm(now, app.ConfirmedByWeChat)
		after.ConfirmedAt, after.ConfirmedBy = now, app.ConfirmedByWeChat // a call was spent on it: it is not only noted coarsely
	case app.KeyDead:
		after.DeadAt, after.DeadErrcode = now, verdict.Errcode
	default:
		after.TriedAt = now
	}
	if verdict.State == app.KeyDead && k.settings.FollowKey {
		defer k.verified.forgetAll()
	}
	return k.store.Write(ctx, func(tx *db.Tx) error {
		changed, err := tx.UpdateKey(k.app.ID, before, after)
		if err == nil && changed && verdict.State == app.KeyDead && k.settings.FollowKey {
			err = k.endWithKey(ctx, tx, before.UserID)
		}
		if err != nil || !changed || verdict.State == app.KeyConfirmed && before.FailedAt.IsZero() {
			return err
		}
		return k.tellVerdict(ctx, tx, before, verdict, now)
	})
}

func (k *Keeper) tellVerdict(ctx context.Context, tx *db.Tx, key app.KeyRecord, verdict Verdict, at time.Time) error {
	user, err := tx.UserByID(ctx, key.UserID)
	if err != nil {
		return err
	}
	event := k.event(app.Caller{}, verdict.Reason)
	event.Fingerprint, event.Errcode, event.Rid = key.Fingerprint, verdict.Errcode, verdict.Rid
	event.Detail.Problem = verdict.Problem
	return k.storeUser(tx, user, user, at, event)
}

// endWithKey ends all sessions of a user whose key is dead.
func (k *Keeper) endWithKey(ctx context.Context, tx *db.Tx, id app.UserID) error {
	user, err := tx.UserByID(ctx, id)
	if err != nil {
		return err
	}
	sessions, err := tx.SessionsOfUser(ctx, id)
	if err != nil {
		return err
	}
	return k.endAll(tx, user, sessions, k.event(app.Caller{}, app.DeviceKeyDead))
}

// CheckNow asks WeChat about a user's current key, on an operator's order.
func (k *Keeper) CheckNow(ctx context.Context, order Order, number app.UserNumber) (Verdict, error) {
	if err := order.check(); err != nil {
		return Verdict{}, err
	}
	about, err := k.subjectOf(ctx, number)
	if err != nil {
		return Verdict{}, err
	}
	if err := k.record(ctx, order, app.ActionCheck, about); err != nil {
		return Verdict{}, err
	}
	return k.ask(ctx, about)
}

// record writes an order down before it is carried out: what cannot be recorded is not done. What comes of it stands in the
// user's events.
func (k *Keeper) record(ctx context.Context, order Order, action app.Action, about subject) error {
	return k.store.Write(ctx, func(tx *db.Tx) error { return k.audit(tx, order, action, about.key.UserID, "") })
}

func (k *Keeper) subjectOf(ctx context.Context, number app.UserNumber) (subject, error) {
	user, err := k.store.Read().UserByNumber(ctx, k.app.ID, number)
	if err != nil {
		return subject{}, err
	}
	keys, err := k.store.Read().KeysOfUser(ctx, user.ID)
	if err != nil {
		return subject{}, err
	}
	if len(keys) == 0 || !keys[0].Current() || len(keys[0].Sealed) == 0 {
		return subject{}, app.Fail(app.NotFound, "")
	}
	about := subject{openid: user.OpenID, key: keys[0]}
	for _, key := range keys {
		about.resetAt = later(about.resetAt, key.ResetAt)
	}
	return about, nil
}

// resetPause is how long after a reset the same user is left alone: WeChat refuses frequent resets.
const resetPause = 24 * time.Hour

// Reset has WeChat replace a user's session key: the old one dies at once, the new one keeps the old one's end. Users reset
// lately are left out with TooManyRequests.
func (k *Keeper) Reset(ctx context.Context, order Order, number app.UserNumber) (Verdict, error) {
	if err := order.check(); err != nil {
		return Verdict{}, err
	}
	about, err := k.subjectOf(ctx, number)
	if err != nil {
		return Verdict{}, err
	}
	now := k.clock()
	if since := now.Sub(about.resetAt); since < resetPause {
		return Verdict{}, app.Fail(app.TooManyRequests, app.KeyResetRefused).After(resetPause - since)
	}
	old, err := k.keyOf(about)
	if err != nil {
		verdict := Verdict{Reason: app.KeyResetRefused, Problem: problemStoredKey}
		return verdict, k.storeVerdict(ctx, about.key, verdict)
	}
	if err := k.record(ctx, order, app.ActionReset, about); err != nil {
		return Verdict{}, err
	}
	made, askedAt, err := k.weChat.ResetUserSessionKey(ctx, about.openid, old)
	if err != nil {
		return k.refusedReset(ctx, about, err)
	}
	return k.storeReset(context.WithoutCancel(ctx), about, made, askedAt)
}

// refusedReset stores what a refusal tells about the key.
func (k *Keeper) refusedReset(ctx context.Context, about subject, cause error) (Verdict, error) {
	verdict := k.verdictOn(about.key, cause)
	if verdict.State != app.KeyDead {
		verdict.Reason = app.KeyResetRefused
	}
	return verdict, k.storeVerdict(ctx, about.key, verdict)
}

// storeReset puts the key that WeChat made in the place of the old one.
func (k *Keeper) storeReset(ctx context.Context, about subject, made app.SessionKey, asked time.Time) (Verdict, error) {
	now := k.clock()
	id := app.KeyID(app.NewID(now))
	key := app.KeyRecord{
		ID: id, UserID: about.key.UserID, AskedAt: asked, ResetAt: now, Fingerprint: k.ring.Fingerprint(made),
		Sealed: k.ring.Seal(db.KeyPlace(k.app.ID, id, about.openid), []byte(made.Reveal())),
	}
	verdict := Verdict{State: app.KeyConfirmed, Reason: app.KeyReset}
	return verdict, k.store.Write(ctx, func(tx *db.Tx) error {
		user, err := tx.UserByID(ctx, key.UserID)
		if err != nil {
			return err
		}
		known, err := tx.KeysOfUser(ctx, user.ID)
		if err != nil {
			return err
		}
		if _, err := k.placeKey(ctx, tx, app.Arrive(key, known), key, known, now); err != nil {
			return err
		}
		event := k.event(app.Caller{}, app.KeyReset)
		event.Fingerprint = key.Fingerprint
		return k.storeUser(tx, user, user, now, event)
	})
}
