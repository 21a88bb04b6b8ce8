package keeper

import (
	"context"

	"wxkeeper/app"
)

// Report records a failure inside WeChat that a client tells of. Nobody vouches for it, so that it changes nothing: no key's status, not
// when the user was seen. With a good token it is the user's; with any other it is nobody's, since a report is worth no login.
func (k *Keeper) Report(ctx context.Context, caller app.Caller, token string, failure app.ClientFailure) error {
	failure, err := app.CleanFailure(failure)
	if err != nil {
		return err
	}
	event := k.event(caller, failure.Reason())
	event.Detail = app.Detail{API: failure.API, Errno: failure.Errno, Problem: failure.Message}
	if h, known := k.owner(ctx, token); known {
		err := k.refuse(ctx, h, event, nil, nil)
		if app.KindOf(err) != app.InvalidToken {
			return err
		}
	}
	k.strangers.record(k.clock(), event)
	return nil
}

// owner finds whoever a token stands for, and leaves no trace where it stands for nobody.
func (k *Keeper) owner(ctx context.Context, text string) (holder, bool) {
	h := holder{at: k.clock()}
	token, err := app.ParseToken(text)
	if err != nil {
		return h, false
	}
	h.hash = token.Hash()
	h.session, h.user, err = k.store.Read().SessionByToken(ctx, k.app.ID, h.hash)
	return h, err == nil && k.over(h) == ""
}
