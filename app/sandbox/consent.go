package sandbox

import (
	"context"
	"errors"
	"strconv"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// event is a notification about a user's data (平台通知消息). The user is in OpenID; FromUserName is a fixed sender.
type event struct {
	ToUserName   string     `json:"ToUserName"`
	FromUserName string     `json:"FromUserName"`
	CreateTime   int64      `json:"CreateTime"`
	MsgType      string     `json:"MsgType"`
	Event        string     `json:"Event"`
	OpenID       app.OpenID `json:"OpenID"`
	AppID        app.Appid  `json:"AppID"`
	RevokeInfo   string     `json:"RevokeInfo,omitempty"`
}

// WithdrawConsent is the person taking back what they let this mini program have and choosing to have it deleted. Kinds are
// WeChat's numbers (平台通知消息, RevokeInfo), such as wechat.RevokedPhone. Message push tells the developers, with one event a
// kind. It returns when they have been told, and fails if they did not listen. Where no message push is set there is nobody
// to tell.
func (p *Phone) WithdrawConsent(ctx context.Context, kinds ...int) error {
	var failed error
	for _, kind := range kinds {
		failed = errors.Join(failed, p.wechat.tell(ctx, p.account, wechat.EventUserRevoked, strconv.Itoa(kind)))
	}
	return failed
}

// LoseProfile is WeChat clearing a nickname and avatar it judges risky. Message push tells every mini program the person
// uses (user_info_modified). It fails if one of them did not listen.
func (p *Phone) LoseProfile(ctx context.Context) error {
	return p.tellAll(ctx, wechat.EventUserInfoModified, func(user *account) {
		user.owner.person.Nickname, user.owner.person.AvatarURL = app.AnonymousNickname, anonymousAvatar
	})
}

// CloseAccount is the person leaving WeChat for good, on all their phones: codes are refused, openids unknown. Message push
// tells every mini program they used (user_authorization_cancellation). It fails if one of them did not listen.
func (p *Phone) CloseAccount(ctx context.Context) error {
	return p.tellAll(ctx, wechat.EventUserCancelled, func(user *account) {
		user.closed, user.key.expired = true, true
	})
}

// Closed says whether the person has left WeChat.
func (p *Phone) Closed() bool {
	defer p.lock()()
	return p.account.closed
}

// tellAll changes all accounts of the phone's owner in one moment, then tells the developers of each.
func (p *Phone) tellAll(ctx context.Context, name string, change func(*account)) error {
	var failed error
	for _, user := range p.changeAll(change) {
		failed = errors.Join(failed, p.wechat.tell(ctx, user, name, ""))
	}
	return failed
}

func (p *Phone) changeAll(change func(*account)) (changed []*account) {
	defer p.lock()()
	for _, registered := range p.wechat.apps {
		if user := p.wechat.accounts[accountID{registered.Appid, p.account.owner}]; user != nil {
			change(user)
			changed = append(changed, user)
		}
	}
	return changed
}

func (w *WeChat) tell(ctx context.Context, user *account, name, revoked string) error {
	appid := user.app.Appid
	return w.push(ctx, appid, compactJSON(event{
		ToUserName:   w.originalID(appid),
		FromUserName: "o" + idText(w.seed, "sender", string(appid))[:27],
		CreateTime:   w.clock().Unix(),
		MsgType:      "event",
		Event:        name,
		OpenID:       user.openID,
		AppID:        appid,
		RevokeInfo:   revoked,
	}))
}
