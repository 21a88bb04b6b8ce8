package keeper

import (
	"context"
	"fmt"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// Signed is a signature of a user's session key.
type Signed struct {
	User        app.UserNumber
	Signature   string    // lower-case hex of HMAC-SHA256
	ConfirmedAt time.Time // when the key was last known to be good
}

// Sign signs a payload with a user's session key, for what WeChat checks against it (virtual payment, calls, storage: 用户登录态签名),
// so that the key never leaves. The payload's bytes are signed as they are. A key not known to be good since maxAge ago, nil for
// any age, is first checked with WeChat. SealedDataUnopened: there is no key, or it is dead: the user has to log in.
// WeChatUnavailable, Misconfigured, TooManyRequests: WeChat could not be asked.
//
// An empty payload is refused (Malformed): its signature is the one by which a server proves to WeChat that it holds the key.
func (k *Keeper) Sign(ctx context.Context, caller app.Caller, who Who, payload string, maxAge *time.Duration) (Signed, error) {
	if payload == "" {
		return Signed{}, app.FailField(app.Malformed, "", "payload")
	}
	h, err := k.recognise(ctx, caller, who)
	if err != nil {
		return Signed{}, err
	}
	about, err := k.signer(ctx, h)
	if err != nil {
		return Signed{}, err
	}
	good := about.key.KnownGoodAt()
	if maxAge != nil && (!about.key.FailedAt.IsZero() || h.at.Sub(good) > *maxAge) {
		if about, good, err = k.checkSigner(ctx, h, about); err != nil {
			return Signed{}, err
		}
	}
	key, err := k.keyOf(about)
	if err != nil {
		return Signed{}, app.Fail(app.SealedDataUnopened, app.KeyCheckFailed).Because(err)
	}
	return Signed{User: h.user.Number, Signature: wechat.SignLogin(key, []byte(payload)), ConfirmedAt: good}, nil
}

// signer is the user's current key, unless that is known to be dead.
func (k *Keeper) signer(ctx context.Context, h holder) (subject, error) {
	keys, err := k.store.Read().KeysWithMaterial(ctx, h.user.ID)
	if err != nil {
		return subject{}, err
	}
	if len(keys) == 0 || !keys[0].Current() || !keys[0].DeadAt.IsZero() {
		return subject{}, app.Fail(app.SealedDataUnopened, app.KeyFoundDead)
	}
	return subject{openid: h.user.OpenID, key: keys[0]}, nil
}

// checkSigner asks WeChat about the key that is to sign. If a login replaced the key meanwhile, the new one signs: WeChat has just
// given it.
func (k *Keeper) checkSigner(ctx context.Context, h holder, about subject) (subject, time.Time, error) {
	verdict, err := k.askOnce(ctx, about)
	if err != nil {
		return about, time.Time{}, err
	}
	now, err := k.signer(ctx, h)
	switch {
	case err != nil:
		return about, time.Time{}, err
	case now.key.ID != about.key.ID:
		return now, now.key.KnownGoodAt(), nil
	case verdict.State == app.KeyConfirmed:
		return now, k.clock(), nil
	case verdict.State == app.KeyDead: // a verdict that was not stored, since something newer was learnt of the key
		return about, time.Time{}, app.Fail(app.SealedDataUnopened, app.KeyFoundDead)
	}
	return about, time.Time{}, k.unanswered(verdict)
}

// askOnce asks WeChat about a key; whoever wants to know the same meanwhile shares the answer. It is not of the budget for what nobody
// waits for, and goes on when its caller has gone: others may wait too.
func (k *Keeper) askOnce(ctx context.Context, about subject) (Verdict, error) {
	answer, err, _ := k.checks.Do(fmt.Sprint(about.key.UserID, about.key.ID), func() (any, error) {
		return k.ask(context.WithoutCancel(ctx), about)
	})
	if err != nil {
		return Verdict{}, err
	}
	return answer.(Verdict), nil
}

// unanswered tells a back end why WeChat gave no verdict.
func (k *Keeper) unanswered(verdict Verdict) error {
	failed := &wechat.Error{Problem: wechat.Problem(verdict.Problem), Errcode: verdict.Errcode}
	kind := app.WeChatUnavailable
	switch failed.Class() {
	case wechat.ClassConfiguration:
		kind = app.Misconfigured
	case wechat.ClassLimited:
		kind = app.TooManyRequests
	}
	return app.Fail(kind, app.KeyCheckFailed).After(k.waitAfter(failed))
}
