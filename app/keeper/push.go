package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// Pushed does what a message that WeChat pushed demands: it blanks what WeChat found unfit, and deletes what the user no longer
// agrees to. The same message twice does it once.
func (k *Keeper) Pushed(ctx context.Context, caller app.Caller, message wechat.Message) error {
	panic("being written")
}

// NoteBadPush records a push that was refused.
func (k *Keeper) NoteBadPush(caller app.Caller, cause error) {
	event := k.event(caller, app.PushBadSignature)
	event.Detail.Problem = cause.Error()
	k.strangers.record(k.Clock(), event)
}
