package keeper

import (
	"context"
	"fmt"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// pushesKept is how long a pushed message is remembered: WeChat sends one again within minutes, an import of withdrawals may
// repeat a week's.
const pushesKept = 30 * 24 * time.Hour

// Pushed does what a message that WeChat pushed demands: it blanks what WeChat found unfit, and deletes what the user no longer
// agrees to. The same message twice does it once; one without an id is done each time. Users and events we do not know demand nothing.
func (k *Keeper) Pushed(ctx context.Context, caller app.Caller, message wechat.Message) error {
	if k.clock().Sub(message.CreatedAt) > pushesKept {
		return nil // WeChat gave up sending it long ago: somebody plays back what they recorded
	}
	obeyed := false
	err := k.store.Write(ctx, func(tx *db.Tx) error {
		obeyed = false
		user, err := tx.UserByOpenID(ctx, k.app.ID, message.OpenID)
		if app.KindOf(err) == app.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if message.MsgID != "" {
			fresh, err := tx.NotePush(message.MsgID, k.clock())
			if err != nil || !fresh {
				return err
			}
		}
		obeyed = true
		return k.obey(ctx, tx, caller, user, message)
	})
	if err == nil && obeyed {
		k.verified.forgetAll()
		k.memory.forgetAll()
		k.emptyLog(ctx)
	}
	return err
}

// NoteBadPush records a push that was refused.
func (k *Keeper) NoteBadPush(caller app.Caller, cause error) {
	event := k.event(caller, app.PushBadSignature)
	event.Detail.Problem = cause.Error()
	k.strangers.record(k.clock(), event)
}

func (k *Keeper) obey(ctx context.Context, tx *db.Tx, caller app.Caller, user app.User, message wechat.Message) error {
	switch message.Event {
	case wechat.EventUserInfoModified:
		return k.withdraw(tx, user, message.CreatedAt, wechat.RevokedProfile, k.event(caller, app.PushModified))
	case wechat.EventUserRevoked:
		return k.revoke(ctx, tx, caller, user, message)
	case wechat.EventUserCancelled:
		if user.FirstSeenAt().After(message.CreatedAt.Add(time.Second)) {
			return nil // they have come back as a new user since
		}
		if err := k.eraseIn(tx, Order{Operator: app.ByWeChat, Reason: "account cancelled"}, user); err != nil {
			return err
		}
		tx.AddEvent(k.clock(), k.event(caller, app.ConsentCancelled)) // of nobody: the user is gone
	}
	return nil
}

// withdrawn names what we store of each kind of data a user may withdraw; "" is known to WeChat and never stored here.
var withdrawn = map[int]string{
	wechat.RevokedProfile: "profile", wechat.RevokedNickname: "nickname", wechat.RevokedAvatar: "avatar",
	wechat.RevokedPhone: "phone", wechat.RevokedRunData: "",
	1: "", 2: "", 3: "", 4: "", 5: "", 7: "", 13: "", 14: "", 15: "", 16: "", 18: "",
}

// revoke deletes what a user withdrew, one event for each kind. A kind nobody has heard of waits for a person.
func (k *Keeper) revoke(ctx context.Context, tx *db.Tx, caller app.Caller, user app.User, message wechat.Message) error {
	kinds := message.RevokeInfo
	if len(kinds) == 0 {
		kinds = []int{0}
	}
	for _, kind := range kinds {
		event := k.event(caller, app.ConsentRevoked)
		what, known := withdrawn[kind]
		if !known {
			event.Reason = app.ConsentUnknown
		}
		event.Detail = app.Detail{Kind: what, Problem: fmt.Sprint(kind)}
		if err := k.withdraw(tx, user, message.CreatedAt, kind, event); err != nil {
			return err
		}
		var err error
		if user, err = tx.UserByID(ctx, user.ID); err != nil {
			return err
		}
		if !known {
			err = tx.AddMatter(app.Matter{
				EventID: user.LastEvent, AppID: user.AppID, UserID: user.ID, Reason: event.Reason, Problem: event.Detail.Problem,
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withdraw deletes one kind of data, unless it was given after it was withdrawn. What was sealed before does not bring it back.
func (k *Keeper) withdraw(tx *db.Tx, before app.User, at time.Time, kind int, event app.Event) error {
	after := before
	what, profileStands := withdrawn[kind], before.ProfileAt.After(at)
	switch {
	case what == "profile" && !profileStands:
		after.Profile, after.ProfileAt = app.Profile{}, at
	case what == "nickname" && !profileStands:
		after.Profile.Nickname, after.ProfileAt = "", at
	case what == "avatar" && !profileStands:
		after.Profile.AvatarURL, after.ProfileAt = "", at
	case what == "phone" && !before.PhoneAt.After(at):
		after.Phone, after.PhoneAt = app.SealedPhone{}, at
	}
	return k.storeUser(tx, before, after, k.clock(), event)
}
