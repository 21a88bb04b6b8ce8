package keeper

import (
	"context"

	"wxkeeper/app"
)

// Who says of whom a call is: of whoever holds a token or, where a back end asks, of one of its users by openid or number. A
// handler makes it, and recognise is the one place that finds the user.
type Who struct {
	token  string
	openid app.OpenID
	number app.UserNumber
}

// ByToken is whoever holds a token.
func ByToken(token string) Who { return Who{token: token} }

// ByOpenID is the user of an openid, for a back end that has shown its credentials.
func ByOpenID(openid app.OpenID) Who { return Who{openid: openid} }

// ByNumber is the user of a number, for a back end that has shown its credentials.
func ByNumber(number app.UserNumber) Who { return Who{number: number} }

// recognise finds the user a call is about.
func (k *Keeper) recognise(ctx context.Context, caller app.Caller, who Who) (holder, error) {
	if who.openid == "" && who.number == 0 {
		return k.holderOf(ctx, caller, who.token)
	}
	return k.named(ctx, caller, who)
}

// named finds a user by name. To the back end, a user nobody knows is one without a key: the mini program logs in, then it goes on.
func (k *Keeper) named(ctx context.Context, caller app.Caller, who Who) (holder, error) {
	h := holder{at: k.clock()}
	var err error
	if who.openid != "" {
		h.user, err = k.store.Read().UserByOpenID(ctx, k.app.ID, who.openid)
	} else {
		h.user, err = k.store.Read().UserByNumber(ctx, k.app.ID, who.number)
	}
	switch {
	case app.KindOf(err) == app.NotFound:
		k.strangers.record(h.at, k.event(caller, app.BackEndNoUser))
		return h, app.Fail(app.SealedDataUnopened, app.BackEndNoUser)
	case err != nil:
		return h, err
	case h.user.Disabled():
		return h, app.Fail(app.UserDisabled, app.LoginDisabled)
	}
	return h, nil
}

// named says whether a back end named the user, so that there is no session.
func (h holder) named() bool { return h.session.ID == 0 }

// vanished says in a caller's terms that a user or a session went away between the look at it and the write.
func (h holder) vanished(err error) error {
	switch {
	case err == nil || app.KindOf(err) != app.NotFound:
		return err
	case h.named():
		return app.Fail(app.SealedDataUnopened, app.BackEndNoUser)
	}
	return app.Fail(app.InvalidToken, app.TokenUnknown)
}
