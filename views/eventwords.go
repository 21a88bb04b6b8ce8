package views

import (
	"strconv"
	"time"

	"wxkeeper/app"
)

// words gives a message without places, "" if there is none.
func (t Text) words(id string) string {
	if message := texts[t.language()][id]; message.one == nil && message.other.plain() {
		return message.other[0].text
	}
	return ""
}

// Reason says in a few words what a reason means, for lists to choose from. One nobody has words for is its id.
func (t Text) Reason(reason app.Reason) string {
	if words := t.words("event." + string(reason)); words != "" {
		return words
	}
	return string(reason)
}

// EventText says what happened, with what this event tells about it.
func (f Frame) EventText(e app.Event) string {
	id := "event." + string(e.Reason)
	if e.Reason == app.ConsentRevoked && e.Detail.Kind != "" {
		return f.T(id+".deleted", f.told(e)...)
	}
	if told := f.told(e); told != nil {
		return f.T(id+".told", told...)
	}
	return f.Reason(e.Reason)
}

// lately is how long before a failure a key must have changed for that to explain it.
const lately = time.Hour

// told is what an event puts into the words of its reason; nil where it tells nothing more than they do.
func (f Frame) told(e app.Event) []any {
	d := e.Detail
	cause := f.EventCause(e)
	switch e.Reason {
	case app.LoginAppidMismatch:
		return given(d.OtherAppid != "", "a", d.OtherAppid, "b", d.OurAppid)
	case app.LoginWeChatBusy:
		return given(d.Tries > 1, "n", d.Tries)
	case app.LoginWeChatUnreachable, app.LoginWeChatOdd, app.LoginConfig, app.KeyCheckFailed, app.KeyResetRefused,
		app.PushBadSignature, app.PhoneConfig, app.PhoneNoAnswer:
		return given(cause != "", "cause", cause)
	case app.KeyFoundDead:
		return given(e.Errcode != 0, "errcode", strconv.Itoa(e.Errcode))
	case app.OpenOKPrevious:
		return given(d.Key == app.KeysKept-1)
	case app.OpenOtherKey:
		age := e.At().Sub(d.KeyObtainedAt)
		return given(!d.KeyObtainedAt.IsZero() && age < lately, "age", f.Duration(age))
	case app.OpenOtherAppid:
		return given(d.OtherAppid != "", "appid", d.OtherAppid)
	case app.OpenTooOld, app.OpenFuture:
		return given(!d.SealedAt.IsZero(), "when", f.Relative(d.SealedAt))
	case app.AvatarRefused:
		return given(cause != "", "cause", cause)
	case app.OpenMalformed, app.ProfileRefused:
		return given(d.Field != "", "field", d.Field)
	case app.ConsentRevoked:
		return given(d.Kind != "" || d.Problem != "", "what", f.revoked(d))
	case app.ConsentUnknown:
		return given(d.Problem != "", "kind", d.Problem)
	}
	return nil
}

func given(known bool, pairs ...any) []any {
	switch {
	case !known:
		return nil
	case pairs == nil:
		return []any{}
	}
	return pairs
}

// revoked names what a user withdrew: by what we store of it, else by WeChat's number.
func (f Frame) revoked(d app.Detail) string {
	for _, kind := range []string{d.Kind, d.Problem} {
		if words := f.words("revoked." + kind); words != "" {
			return words
		}
	}
	return f.T("revoked.other", "kind", d.Problem)
}

// ReasonHelp says what the operator should do about an event, "" where there is nothing to do. For the configuration that WeChat
// refuses, its errcode knows best.
func (t Text) ReasonHelp(e app.Event) string {
	switch e.Reason {
	case app.LoginConfig, app.KeyCheckFailed, app.PhoneConfig:
		if e.Errcode != 0 {
			return t.ErrcodeHelp(e.Errcode)
		}
	}
	return t.words("event." + string(e.Reason) + ".do")
}

// Errcode says what one of WeChat's errcodes means.
func (t Text) Errcode(errcode int) string {
	if words := t.words("errcode." + strconv.Itoa(errcode)); words != "" {
		return words
	}
	return t.T("errcode.other", "errcode", strconv.Itoa(errcode))
}

// ErrcodeHelp says what the operator should do about one of WeChat's errcodes, "" where there is nothing to do.
func (t Text) ErrcodeHelp(errcode int) string {
	id := "errcode." + strconv.Itoa(errcode)
	if errcode != 0 && t.words(id) == "" {
		id = "errcode.other"
	}
	return t.words(id + ".do")
}

// Problem says in words what kept a call or a check from succeeding, given one of their ids. A text that is no id stands as it is.
func (t Text) Problem(problem string) string {
	if words := t.words("problem." + problem); words != "" {
		return words
	}
	return problem
}

// EventCause says what lay behind an event: WeChat's errcode with its meaning, or the problem on the way. "": it tells neither.
func (t Text) EventCause(e app.Event) string {
	return t.Cause(e.Errcode, e.Detail.Problem, e.Detail.Address)
}

// Cause says what lay behind a failure: WeChat's errcode with its meaning, or the problem on the way. Address is ours, as WeChat saw
// it, where it refused that.
func (t Text) Cause(errcode int, problem, address string) string {
	code := strconv.Itoa(errcode)
	meaning := t.words("errcode." + code)
	switch {
	case errcode == 0:
		return t.Problem(problem)
	case meaning == "":
		return t.Errcode(errcode)
	case address != "":
		return t.T("errcode.address", "errcode", code, "meaning", meaning, "address", address)
	}
	return t.T("errcode.named", "errcode", code, "meaning", meaning)
}

// ClientVersion says which release of the mini program a client runs.
func (t Text) ClientVersion(version string) string {
	switch version {
	case "", app.Unknown:
		return t.T("client.unknown")
	case "0":
		return t.T("client.trial")
	case "devtools":
		return t.T("client.devtools")
	}
	return t.T("client.release", "version", version)
}

// Platform names the system a client runs on.
func (t Text) Platform(platform app.Platform) string {
	if platform == "" {
		return t.T("platform." + app.Unknown)
	}
	if words := t.words("platform." + string(platform)); words != "" {
		return words
	}
	return string(platform)
}

// platformLooks are the pictures of the platforms; any other has a question mark.
var platformLooks = map[app.Platform]Badge{
	app.PlatformIOS: {Icon: "smartphone"}, app.PlatformAndroid: {Icon: "smartphone"}, app.PlatformHarmony: {Icon: "smartphone"},
	app.PlatformWindows: {Icon: "monitor"}, app.PlatformMac: {Icon: "laptop"}, app.PlatformDevtools: {Icon: "code-xml"},
}

// PlatformIcon names the icon of a platform.
func PlatformIcon(platform app.Platform) string {
	if look, known := platformLooks[platform]; known {
		return look.Icon
	}
	return "circle-question-mark"
}

// Device names the machine of a client as far as it is known: platform and model.
func (t Text) Device(client app.Client) string {
	if client.Model == "" || client.Model == t.Platform(client.Platform) {
		return t.Platform(client.Platform)
	}
	return t.Platform(client.Platform) + " · " + client.Model
}

// clientInWords is a client in one short line, "" if nothing is known of it.
func (t Text) clientInWords(client app.Client) string {
	switch {
	case client.Version == "" && client.Platform == "":
		return ""
	case client.Version == "":
		return t.Platform(client.Platform)
	case client.Platform == "":
		return t.ClientVersion(client.Version)
	}
	return t.ClientVersion(client.Version) + " · " + t.Platform(client.Platform)
}

// looksOfOutcome is the look of events by what they mean for logins and openings.
var looksOfOutcome = map[app.Outcome]Badge{
	app.LoginSucceeded: {Tone: ToneGood, Icon: "circle-check"},
	app.OpenSucceeded:  {Tone: ToneGood, Icon: "circle-check"},
	app.LoginFailed:    {Tone: ToneBad, Icon: "circle-x"},
	app.OpenFailed:     {Tone: ToneBad, Icon: "circle-x"},
	app.OtherOutcome:   {Tone: ToneNeutral, Icon: "circle-dot"},
	app.NoteOnly:       {Tone: ToneFaint, Icon: "circle-dot"},
}

// looksOfReason are the looks of reasons that mean more, or less, than their outcome does.
var looksOfReason = map[app.Reason]Badge{
	app.OpenOKPrevious:     {Tone: ToneGood, Icon: "life-buoy"},
	app.OpenReplayed:       {Tone: ToneNeutral, Icon: "repeat"},
	app.OpenNoKeyFits:      {Tone: ToneWarn, Icon: "circle-question-mark"},
	app.KeyConfirmedWeChat: {Tone: ToneGood, Icon: "circle-check"},
	app.KeyFoundDead:       {Tone: ToneBad, Icon: "circle-x"},
	app.KeyTakenElsewhere:  {Tone: ToneBad, Icon: "triangle-alert"},
	app.KeyCheckFailed:     {Tone: ToneWarn, Icon: "circle-question-mark"},
	app.KeyReset:           {Tone: ToneInfo, Icon: "refresh-cw"},
	app.KeyResetRefused:    {Tone: ToneWarn, Icon: "triangle-alert"},
	app.ProfileRefused:     {Tone: ToneWarn, Icon: "circle-x"},
	app.ProfileAvatarLocal: {Tone: ToneWarn, Icon: "circle-x"},
	app.AvatarRefused:      {Tone: ToneWarn, Icon: "circle-x"},
	app.ReportPhoneQuota:   {Tone: ToneBad, Icon: "triangle-alert"},
	app.ReportPrivacyGuide: {Tone: ToneBad, Icon: "triangle-alert"},
	app.ReportDomain:       {Tone: ToneBad, Icon: "triangle-alert"},
	app.ReportCertificate:  {Tone: ToneBad, Icon: "triangle-alert"},
	app.PhoneOK:            {Tone: ToneGood, Icon: "circle-check"},
	app.PhoneCodeInvalid:   {Tone: ToneWarn, Icon: "circle-x"},
	app.PhoneLoginCode:     {Tone: ToneWarn, Icon: "circle-x"},
	app.PhoneOtherUser:     {Tone: ToneBad, Icon: "triangle-alert"},
	app.PhoneNotGranted:    {Tone: ToneBad, Icon: "circle-x"},
	app.PhoneLimited:       {Tone: ToneWarn, Icon: "circle-x"},
	app.PhoneConfig:        {Tone: ToneBad, Icon: "circle-x"},
	app.PhoneNoAnswer:      {Tone: ToneBad, Icon: "circle-x"},
	app.DeviceLogout:       {Tone: ToneNeutral, Icon: "log-out"},
	app.DeviceIdle:         {Tone: ToneNeutral, Icon: "clock"},
	app.DeviceMaxAge:       {Tone: ToneNeutral, Icon: "clock"},
	app.DeviceForced:       {Tone: ToneInfo, Icon: "log-out"},
	app.DeviceRemoved:      {Tone: ToneInfo, Icon: "log-out"},
	app.DeviceKeyDead:      {Tone: ToneNeutral, Icon: "log-out"},
	app.TokenUnknown:       {Tone: ToneWarn, Icon: "circle-question-mark"},
	app.BackEndUnknown:     {Tone: ToneWarn, Icon: "triangle-alert"},
	app.BackEndLimited:     {Tone: ToneWarn, Icon: "clock"},
	app.BackEndNoUser:      {Tone: ToneWarn, Icon: "circle-question-mark"},
	app.ConsentRevoked:     {Tone: ToneInfo, Icon: "user-minus"},
	app.ConsentCancelled:   {Tone: ToneInfo, Icon: "user-x"},
	app.ConsentUnknown:     {Tone: ToneWarn, Icon: "triangle-alert"},
	app.PushModified:       {Tone: ToneInfo, Icon: "user-minus"},
	app.PushBadSignature:   {Tone: ToneBad, Icon: "triangle-alert"},
}

func lookOfReason(reason app.Reason) Badge {
	if look, own := looksOfReason[reason]; own {
		return look
	}
	return looksOfOutcome[reason.Outcome()]
}

// ReasonTone is the tone of a reason.
func ReasonTone(reason app.Reason) Tone { return lookOfReason(reason).Tone }

// ReasonIcon names the icon of a reason.
func ReasonIcon(reason app.Reason) string { return lookOfReason(reason).Icon }

// EventUser is whose event a line shows, where that is not said above the list. The zero value shows nobody.
type EventUser struct {
	Number app.UserNumber
	Name   string // as people know them; empty: the number alone
}

// eventFacts is what an event tells besides its reason, in the order in which it is read.
func (f Frame) eventFacts(e app.Event) []eventFact {
	d, client := e.Detail, e.Client
	facts := []eventFact{
		{"code", string(e.RequestID), factCode}, {"fingerprint", fingerprintText(e.Fingerprint), factFingerprint},
		{"kind", f.words("payload." + d.Kind), factText}, {"api", d.API, factCode}, {"errno", d.Errno, factCode},
		{"sealed", f.instant(d.SealedAt), factText}, {"key", f.instant(d.KeyObtainedAt), factText},
		{"errcode", f.errcodeText(e), factText}, {"rid", e.Rid, factCode},
		{"problem", f.eventProblem(e), factText}, {"field", d.Field, factText}, {"tries", positive(d.Tries), factText},
		{"client", f.ClientVersion(client.Version), factText}, {"device", f.Device(client), factText},
		{"wechat", client.WeChatVersion, factText}, {"caller", string(client.Appid), factCode}, {"address", client.Address, factCode},
	}
	if client == (app.Client{}) { // nobody asked from outside: WeChat, an operator or the clock did
		facts = facts[:len(facts)-5]
	}
	return facts
}

type eventFact struct {
	name  string // of its message
	value string // empty: not known
	form  factForm
}

// factForm is how a fact is written.
type factForm uint8

const (
	factText factForm = iota
	factCode          // to be copied
	factFingerprint
)

func fingerprintText(fingerprint app.Fingerprint) string {
	if fingerprint == (app.Fingerprint{}) {
		return ""
	}
	return fingerprint.String()
}

func (f Frame) instant(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return f.Absolute(at)
}

func (t Text) errcodeText(e app.Event) string {
	if e.Errcode == 0 {
		return ""
	}
	return t.EventCause(e)
}

// eventProblem is the problem of an event that has no errcode to say the same; WeChat's number of what was withdrawn is none.
func (t Text) eventProblem(e app.Event) string {
	if e.Errcode != 0 || e.Reason == app.ConsentRevoked || e.Reason == app.ConsentUnknown {
		return ""
	}
	return t.Problem(e.Detail.Problem)
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}
