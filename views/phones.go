package views

import (
	"fmt"
	"time"

	"wxkeeper/app"
)

// PhonesPage lists the phones of the emulated WeChat, with what goes wrong at WeChat itself.
type PhonesPage struct {
	Frame
	Phones  []PhoneRow
	Total   int // more than are listed, where there are many
	Trouble WeChatTroubles
	Number  string // of a user whose phone was asked for, as it was typed
	Wrong   bool   // there is no such user
}

// PhoneRow is one phone, and the user who its owner is here.
type PhoneRow struct {
	Phone
	User  app.User      // zero: this person has never logged in
	Fresh app.Freshness // of the user's key here
}

// Phone is a phone as the emulated WeChat tells of it.
type Phone struct {
	Number    int
	OpenID    app.OpenID
	Nickname  string
	Client    app.Client
	Anonymous bool
	Blocked   bool
	Closed    bool
	KeyMadeAt time.Time // zero: WeChat has none
	KeyAlive  bool
	LoggedIn  bool // by hand, on the phone's page
}

// WeChatTroubles are what goes wrong at the emulated WeChat on demand.
type WeChatTroubles struct {
	Outage   string // hang, refuse; empty: none
	Faults   int    // that wait for calls
	NoQuota  bool   // for checking keys
	NoAccess bool   // our address is not on the list
}

// Any says whether something goes wrong.
func (t WeChatTroubles) Any() bool { return t.Outage != "" || t.Faults > 0 || t.NoQuota || t.NoAccess }

// PhonePage is one phone to be played by hand, and what the server saw of it.
type PhonePage struct {
	Frame
	PhoneRow
	Exchanges []Exchange  // newest first
	Events    []app.Event // of the user, newest first
}

// Exchange is one request that the phone made by hand, and its answer. It holds no token and nobody's data.
type Exchange struct {
	At        time.Time
	Call      string // such as POST /login/
	Status    int    // of HTTP; 0: no answer
	Code      int
	Message   string
	RequestID app.RequestID
}

// OK says whether the server did what was asked.
func (e Exchange) OK() bool { return e.Status >= 200 && e.Status < 300 && e.Code == 0 }

// phoneActs are what can be done with a phone, in groups.
var phoneActs = map[string][]string{
	"program": {"launch", "userinfo", "phone", "run", "race", "twice", "session", "logout"},
	"wechat":  {"expire", "rotate", "refresh", "anonymous", "named", "block", "unblock"},
	"person":  {"device", "withdrawphone", "withdrawprofile", "loseprofile", "close"},
}

// weChatActs are what can go wrong at WeChat.
var weChatActs = []string{"hang", "refuse", "busy", "quota", "address", "expiretokens"}

// phoneButtons give each act its icon.
var phoneButtons = map[string]Button{
	"launch": {Icon: "log-in"}, "userinfo": {Icon: "lock-open"}, "phone": {Icon: "phone"}, "run": {Icon: "activity"},
	"race": {Icon: "shuffle"}, "twice": {Icon: "copy"}, "session": {Icon: "circle-question-mark"},
	"logout": {Icon: "log-out"}, "expire": {Icon: "clock"}, "rotate": {Icon: "refresh-cw"}, "refresh": {Icon: "key-round"},
	"anonymous": {Icon: "user"}, "named": {Icon: "user-round-check"}, "block": {Icon: "ban"}, "unblock": {Icon: "rotate-ccw"},
	"device": {Icon: "smartphone"}, "withdrawphone": {Icon: "phone-off"}, "withdrawprofile": {Icon: "user-x"},
	"loseprofile": {Icon: "eraser"}, "close": {Icon: "trash-2"}, "hang": {Icon: "hourglass"}, "refuse": {Icon: "unplug"},
	"busy": {Icon: "triangle-alert"}, "quota": {Icon: "gauge"}, "address": {Icon: "shield-x"},
	"expiretokens": {Icon: "clock"},
}

func phoneAddress(number int) string { return fmt.Sprintf("/admin/phones/%d", number) }

// owner is what the phone's owner is called.
func (f Frame) owner(p Phone) string {
	if p.Nickname == "" {
		return f.T("phones.nameless")
	}
	return p.Nickname
}

// acts are those of a group that make sense now.
func (p PhonePage) acts(group string) []string {
	senseless := map[string]bool{
		"anonymous": p.Anonymous, "named": !p.Anonymous, "block": p.Blocked, "unblock": !p.Blocked,
		"logout": !p.LoggedIn, "session": !p.LoggedIn, "userinfo": !p.LoggedIn, "phone": !p.LoggedIn, "run": !p.LoggedIn,
	}
	var acts []string
	for _, act := range phoneActs[group] {
		if !senseless[act] && (!p.Closed || group == "program") {
			acts = append(acts, act)
		}
	}
	return acts
}

// weChatKey is the user's key as WeChat sees it.
func (f Frame) weChatKey(p Phone) Badge {
	switch {
	case p.KeyMadeAt.IsZero():
		return Badge{Tone: ToneFaint, Icon: "minus", Text: f.T("phones.key.none")}
	case p.KeyAlive:
		return Badge{Tone: ToneGood, Icon: "circle-check", Text: f.T("phones.key.alive")}
	}
	return Badge{Tone: ToneBad, Icon: "circle-x", Text: f.T("phones.key.dead")}
}

// conditions are what is special about a phone.
func (f Frame) conditions(p Phone) []Badge {
	var badges []Badge
	if p.Closed {
		badges = append(badges, Badge{Tone: ToneBad, Icon: "trash-2", Text: f.T("phones.closed")})
	}
	if p.Blocked {
		badges = append(badges, Badge{Tone: ToneWarn, Icon: "ban", Text: f.T("phones.blocked")})
	}
	if p.Anonymous {
		badges = append(badges, Badge{Tone: ToneFaint, Icon: "user", Text: f.T("phones.anonymous")})
	}
	if p.LoggedIn {
		badges = append(badges, Badge{Tone: ToneInfo, Icon: "log-in", Text: f.T("phones.loggedin")})
	}
	return badges
}

// outcome is how an exchange ended.
func (f Frame) outcome(e Exchange) Badge {
	switch {
	case e.Status == 0:
		return Badge{Tone: ToneBad, Icon: "unplug", Text: f.T("phones.noanswer")}
	case e.OK():
		return Badge{Tone: ToneGood, Icon: "circle-check", Text: f.T("phones.ok", "status", fmt.Sprint(e.Status))}
	}
	return Badge{Tone: ToneBad, Icon: "circle-x", Text: fmt.Sprintf("HTTP %d · code %d", e.Status, e.Code)}
}

// troubles says what goes wrong at WeChat now.
func (p PhonesPage) troubles() []string {
	var texts []string
	if p.Trouble.Outage != "" {
		texts = append(texts, p.T("phones.trouble."+p.Trouble.Outage))
	}
	if p.Trouble.Faults > 0 {
		texts = append(texts, p.T("phones.trouble.faults", "n", p.Trouble.Faults))
	}
	if p.Trouble.NoQuota {
		texts = append(texts, p.T("phones.trouble.quota"))
	}
	if p.Trouble.NoAccess {
		texts = append(texts, p.T("phones.trouble.address"))
	}
	return texts
}
