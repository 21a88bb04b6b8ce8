package keeper

import (
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// accept stores what a good payload tells: the profile or phone number, the key that fitted, and the event.
func (k *Keeper) accept(ctx context.Context, caller app.Caller, h holder, t trial) (Opened, error) {
	phone, err := k.phoneOf(h.user, t.payload)
	if err != nil {
		return Opened{}, err
	}
	var after app.User
	var known recollection
	err = k.asHolder(ctx, h, func(tx *db.Tx, session app.Session, before app.User) (stored bool, err error) {
		if before.Disabled() {
			return false, app.Fail(app.UserDisabled, app.LoginDisabled)
		}
		var notes []app.Reason
		after, notes = apply(before, t, phone, h.at)
		after, stored, err = k.replaceUser(tx, before, after, h.at, k.openedEvent(caller, before, t, notes))
		if err != nil || !stored {
			return false, err
		}
		confirmed, err := k.confirm(ctx, tx, t, h.at)
		if err != nil {
			return false, err
		}
		if k.slides(&session, h.at) {
			err = tx.SlideSession(session, h.at)
		}
		known = recollection{session: session, user: after}
		if before.LastEvent == h.user.LastEvent { // or the keys are older than that
			known.keys = withKey(h.keys, confirmed)
		}
		return true, err
	})
	if err != nil {
		return Opened{}, err
	}
	if known.keys != nil && !h.named() { // who is named has no token to be remembered by
		k.memory.remember(h.hash, known, h.epoch)
	}
	opened := Opened{User: after.Number, IsProfile: t.payload.Kind == wechat.KindProfile}
	if opened.IsProfile {
		opened.Profile = after.Profile
	} else {
		opened.Object = t.payload.Object()
	}
	return opened, nil
}

func (k *Keeper) phoneOf(user app.User, payload wechat.Payload) (app.SealedPhone, error) {
	if payload.Kind != wechat.KindPhone {
		return app.SealedPhone{}, nil
	}
	return k.sealPhone(user, payload.Phone)
}

// apply gives the user as a good payload leaves him, and what an event should note about it. Old data never overwrites new.
func apply(before app.User, t trial, phone app.SealedPhone, at time.Time) (after app.User, notes []app.Reason) {
	after = before
	watermark := t.payload.Watermark.At
	switch t.payload.Kind {
	case wechat.KindProfile:
		notes = applyProfile(&after, t.payload.Profile, watermark)
	case wechat.KindPhone:
		notes = applyPhone(&after, phone, watermark)
	}
	if t.payload.UnionID != "" {
		after.UnionID = t.payload.UnionID
	}
	if !before.Opened.Contains(t.digest) {
		after.Opened = before.Opened.With(t.digest)
	}
	seen(&after, at)
	return after, notes
}

func applyPhone(user *app.User, arriving app.SealedPhone, watermark time.Time) []app.Reason {
	if watermark.Before(user.PhoneAt) {
		return nil
	}
	user.Phone, user.PhoneAt = arriving, watermark
	return []app.Reason{app.PhoneOK}
}

func applyProfile(user *app.User, arriving app.Profile, watermark time.Time) []app.Reason {
	switch user.ChangeProfile(arriving, watermark) {
	case app.ProfileUpdated:
		user.Profile, user.ProfileAt = arriving, watermark
		return []app.Reason{app.ProfileWasUpdated}
	case app.ProfileAnonymous:
		return []app.Reason{app.ProfileWasAnonymous}
	case app.ProfileOlder:
		return []app.Reason{app.ProfileWasOlder}
	default:
		return nil
	}
}

// withKey gives keys with one of them as it has become.
func withKey(keys []app.KeyRecord, become app.KeyRecord) []app.KeyRecord {
	after := slices.Clone(keys)
	for i := range after {
		if after[i].ID == become.ID {
			after[i] = become
		}
	}
	return after
}

// confirm notes that the key that fitted was good when WeChat sealed the payload, and gives it as it is then.
func (k *Keeper) confirm(ctx context.Context, tx *db.Tx, t trial, at time.Time) (app.KeyRecord, error) {
	when := t.payload.Watermark.At
	if when.After(at) {
		when = at
	}
	return k.learn(ctx, tx, t.fitting, func(key *app.KeyRecord) bool { return key.Confirm(when, app.ConfirmedByOpening) })
}

// openedEvent tells a good opening: the most telling reason first, the rest as notes.
func (k *Keeper) openedEvent(caller app.Caller, before app.User, t trial, notes []app.Reason) app.Event {
	var reasons []app.Reason
	if t.position > 0 {
		reasons = append(reasons, app.OpenOKPrevious)
	}
	if t.repaired {
		reasons = append(reasons, app.OpenRepaired)
	}
	if before.Opened.Contains(t.digest) {
		reasons = append(reasons, app.OpenReplayed)
	}
	if len(reasons) == 0 {
		reasons = append(reasons, app.OpenOK)
	}
	event := k.event(caller, reasons[0])
	event.Fingerprint = t.fitting.Fingerprint
	event.Detail = app.Detail{Key: t.position, Kind: string(t.payload.Kind)}
	event.Detail.Notes = append(append(append(event.Detail.Notes, reasons[1:]...), t.notes...), notes...)
	return event
}
