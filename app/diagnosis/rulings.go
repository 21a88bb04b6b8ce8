package diagnosis

import (
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// ruling is what one failure by itself means.
type ruling struct {
	finding Finding
	action  Action
}

// rulings says of every failure what it means, as far as its reason alone tells. Failures of keys depend on the key too.
var rulings = map[app.Reason]ruling{
	app.LoginCodeInvalid:       {ClientMistake, NoAction}, // it expires after five minutes: once is nobody's fault
	app.LoginAppidMismatch:     {ClientMistake, CopyForDevelopers},
	app.LoginCodeUsed:          {ClientMistake, CopyForDevelopers},
	app.LoginCodeMock:          {ClientMistake, CopyForDevelopers},
	app.LoginCodeMalformed:     {ClientMistake, CopyForDevelopers},
	app.LoginBlocked:           {BlockedByWeChat, NoAction},
	app.LoginDisabled:          {UserDisabled, EnableUser},
	app.LoginLimited:           {Limited, NoAction},
	app.LoginLimitedWeChat:     {Limited, CopyForDevelopers},
	app.LoginWeChatBusy:        {WeChatFailing, NoAction},
	app.LoginWeChatTimeout:     {WeChatFailing, NoAction},
	app.LoginWeChatUnreachable: {WeChatUnreachable, OpenSystem},
	app.LoginWeChatOdd:         {WeChatFailing, NoAction},
	app.LoginWaitingFull:       {WeChatFailing, NoAction},
	app.LoginConfig:            {OurConfiguration, OpenConfiguration},
	app.LoginStorage:           {StorageFailing, OpenSystem},

	app.OpenNoKeyFits:     {CheckPending, CheckNow},
	app.SignatureMismatch: {CheckPending, CheckNow},
	app.OpenKeyDead:       {KeyDead, ForceRelogin},
	app.OpenOtherKey:      {OtherKey, CopyForDevelopers},
	app.OpenDataDamaged:   {DataDamaged, CopyForDevelopers},
	app.OpenNoWatermark:   {Suspicious, ShowDevices},
	app.OpenOtherOpenID:   {Suspicious, ShowDevices},
	app.OpenOtherAppid:    {ClientMistake, CopyForDevelopers},
	app.OpenMalformed:     {ClientMistake, CopyForDevelopers},
	app.OpenTooOld:        {Outdated, NoAction},
	app.OpenFuture:        {OurConfiguration, OpenSystem}, // our clock
	app.OpenLimited:       {Limited, ForceRelogin},
	app.PhoneForged:       {Suspicious, ShowDevices},

	app.PhoneCodeInvalid: {ClientMistake, NoAction}, // as a login's
	app.PhoneLoginCode:   {ClientMistake, CopyForDevelopers},
	app.PhoneOtherUser:   {Suspicious, ShowDevices},
	app.PhoneNotGranted:  {OurConfiguration, OpenConfiguration},
	app.PhoneLimited:     {Limited, NoAction},
	app.PhoneConfig:      {OurConfiguration, OpenConfiguration},
	app.PhoneNoAnswer:    {WeChatFailing, NoAction},

	app.ReportPhoneQuota:      {InsideWeChat, ShowAll},
	app.ReportPhoneNotGranted: {InsideWeChat, ShowAll},
	app.ReportPrivacyGuide:    {InsideWeChat, ShowAll},
	app.ReportDomain:          {InsideWeChat, ShowAll},
	app.ReportCertificate:     {InsideWeChat, ShowAll},
	app.ReportPrivacyConsent:  {InsideWeChat, CopyForDevelopers},
	app.ReportTimeout:         {InsideWeChat, CopyForDevelopers},
	app.ReportPaymentUser:     {InsideWeChat, CopyForDevelopers},
	app.ReportPaymentApp:      {InsideWeChat, CopyForDevelopers},
	app.ReportOther:           {InsideWeChat, CopyForDevelopers},
	app.ReportDenied:          {InsideWeChat, NoAction},

	app.TokenUnknown:     {SignedOut, NoAction},
	app.DeviceLogout:     {SignedOut, NoAction},
	app.DeviceIdle:       {SignedOut, NoAction},
	app.DeviceMaxAge:     {SignedOut, NoAction},
	app.DeviceKeyDead:    {SignedOut, NoAction},
	app.DeviceForced:     {SignedOut, CopyForDevelopers}, // a mini program that handles code 2 logs in again at once
	app.DeviceRemoved:    {SignedOut, CopyForDevelopers},
	app.PushBadSignature: {OurConfiguration, OpenConfiguration},
}

// failed says whether an event is a failed login or opening, or a phone number that did not come.
func failed(event app.Event) bool {
	outcome := event.Reason.Outcome()
	return outcome == app.LoginFailed || outcome == app.OpenFailed || slices.Contains(phoneFailures, event.Reason)
}

// worked says whether an event is a login or an opening that succeeded. A pre-fetch is WeChat's servers', not the user's.
func worked(event app.Event) bool {
	outcome := event.Reason.Outcome()
	return (outcome == app.LoginSucceeded && event.Reason != app.LoginPrefetch) || outcome == app.OpenSucceeded
}

// sameThing says whether an event that worked is of the kind of one that failed: a login, or an opening.
func sameThing(worked, failed app.Event) bool {
	return (worked.Reason.Outcome() == app.LoginSucceeded) == (failed.Reason.Outcome() == app.LoginFailed)
}

// endedLogin says whether an event took a login away.
func endedLogin(event app.Event) bool { return rulings[event.Reason].finding == SignedOut }

// decisive is the event of a request that says most: what WeChat said of it later, else the failure, else the newest.
func decisive(newestFirst []app.Event) app.Event {
	for _, says := range []func(app.Event) bool{app.Event.Explains, failed, endedLogin} {
		if i := slices.IndexFunc(newestFirst, says); i >= 0 {
			return newestFirst[i]
		}
	}
	return newestFirst[0]
}

// newKey is for how long after a key came data may still arrive that was collected before.
const newKey = 10 * time.Minute

// ruleOnKey refines a failure to open by what is known of the user's key.
func (c *complaint) ruleOnKey(d *Diagnosis, failure app.Event) {
	if c.user == nil {
		return // erased meanwhile
	}
	key, held := c.currentKey()
	switch failure.Reason {
	case app.OpenOtherKey:
		d.ruleOtherKey(failure.At().Sub(failure.Detail.KeyObtainedAt))
	case app.OpenKeyDead, app.OpenNoKeyFits, app.SignatureMismatch:
		switch {
		case held && key.ObtainedAt().After(failure.At()):
			d.Finding, d.Action, d.Healed = KeyReplaced, NoAction, key.ObtainedAt()
		case !held, !key.DeadAt.IsZero(), failure.Reason == app.OpenKeyDead:
			c.ruleKeyDead(d, key)
		case key.ConfirmedBy == app.ConfirmedByWeChat && !key.ConfirmedAt.Before(failure.At()):
			d.ruleOtherKey(failure.At().Sub(key.ObtainedAt()))
		default:
			c.rulePending(d, failure)
		}
	}
}

func (d *Diagnosis) ruleOtherKey(age time.Duration) {
	d.Finding, d.Action = OtherKey, CopyForDevelopers
	if age < newKey {
		d.Finding = CollectedBeforeLogin
	}
}

// ruleKeyDead says that the key is dead, since WeChat said so.
func (c *complaint) ruleKeyDead(d *Diagnosis, key app.KeyRecord) {
	d.Finding, d.Action = KeyDead, ForceRelogin
	if !key.DeadAt.IsZero() {
		d.Since, d.Errcode = key.DeadAt, key.DeadErrcode
	}
}

// rulePending says why WeChat has not told yet whether the key is good.
func (c *complaint) rulePending(d *Diagnosis, failure app.Event) {
	d.Finding, d.Action = CheckPending, CheckNow
	for _, event := range c.own {
		if event.Reason != app.KeyCheckFailed || event.At().Before(failure.At()) {
			continue
		}
		d.Reason, d.Errcode, d.Rid = event.Reason, event.Errcode, event.Rid
		refused := &wechat.Error{Problem: wechat.ProblemErrcode, Errcode: event.Errcode}
		if event.Errcode != 0 && refused.Class() == wechat.ClassConfiguration {
			d.Finding, d.Action = OurConfiguration, OpenConfiguration
		}
		return
	}
}
