package keeper

import (
	"context"
	"regexp"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// PhoneByCode trades the code of the phone number button for the user's number, stores it and gives it. WeChat refuses a
// code that another user got. Once WeChat has answered, the number is stored even if the caller has gone: the code is spent, and paid for.
func (k *Keeper) PhoneByCode(ctx context.Context, caller app.Caller, who Who, code string) (app.Phone, error) {
	h, err := k.admitted(ctx, caller, who)
	if err != nil {
		return app.Phone{}, err
	}
	if app.CheckCode(code) != nil && code != app.MockCode {
		event := k.event(caller, app.PhoneCodeInvalid)
		event.Detail.Field = "code"
		return app.Phone{}, k.refuse(ctx, h, event, nil, app.FailField(app.Malformed, event.Reason, "code"))
	}
	ctx = context.WithoutCancel(ctx)
	phone, givenAt, err := k.weChat.PhoneNumber(ctx, code, h.user.OpenID)
	if err != nil {
		event, failure := k.phoneRefusal(caller, code, err)
		return app.Phone{}, k.refuse(ctx, h, event, nil, failure)
	}
	sealed, err := k.sealPhone(h.user, phone)
	if err != nil {
		return app.Phone{}, err
	}
	_, err = k.changeHolder(ctx, h, func(_ *db.Tx, before app.User) (app.User, app.Event, error) {
		after := before
		applyPhone(&after, sealed, givenAt)
		seen(&after, h.at)
		return after, k.event(caller, app.PhoneOK), nil
	})
	return phone, err
}

// phoneOutcomes is what a class of WeChat's failures means for a phone number.
var phoneOutcomes = map[wechat.Class]outcome{
	wechat.ClassCodeInvalid:   {kind: app.InvalidCode, reason: app.PhoneCodeInvalid},
	wechat.ClassCodeUsed:      {kind: app.InvalidCode, reason: app.PhoneCodeInvalid},
	wechat.ClassBlocked:       {kind: app.BlockedByWeChat, reason: app.PhoneNoAnswer},
	wechat.ClassLimited:       {kind: app.TooManyRequests, reason: app.PhoneLimited},
	wechat.ClassQuota:         {kind: app.WeChatUnavailable, reason: app.PhoneLimited},
	wechat.ClassBusy:          {kind: app.WeChatUnavailable, reason: app.PhoneNoAnswer},
	wechat.ClassConfiguration: {kind: app.Misconfigured, reason: app.PhoneConfig},
	wechat.ClassTimeout:       {kind: app.WeChatUnavailable, reason: app.PhoneNoAnswer},
	wechat.ClassUnreachable:   {kind: app.WeChatUnavailable, reason: app.PhoneNoAnswer},
	wechat.ClassWaitingFull:   {kind: app.WeChatUnavailable, reason: app.PhoneNoAnswer},
	wechat.ClassCancelled:     {kind: app.WeChatUnavailable, reason: app.PhoneNoAnswer},
	wechat.ClassKeyDead:       {kind: app.WeChatUnavailable, reason: app.PhoneNoAnswer}, // no answer to a code
	wechat.ClassOdd:           {kind: app.WeChatUnavailable, reason: app.PhoneNoAnswer},
}

// loginCodeForm is how WeChat's login codes have looked for years: 32 letters and digits, the first one a 0. Codes of the phone number
// button are 64 hex digits. Neither form is promised, so that only a code that WeChat has refused is judged by it.
var loginCodeForm = regexp.MustCompile(`^0[0-9A-Za-z]{31}$`)

// phoneRefusal tells a failed trade twice: precisely for the operator, as a Kind for the client.
func (k *Keeper) phoneRefusal(caller app.Caller, code string, err error) (app.Event, error) {
	event, refused := k.refusedEvent(caller, app.PhoneNoAnswer, err)
	if refused == nil {
		return event, app.Fail(app.WeChatUnavailable, event.Reason).Because(err)
	}
	outcome := phoneOutcomes[refused.Class()]
	switch {
	case refused.OtherAppsCode():
		outcome = phoneOutcomes[wechat.ClassCodeInvalid]
		event.Detail.OurAppid = k.app.Appid
		if k.callsFromElsewhere(caller) {
			event.Detail.OtherAppid = caller.Client.Appid
		}
	case refused.Errcode == wechat.ErrcodeOpenIDUnknown:
		outcome.kind, outcome.reason = app.InvalidCode, app.PhoneOtherUser
	case refused.Errcode == wechat.ErrcodeAPINotGranted:
		outcome.reason = app.PhoneNotGranted
	}
	if outcome.reason == app.PhoneCodeInvalid && (code == app.MockCode || loginCodeForm.MatchString(code)) {
		outcome.reason = app.PhoneLoginCode
	}
	event.Reason = outcome.reason
	return event, app.Fail(outcome.kind, outcome.reason).After(k.waitAfter(refused)).Because(err)
}

// confirmPhone asks WeChat, where that is wanted, whether it made the phone number that was opened: whoever has a session key can seal any
// number. What cannot be confirmed is not taken.
func (k *Keeper) confirmPhone(ctx context.Context, caller app.Caller, h holder, data wechat.Sealed, t trial) error {
	if !k.asksAbout(t) {
		return nil
	}
	made, err := k.weChat.MadeEncryptedData(ctx, data, k.settings.PhoneData)
	switch {
	case err != nil:
		event, failure := k.phoneRefusal(caller, "", err)
		event.Detail.Kind = string(t.payload.Kind)
		return k.refuse(ctx, h, event, nil, failure)
	case !made:
		k.failures.add(h.watched(), h.at)
		t.failed = app.PhoneForged
		return k.refuseTrial(ctx, caller, h, t)
	}
	return nil
}

// asksAbout says whether WeChat has a word in it.
func (k *Keeper) asksAbout(t trial) bool {
	return k.settings.PhoneData != wechat.HashNothing && t.payload.Kind == wechat.KindPhone
}

// changeHolder stores what a good call of a token's holder changes of them, with its event, and keeps the session alive. It gives the user
// as stored.
func (k *Keeper) changeHolder(
	ctx context.Context, h holder, change func(tx *db.Tx, before app.User) (after app.User, event app.Event, err error),
) (after app.User, err error) {
	err = k.asHolder(ctx, h, func(tx *db.Tx, session app.Session, before app.User) (bool, error) {
		if before.Disabled() {
			return false, app.Fail(app.UserDisabled, app.LoginDisabled)
		}
		changed, event, err := change(tx, before)
		if err != nil {
			return false, err
		}
		var stored bool
		after, stored, err = k.replaceUser(tx, before, changed, h.at, event)
		if err == nil && stored && k.slides(&session, h.at) {
			err = tx.SlideSession(session, h.at)
		}
		return stored, err
	})
	return after, err
}
