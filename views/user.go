package views

import (
	"strconv"
	"strings"

	"wxkeeper/app"
)

// UserTab is one of the pages about a user; its text is the last part of the address.
type UserTab string

// The tabs, in their order.
const (
	UserProfile UserTab = ""
	UserKeys    UserTab = "keys"
	UserDevices UserTab = "devices"
	UserHistory UserTab = "history"
	UserEvents  UserTab = "events"
	UserAudit   UserTab = "audit"
)

// UserTabs lists the tabs.
func UserTabs() []UserTab {
	return []UserTab{UserProfile, UserKeys, UserDevices, UserHistory, UserEvents, UserAudit}
}

// UserTabAddress is the address of one of a user's pages.
func UserTabAddress(number app.UserNumber, tab UserTab) string {
	if tab == UserProfile {
		return UserAddress(number)
	}
	return UserAddress(number) + "/" + string(tab)
}

// UserAct is what an operator can do about a user; its text is the last part of the address of the form.
type UserAct string

// The acts.
const (
	ActCheck   UserAct = "check"
	ActRelogin UserAct = "relogin"
	ActReset   UserAct = "reset"
	ActDisable UserAct = "disable"
	ActEnable  UserAct = "enable"
	ActPhone   UserAct = "phone"
	ActExport  UserAct = "export"
	ActErase   UserAct = "erase"
	ActDevice  UserAct = "device" // ends one device
)

// UserPage is what all pages about one user have in common.
type UserPage struct {
	Frame
	User      app.User
	Key       app.KeyRecord // the current one; zero: there is none
	Fresh     app.Freshness // of that key
	Sessions  []app.Session // newest first
	Disabling app.AuditRow  // who disabled the user, and why; zero: not known
	Tab       UserTab
	Mistake   UserMistake
}

// UserMistake is a form that has come back, with what was typed. The zero value: none has.
type UserMistake struct {
	Act         UserAct
	Device      app.SessionID // of ActDevice
	Chosen      string        // the reason
	Words       string        // and its words
	ReasonError string
	TypedError  string
}

// UserProfilePage tells who a user is, how things stand and what happened last.
type UserProfilePage struct {
	UserPage
	Revealed app.Phone   // the phone number, on the page that answers the question for it
	Events   []app.Event // the latest
	KeptFor  int         // days that events are kept

	Elsewhere []SameUser // the same person in other mini programs
	External  string     // what the system they were imported from calls them
}

// SameUser is the same person in another mini program, as their unionid says.
type SameUser struct {
	App     string // what the mini program is called
	OpenID  app.OpenID
	Address string // complete, of that user's page
}

// UserKeysPage tells the life of a user's session keys.
type UserKeysPage struct {
	UserPage
	Timeline KeyTimeline
}

// UserDevicesPage lists where a user is logged in.
type UserDevicesPage struct {
	UserPage
	Policy    app.SessionPolicy
	FollowKey bool // devices also end with their key
}

// UserEventsPage lists what happened to a user.
type UserEventsPage struct {
	UserPage
	Events  []app.Event
	Next    app.EventID // where the next page begins; 0: this is the last
	Later   bool        // this is not the first page
	KeptFor int         // days that events are kept
}

// UserAuditPage lists what operators did to a user.
type UserAuditPage struct {
	UserPage
	Rows  []app.AuditRow
	Next  int64 // where the next page begins; 0: this is the last
	Later bool  // this is not the first page
}

// mayAct says whether one may act on users here.
func (p UserPage) mayAct() bool { return p.Operator.Role.Allows(app.RoleOperator) }

func (p UserPage) here() string { return UserTabAddress(p.User.Number, p.Tab) }

func (p UserPage) tabs() []Tab {
	var tabs []Tab
	for _, tab := range UserTabs() {
		if tab == UserAudit && !p.mayAct() {
			continue
		}
		one := Tab{Text: p.T("user.tab." + tabName(tab)), Address: UserTabAddress(p.User.Number, tab), Current: tab == p.Tab}
		if tab == UserDevices {
			one.Count = p.Count(int64(len(p.Sessions)))
		}
		tabs = append(tabs, one)
	}
	return tabs
}

func tabName(tab UserTab) string {
	if tab == UserProfile {
		return "profile"
	}
	return string(tab)
}

// lastClient is the client of the latest login that still counts, or what the user's row remembers of the latest.
func (p UserPage) lastClient() app.Client {
	if len(p.Sessions) > 0 {
		return p.Sessions[0].Client
	}
	return app.Client{Version: p.User.ClientVersion, Platform: p.User.Platform}
}

// confirm is the question before an act, or the form that has come back with its mistake.
func (p UserPage) confirm(act UserAct) Confirm {
	id := "user." + string(act)
	c := Confirm{
		ID: "act-" + string(act), Title: p.T(id), Submit: p.T(id), Action: UserAddress(p.User.Number) + "/" + string(act), Reason: true,
		Button: Button{Text: p.T(id)}, Text: p.effect(act),
	}
	switch act {
	case ActRelogin:
		c.Button, c.Danger = Button{Text: c.Button.Text, Icon: "log-out"}, true
	case ActReset:
		c.Danger, c.Button.Disabled = true, p.Key.ID == 0
	case ActDisable:
		c.Danger = true
	case ActErase:
		c.Danger, c.Typed = true, p.User.Number.String()
	case ActPhone:
		c.Button = Button{Text: c.Button.Text, Icon: "eye", Small: true, IconOnly: true, Variant: VariantQuiet}
	}
	if p.Mistake.Act == act {
		return p.mistaken(c)
	}
	return c
}

func (p UserPage) effect(act UserAct) string {
	if act == ActRelogin {
		return p.T("user.relogin.effect", "n", len(p.Sessions))
	}
	return p.T("user." + string(act) + ".effect")
}

// confirmDevice is the question before one device is signed out.
func (p UserPage) confirmDevice(session app.Session) Confirm {
	id := strconv.FormatInt(int64(session.ID), 10)
	c := Confirm{
		ID: "device-" + id, Title: p.T("user.device"), Submit: p.T("user.device"), Action: UserTabAddress(p.User.Number, UserDevices) + "/" + id + "/end",
		Reason: true, Danger: true, Button: Button{Text: p.T("user.device"), Small: true}, Text: p.T("user.device.effect"),
	}
	if p.Mistake.Act == ActDevice && p.Mistake.Device == session.ID {
		return p.mistaken(c)
	}
	return c
}

func (p UserPage) mistaken(c Confirm) Confirm {
	c.Open, c.Chosen, c.Words, c.ReasonError, c.Error = true, p.Mistake.Chosen, p.Mistake.Words, p.Mistake.ReasonError, p.Mistake.TypedError
	if c.Typed == "" {
		c.Error = c.ReasonError
	}
	return c
}

// next is what the operator might do about the state of the key, "" for nothing.
func (p UserPage) next() string {
	switch p.Fresh.State {
	case "", app.KeyAging, app.KeySuspect, app.KeyDead:
		return p.T("user.next." + orNone(string(p.Fresh.State)))
	}
	return ""
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// passed says whether a device was forced to log in again and has not come back since.
func (p UserPage) passed(session app.Session) bool { return session.Generation != p.User.Generation }

// maskedPhone shows of a phone number what is stored in clear.
func (p UserPage) maskedPhone() string { return maskedTail(p.User.Phone.Tail) }

func maskedTail(tail string) string { return "*******" + tail }

// number is a phone number to be dialled from anywhere but its own country.
func (p UserProfilePage) number() string {
	if p.Revealed.CountryCode == "" || p.Revealed.CountryCode == "86" {
		return p.Revealed.PureNumber
	}
	return "+" + p.Revealed.CountryCode + " " + p.Revealed.PureNumber
}

// gender in words, "" if it is not known.
func (p UserPage) gender() string {
	return p.words("user.gender." + strconv.Itoa(p.User.Profile.Gender))
}

// language names the language of WeChat on the user's phone, "" if it is not known.
func (p UserPage) language() string {
	if words := p.words("user.language." + p.User.Profile.Language); words != "" {
		return words
	}
	return p.User.Profile.Language
}

// region is where the profile says the user lives.
func (p UserPage) region() string {
	var parts []string
	for _, part := range []string{p.User.Profile.Country, p.User.Profile.Province, p.User.Profile.City} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// devicesInWords is how many devices a user has.
func (p UserPage) devicesInWords() string { return p.T("user.devices", "n", len(p.Sessions)) }

func (p UserDevicesPage) columns() []Column {
	columns := []Column{
		{Text: p.T("eventline.device")}, {Text: p.T("eventline.client")}, {Text: p.T("eventline.wechat")}, {Text: p.T("devices.loggedin")},
		{Text: p.T("devices.seen")}, {Text: p.T("devices.ends")},
	}
	if p.mayAct() {
		columns = append(columns, Column{Text: p.T("user.acts"), Number: true})
	}
	return columns
}

// ends says when and why a device's login ends if it is not used again.
func (p UserDevicesPage) ends(session app.Session) string {
	_, reason := p.Policy.End(session)
	if reason == app.DeviceMaxAge {
		return p.T("devices.longest")
	}
	return p.T("devices.unused")
}

func (p UserEventsPage) older() string {
	if p.Next == 0 {
		return ""
	}
	return p.here() + "?" + CursorParameter + "=" + strconv.FormatInt(int64(p.Next), 10)
}

func (p UserAuditPage) older() string {
	if p.Next == 0 {
		return ""
	}
	return p.here() + "?" + CursorParameter + "=" + strconv.FormatInt(p.Next, 10)
}

// first leads back to the newest, "" on the first page.
func (p UserPage) first(later bool) string {
	if !later {
		return ""
	}
	return p.here()
}

// acts lists what can be done about a user besides what stands at the head of the page.
func (p UserPage) acts() []UserAct {
	acts := []UserAct{ActReset, ActExport}
	if !p.User.Disabled() {
		acts = append(acts, ActDisable)
	}
	if p.Operator.Role.Allows(app.RoleAdmin) {
		acts = append(acts, ActErase)
	}
	return acts
}

// policyInWords says how long a login lasts.
func (p UserDevicesPage) policyInWords() string {
	text := p.T("devices.policy", "idle", p.Duration(p.Policy.Idle), "most", p.Duration(p.Policy.MaxAge), "max", app.SessionsKept)
	if p.FollowKey {
		text += p.T("devices.follow")
	}
	return text
}
