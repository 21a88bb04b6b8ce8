package keeper

import (
	"context"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Session is what a token stands for.
type Session struct {
	User      app.UserNumber
	ExpiresIn time.Duration // until the session ends if it is not used again; 0 where a back end named the user
	Key       app.KeyState  // of the user's current session key
	Next      app.Next      // what to do before sealed data is collected
}

// holder is whoever a good token stands for, or whom a back end named: then there is no session.
type holder struct {
	hash    app.TokenHash
	session app.Session
	user    app.User
	keys    []app.KeyRecord // those that may open something, newest first; only where something is to be opened
	at      time.Time

	remembered bool   // not read: good for nothing but a write that proves it
	epoch      uint64 // of the memory, before any of this was learnt
}

// Session tells what a token stands for, and keeps the session alive: at most one write in 10 minutes.
func (k *Keeper) Session(ctx context.Context, caller app.Caller, who Who) (Session, error) {
	h, err := k.recognise(ctx, caller, who)
	if err != nil {
		return Session{}, err
	}
	if err := k.slide(ctx, &h); err != nil {
		return Session{}, err
	}
	key, err := k.freshness(ctx, h)
	if err != nil {
		return Session{}, err
	}
	session := Session{User: h.user.Number, Key: key.State, Next: key.Next()}
	if !h.named() {
		end, _ := k.settings.Sessions.End(h.session)
		session.ExpiresIn = end.Sub(h.at)
	}
	return session, nil
}

// slide keeps a session alive.
func (k *Keeper) slide(ctx context.Context, h *holder) error {
	if !k.slides(&h.session, h.at) {
		return nil
	}
	return h.vanished(k.store.Write(ctx, func(tx *db.Tx) error { return tx.SlideSession(h.session, h.at) }))
}

// freshness is what a client may know of its user's current key: the state, no dates, no suspicion. Whoever sends forged data
// would learn by them which check failed. A user without a key is as badly off as one whose key is dead.
func (k *Keeper) freshness(ctx context.Context, h holder) (app.Freshness, error) {
	keys, err := k.store.Read().KeysOfUser(ctx, h.user.ID)
	if err != nil || len(keys) == 0 || !keys[0].Current() {
		return app.Freshness{State: app.KeyDead}, err
	}
	told := keys[0]
	told.FailedAt = time.Time{}
	return told.Freshness(h.at, k.settings.KeyAging), nil
}

// Logout ends the session of a token.
func (k *Keeper) Logout(ctx context.Context, caller app.Caller, token string) error {
	h, err := k.holderOf(ctx, caller, token)
	if err != nil && app.KindOf(err) != app.UserDisabled {
		return err
	}
	return k.endHeld(ctx, h, k.event(caller, app.DeviceLogout))
}

// admitted finds the user of a call that a disabled user is refused, with an event that says so.
func (k *Keeper) admitted(ctx context.Context, caller app.Caller, who Who) (holder, error) {
	h, err := k.recognise(ctx, caller, who)
	if app.KindOf(err) == app.UserDisabled {
		err = k.refuse(ctx, h, k.event(caller, app.LoginDisabled), nil, err)
	}
	return h, err
}

// holderOf finds whoever a token stands for. A session past its end is ended here, so that it leaves one event and no more.
func (k *Keeper) holderOf(ctx context.Context, caller app.Caller, text string) (holder, error) {
	h := holder{at: k.clock()}
	token, err := app.ParseToken(text)
	if err == nil {
		h.hash = token.Hash()
		h.session, h.user, err = k.store.Read().SessionByToken(ctx, k.app.ID, h.hash)
	}
	switch kind := app.KindOf(err); {
	case err != nil && (kind == app.NotFound || kind == app.InvalidToken):
		k.strangers.record(h.at, k.event(caller, app.TokenUnknown))
		return h, app.Fail(app.InvalidToken, app.TokenUnknown)
	case err != nil:
		return h, err
	}
	if reason := k.over(h); reason != "" {
		if err := k.endHeld(ctx, h, k.event(caller, reason)); err != nil {
			return h, err
		}
		return h, app.Fail(app.InvalidToken, reason)
	}
	if h.user.Disabled() {
		return h, app.Fail(app.UserDisabled, app.LoginDisabled)
	}
	return h, nil
}

// over says for which reason a session has ended, "" while it lives.
func (k *Keeper) over(h holder) app.Reason {
	if h.session.Generation != h.user.Generation {
		return app.DeviceForced
	}
	if end, reason := k.settings.Sessions.End(h.session); !h.at.Before(end) {
		return reason
	}
	return ""
}

// endSession deletes a session with an event that says why. NotFound: it has ended already.
func (k *Keeper) endSession(ctx context.Context, session app.Session, at time.Time, event app.Event) error {
	return k.store.Write(ctx, func(tx *db.Tx) error {
		user, err := tx.UserByID(ctx, session.UserID)
		if err != nil {
			return err
		}
		if err := tx.EndSession(k.app.ID, session); err != nil {
			return err
		}
		return k.storeUser(tx, user, user, at, event)
	})
}

// endHeld ends the session of a token that has been presented.
func (k *Keeper) endHeld(ctx context.Context, h holder, event app.Event) error {
	err := k.endSession(ctx, h.session, h.at, event)
	k.verified.forget(h.hash)
	return h.vanished(err)
}

// slides moves a session's last use to now, coarsely, and tells whether that is worth storing.
func (k *Keeper) slides(session *app.Session, at time.Time) bool {
	if session.ID == 0 || at.Sub(session.SeenAt) < k.settings.Sessions.Grain() {
		return false
	}
	session.SeenAt = at
	return true
}
