package keeper

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Sealed is encrypted data as a client sends it. RawData and Signature are optional; only both together are looked at.
type Sealed struct {
	EncryptedData string
	IV            string
	RawData       string
	Signature     string
}

// Opened is what a payload held. A profile is the user's stored profile after this payload was applied; any other kind is
// the opened object itself, without openId and watermark.
type Opened struct {
	User      app.UserNumber
	IsProfile bool
	Profile   app.Profile
	Object    json.RawMessage
}

// Open opens sealed data of a user and stores what it tells about the user. Every failure to open is
// SealedDataUnopened, whatever the cause; the event says which check failed.
func (k *Keeper) Open(ctx context.Context, caller app.Caller, who Who, sealed Sealed) (Opened, error) {
	opened, err := k.openAsRemembered(ctx, caller, who.token, sealed)
	if !errors.Is(err, errNotAsRemembered) {
		return opened, err
	}
	epoch := k.memory.now()
	h, err := k.admitted(ctx, caller, who)
	if err != nil {
		return Opened{}, err
	}
	data, err := wechat.ReadSealed(sealed.EncryptedData, sealed.IV)
	if err != nil {
		return Opened{}, k.refuseMalformed(ctx, caller, h, err)
	}
	if wait, first := k.tooManyFailures(h); wait > 0 {
		return Opened{}, k.refuseLimited(ctx, caller, h, wait, first)
	}
	h.epoch = epoch
	h.keys, err = k.store.Read().KeysWithMaterial(ctx, h.user.ID)
	if err != nil {
		return Opened{}, err
	}
	trial := k.try(h, data, sealed)
	if trial.failed != "" {
		k.failures.add(h.watched(), h.at)
		return Opened{}, k.refuseTrial(ctx, caller, h, trial)
	}
	if err := k.confirmPhone(ctx, caller, h, data, trial); err != nil {
		return Opened{}, err
	}
	return k.accept(ctx, caller, h, trial)
}

// errNotAsRemembered says that what is remembered does not do. Nothing was written.
var errNotAsRemembered = errors.New("not as remembered")

// openAsRemembered opens what the owner of a token sends without reading first. The write proves that the session lives and that the
// keys are those of its user. Whatever is not good is looked at again with what is stored: no refusal comes from memory.
func (k *Keeper) openAsRemembered(ctx context.Context, caller app.Caller, text string, sealed Sealed) (Opened, error) {
	h, ok := k.recall(text)
	if !ok || k.over(h) != "" || h.user.Disabled() || k.failures.any(h) {
		return Opened{}, errNotAsRemembered
	}
	data, err := wechat.ReadSealed(sealed.EncryptedData, sealed.IV)
	if err != nil {
		return Opened{}, errNotAsRemembered
	}
	trial := k.try(h, data, sealed)
	if trial.failed != "" || k.asksAbout(trial) {
		return Opened{}, errNotAsRemembered
	}
	return k.accept(ctx, caller, h, trial)
}

// recall tells what is remembered of whoever a token stands for.
func (k *Keeper) recall(text string) (holder, bool) {
	token, err := app.ParseToken(text)
	if err != nil {
		return holder{}, false
	}
	hash := token.Hash()
	known, ok, epoch := k.memory.byToken(hash)
	return holder{
		hash: hash, session: known.session, user: known.user, keys: known.keys, at: k.clock(), remembered: true, epoch: epoch,
	}, ok
}

// trial is what became of trying every usable key on a payload.
type trial struct {
	failed    app.Reason // "" when the payload is good
	notes     []app.Reason
	problem   string // which check failed, in the words of package wechat
	payload   wechat.Payload
	digest    app.PayloadDigest
	repaired  bool
	current   app.KeyRecord // the user's newest key
	fitting   app.KeyRecord // the key that opened the payload, if one did
	position  int           // of the fitting key: 0 is the current one
	opened    bool
	signed    bool // rawData and signature came along
	signature bool // and a known key made the signature
	signer    app.KeyRecord
}

// try tries every usable key, always all of them, so that the time tells nobody which one fitted.
func (k *Keeper) try(h holder, data wechat.Sealed, sealed Sealed) trial {
	t := trial{repaired: data.Repaired, digest: digestOf(data), signed: sealed.RawData != "" && sealed.Signature != ""}
	if len(h.keys) > 0 {
		t.current = h.keys[0]
	}
	for i, record := range app.UsableKeys(h.keys, h.at, k.settings.KeyGrace) {
		key, err := sessionKey(k.ring, h.user.AppID, h.user.OpenID, record)
		if err != nil {
			k.log.Error("stored session key does not open", "fingerprint", record.Fingerprint.String(), "error", err)
			continue
		}
		if t.signed && wechat.CheckRawData(key, sealed.RawData, sealed.Signature) {
			t.signature, t.signer = true, record
		}
		payload, err := data.Open(key)
		switch {
		case err != nil && i == 0:
			t.problem = err.Error()
		case err == nil && !t.opened:
			t.opened, t.payload, t.fitting, t.position = true, payload, record, i
		}
	}
	t.judge(k, h)
	return t
}

// sessionKey decrypts a stored session key.
func sessionKey(ring *db.KeyRing, appID app.AppID, owner app.OpenID, record app.KeyRecord) (app.SessionKey, error) {
	text, err := ring.Open(db.KeyPlace(appID, record.ID, owner), record.Sealed)
	if err != nil {
		return app.SessionKey{}, err
	}
	return app.NewSessionKey(string(text))
}

// judge says whether the payload is good, in the order of the checks.
func (t *trial) judge(k *Keeper, h holder) {
	switch {
	case t.signed && t.signature:
		t.notes = append(t.notes, app.SignatureOK)
	case t.signed:
		t.notes = append(t.notes, app.SignatureMismatch)
	}
	switch {
	case !t.opened && t.signature:
		t.failed = app.OpenDataDamaged
	case !t.opened && !t.current.DeadAt.IsZero():
		t.failed = app.OpenKeyDead
		t.notes = append(t.notes, openingFailures[t.problem]...)
	case !t.opened:
		t.failed = app.OpenNoKeyFits
		t.notes = append(t.notes, openingFailures[t.problem]...)
	case t.signed && !t.signature:
		t.failed, t.notes = app.SignatureMismatch, nil
	default:
		t.failed, t.problem = k.checkPayload(h, t.payload)
	}
}

// openingFailures names the two ways in which a key does not fit.
var openingFailures = map[string][]app.Reason{
	wechat.BadPadding.Error(): {app.OpenPadding},
	wechat.BadJSON.Error():    {app.OpenNotJSON},
}

// futureAllowed is how far ahead of our clock WeChat's may be.
const futureAllowed = 5 * time.Minute

// checkPayload checks what an opened payload says about itself.
func (k *Keeper) checkPayload(h holder, payload wechat.Payload) (failed app.Reason, problem string) {
	if err := payload.CheckWatermark(k.app.Appid); err != nil {
		return payloadFailure(err), err.Error()
	}
	age := h.at.Sub(payload.Watermark.At)
	switch {
	case age < -futureAllowed:
		return app.OpenFuture, ""
	case k.settings.SealedMaxAge > 0 && age > k.settings.SealedMaxAge:
		return app.OpenTooOld, ""
	}
	if err := payload.CheckOpenID(h.user.OpenID); err != nil {
		return payloadFailure(err), err.Error()
	}
	return "", ""
}

func payloadFailure(err error) app.Reason {
	switch {
	case errors.Is(err, wechat.MissingWatermark):
		return app.OpenNoWatermark
	case errors.Is(err, wechat.AppidMismatch):
		return app.OpenOtherAppid
	default:
		return app.OpenOtherOpenID
	}
}

// refuseMalformed records a payload that is not even base64 of the right lengths.
func (k *Keeper) refuseMalformed(ctx context.Context, caller app.Caller, h holder, cause error) error {
	event := k.event(caller, app.OpenMalformed)
	failure := app.Fail(app.Malformed, app.OpenMalformed).Because(cause)
	var malformed *wechat.FormatError
	if errors.As(cause, &malformed) {
		failure.Field = malformed.Field
		event.Detail = app.Detail{Field: malformed.Field, Problem: malformed.Problem.Error()}
	}
	return k.refuse(ctx, h, event, nil, failure)
}

// refuseTrial records a failure to open. Whatever it was, the same work is done and the same answer given.
func (k *Keeper) refuseTrial(ctx context.Context, caller app.Caller, h holder, t trial) error {
	event := k.event(caller, t.failed)
	event.Fingerprint = t.current.Fingerprint
	event.Detail = app.Detail{Notes: t.notes, Problem: t.problem, KeyObtainedAt: t.current.ObtainedAt()}
	if t.opened {
		event.Fingerprint = t.fitting.Fingerprint
		event.Detail.Kind, event.Detail.Key = string(t.payload.Kind), t.position
		if t.payload.Watermark != nil {
			event.Detail.SealedAt = t.payload.Watermark.At
		}
		if t.failed == app.OpenOtherAppid {
			event.Detail.OtherAppid, event.Detail.OurAppid = bounded(t.payload.Watermark.Appid), k.app.Appid
		}
	}
	failure := k.refuse(ctx, h, event, func(tx *db.Tx) error { return k.suspect(ctx, tx, t, h.at) },
		app.Fail(app.SealedDataUnopened, t.failed))
	if t.current.ID != 0 { // after every failure, or the key's state would tell which it was
		k.inquiries.begin(inquiry{caller: caller, user: h.user, key: t.current.ID, explain: t.failed == app.OpenNoKeyFits})
	}
	return failure
}

// suspect notes that the current key failed, or, where a signature has just proved a key, that this one is good.
func (k *Keeper) suspect(ctx context.Context, tx *db.Tx, t trial, at time.Time) error {
	switch {
	case t.opened || t.current.ID == 0:
		return nil
	case t.signature:
		_, err := k.learn(ctx, tx, t.signer, func(key *app.KeyRecord) bool { return key.Confirm(at, app.ConfirmedBySignature) })
		return err
	default:
		_, err := k.learn(ctx, tx, t.current, func(key *app.KeyRecord) bool { return key.Fail(at) })
		return err
	}
}

// learn stores what was learnt of a key and gives the key as it is then. If somebody else has learnt something meanwhile, it is
// looked at again.
func (k *Keeper) learn(
	ctx context.Context, tx *db.Tx, before app.KeyRecord, change func(*app.KeyRecord) bool,
) (app.KeyRecord, error) {
	for {
		after := before
		if !change(&after) {
			return before, nil
		}
		changed, err := tx.UpdateKey(k.app.ID, before, after)
		if err != nil || changed {
			return after, err
		}
		before, err = tx.Key(ctx, before)
		if app.KindOf(err) == app.NotFound {
			return before, nil // forgotten meanwhile: its dates matter to nobody any more
		}
		if err != nil {
			return before, err
		}
	}
}

// refuseLimited turns a session away that failed too often. One event tells it, however often the session asks.
func (k *Keeper) refuseLimited(ctx context.Context, caller app.Caller, h holder, wait time.Duration, first bool) error {
	k.limits.Add(app.LimitSession, 1)
	failure := app.Fail(app.TooManyRequests, app.OpenLimited).After(wait)
	if !first {
		return failure
	}
	return k.refuse(ctx, h, k.event(caller, app.OpenLimited), nil, failure)
}

// refuse writes the event of a failed opening and gives the failure back. Nothing else of the user or the session changes.
func (k *Keeper) refuse(
	ctx context.Context, h holder, event app.Event, also func(*db.Tx) error, failure error,
) error {
	err := k.asHolder(ctx, h, func(tx *db.Tx, _ app.Session, user app.User) (bool, error) {
		_, stored, err := k.replaceUser(tx, user, user, h.at, event)
		if err == nil && stored && also != nil {
			err = also(tx)
		}
		return stored, err
	})
	if err != nil {
		return err
	}
	return failure
}

// asHolder writes something about the user of a call. It is tried on what was read before the transaction; where that is not so
// any more, which the write finds out before it changes anything, on what is read in it. errNotAsRemembered: it was not read, and is
// not so.
func (k *Keeper) asHolder(ctx context.Context, h holder, write func(*db.Tx, app.Session, app.User) (bool, error)) error {
	mistaken := false
	err := k.store.Write(ctx, func(tx *db.Tx) error {
		written, err := write(tx, h.session, h.user)
		mistaken = h.remembered && err == nil && !written
		if err != nil || written || mistaken {
			return err
		}
		session, user, err := k.present(ctx, tx, h)
		if err != nil {
			return err
		}
		written, err = write(tx, session, user)
		if err == nil && !written {
			err = app.Fail(app.NotFound, "")
		}
		return err
	})
	if err == nil && mistaken {
		return errNotAsRemembered
	}
	return h.vanished(err)
}

// present finds session and user again inside the transaction, if the session has not ended meanwhile.
func (k *Keeper) present(ctx context.Context, tx *db.Tx, h holder) (app.Session, app.User, error) {
	if h.named() {
		user, err := tx.UserByID(ctx, h.user.ID)
		return app.Session{}, user, err
	}
	session, user, err := tx.SessionByToken(ctx, k.app.ID, h.hash)
	if err == nil && session.Generation != user.Generation {
		err = app.Fail(app.InvalidToken, app.DeviceForced)
	}
	return session, user, err
}

// digestOf names a payload by its iv and ciphertext.
func digestOf(data wechat.Sealed) app.PayloadDigest {
	sum := sha256.Sum256(append(append([]byte{}, data.IV...), data.Ciphertext...))
	return app.PayloadDigest(sum[:len(app.PayloadDigest{})])
}

// bounded cuts an appid that strangers chose.
func bounded(appid app.Appid) app.Appid {
	const longest = 64
	if len(appid) > longest {
		return appid[:longest]
	}
	return appid
}

// sealPhone encrypts a phone number for storage.
func (k *Keeper) sealPhone(user app.User, phone app.Phone) (app.SealedPhone, error) {
	sealed, err := k.ring.SealValue(db.PhonePlace(user.AppID, user.ID, user.OpenID), phone)
	if err != nil {
		return app.SealedPhone{}, fmt.Errorf("phone number: %w", err)
	}
	tail := phone.PureNumber
	if len(tail) > 4 {
		tail = tail[len(tail)-4:]
	}
	return app.SealedPhone{
		Sealed: sealed,
		Hash:   k.ring.PhoneHash(phone.PureNumber),
		Tail:   tail,
	}, nil
}

// Phone decrypts a user's stored phone number. The zero Phone: none is stored.
func Phone(ring *db.KeyRing, user app.User) (app.Phone, error) {
	var phone app.Phone
	if len(user.Phone.Sealed) == 0 {
		return phone, nil
	}
	err := ring.OpenValue(db.PhonePlace(user.AppID, user.ID, user.OpenID), user.Phone.Sealed, &phone)
	return phone, err
}
