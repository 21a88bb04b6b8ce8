package views

import (
	"math"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

const troubleshootAddress = "/admin/troubleshoot"

// TroubleshootPage takes a complaint and answers it.
type TroubleshootPage struct {
	Frame
	Asked   Complaint
	Wrong   map[string]string // ids of messages at the fields that cannot be read, by their parameters
	Answer  *Answer           // nil: nothing was asked, or it cannot be read
	KeptFor int               // days that events are kept
}

// Complaint is what was typed.
type Complaint struct {
	Text    string // whom or what, and when
	From    string
	To      string
	Version string
	Address string
}

func (c Complaint) folded() bool { return c.From+c.To+c.Version+c.Address != "" }

// Answer is what a complaint comes down to: a finding, what it rests on and one thing to do. Zero values mean: does not apply.
type Answer struct {
	Finding string // id, in the words of the diagnosis
	Action  string // likewise; empty: nothing to do
	Address string // of the page that the action leads to

	By       string // what the text was taken for
	Text     string // and what of it was looked for
	From, To time.Time
	Reason   app.Reason // of the event that decided
	Since    time.Time
	Healed   time.Time // when the same worked again
	Looked   time.Time // what is older was not looked through
	Failures int64
	Users    int
	Share    float64 // of Users that had Version
	Version  string
	API      string // of WeChat's client, which failed inside it
	Phone    bool   // the phone number button was asked about
	Errcode  int
	Rid      string
	Operator string
	Why      string // in that operator's words
	Likely   bool   // the events were tied to the user by address and device
	KeptFor  int    // days that events are kept

	User       *app.User
	Key        app.Freshness
	Devices    int // the user is logged in on
	Candidates []app.User
	More       bool // there are more candidates
	Evidence   []app.Event
	Whose      map[app.UserID]EventUser // the evidence is
	Facts      []Fact                   // for the developers of the mini program
}

// Fact is one line of what developers are told: a text, or a time.
type Fact struct {
	Name string
	Text string
	At   time.Time
}

// The actions that an answer may ask for, in the words of the diagnosis.
const (
	actCheckNow          = "check_now"
	actForceRelogin      = "force_relogin"
	actEnableUser        = "enable_user"
	actCopyForDevelopers = "copy_for_developers"
)

// findingLooks are the looks of findings; any other is somebody's trouble.
var findingLooks = map[string]Badge{
	"candidates": {Tone: ToneInfo, Icon: "users-round"}, "unknown_user": {Tone: ToneNeutral, Icon: "search-x"}, "unknown_support_code": {Tone: ToneNeutral, Icon: "search-x"},
	"unknown_rid": {Tone: ToneNeutral, Icon: "search-x"}, "past_keeping": {Tone: ToneNeutral, Icon: "clock"}, "too_many_events": {Tone: ToneNeutral, Icon: "circle-question-mark"},
	"our_configuration": {Tone: ToneBad, Icon: "circle-x"}, "wechat_failing": {Tone: ToneBad, Icon: "circle-x"}, "wechat_unreachable": {Tone: ToneBad, Icon: "circle-x"},
	"storage_failing": {Tone: ToneBad, Icon: "circle-x"}, "wave": {Tone: ToneBad, Icon: "users-round"},
	"user_disabled": {Tone: ToneBad, Icon: "ban"}, "blocked_by_wechat": {Tone: ToneBad, Icon: "ban"}, "suspicious": {Tone: ToneBad, Icon: "triangle-alert"},
	"key_dead": {Tone: ToneBad, Icon: "key-round"}, "key_replaced": {Tone: ToneInfo, Icon: "key-round"}, "fine_now": {Tone: ToneGood, Icon: "circle-check"},
	"no_failures": {Tone: ToneGood, Icon: "circle-check"}, "only_checked": {Tone: ToneInfo, Icon: "info"}, "signed_out": {Tone: ToneInfo, Icon: "log-out"},
	"inside_wechat": {Tone: ToneBad, Icon: "circle-x"}, "outdated": {Tone: ToneInfo, Icon: "clock"}, "check_pending": {Tone: ToneWarn, Icon: "clock"},
}

// look is the tone and icon of an answer. What works again is good news.
func (a Answer) look() Badge {
	if !a.Healed.IsZero() {
		return Badge{Tone: ToneGood, Icon: "circle-check"}
	}
	if look, own := findingLooks[a.Finding]; own {
		return look
	}
	return Badge{Tone: ToneWarn, Icon: "triangle-alert"}
}

// Verdict answers in one sentence.
func (p TroubleshootPage) Verdict(a Answer) string {
	return p.T(p.verdictID(a), p.told(a)...)
}

// verdictID is the message of a finding: the one for its reason, for what has healed, or for what is known of it, if there are such.
func (p TroubleshootPage) verdictID(a Answer) string {
	id := "verdict." + a.Finding
	var better []string
	if !a.Healed.IsZero() && a.Finding != "key_replaced" && a.Finding != "fine_now" {
		better = append(better, id+".healed")
	}
	better = append(better, id+"."+string(a.Reason))
	switch {
	case a.Operator != "" && a.Why != "":
		better = append(better, id+".by")
	case a.Operator != "":
		better = append(better, id+".who")
	case a.User == nil:
		better = append(better, id+".nobody")
	}
	if a.Since.IsZero() {
		better = append(better, id+".timeless")
	}
	if a.Reason == "" {
		better = append(better, id+".plain")
	}
	for _, one := range better {
		if p.Has(one) {
			return one
		}
	}
	return id
}

func (p TroubleshootPage) told(a Answer) []any {
	users := a.Users
	if a.Finding == "candidates" {
		users = len(a.Candidates)
	}
	by, text := "by.user", a.Text
	if p.Has("by." + a.By) {
		by = "by." + a.By
	}
	return []any{
		"n", users, "failures", a.Failures, "since", p.Relative(a.Since), "healed", p.Relative(a.Healed), "days", a.KeptFor,
		"share", strconv.Itoa(int(math.Round(100*a.Share))) + "%", "version", p.ClientVersion(a.Version), "reason", p.Reason(a.Reason),
		"operator", p.Actor(a.Operator), "why", a.Why, "what", p.T(by), "text", text, "api", p.apiInWords(a.API),
	}
}

func (p TroubleshootPage) apiInWords(api string) string {
	if (app.ClientFailure{API: api}).AboutPhone() {
		return p.T("api.phone")
	}
	return p.T("api.other", "api", api)
}

// notes are what else must be known to judge the verdict, in whole sentences.
func (p TroubleshootPage) notes(a Answer) []string {
	var notes []string
	say := func(holds bool, id string, pairs ...any) {
		if holds {
			notes = append(notes, p.T(id, pairs...))
		}
	}
	fine := a.Finding == "fine_now"
	say(fine && a.Reason != "", "note.before", "reason", p.Reason(a.Reason))
	say(!fine && a.Errcode != 0, "note.errcode", "cause", p.Cause(a.Errcode, "", ""))
	if help := p.help(a); help != "" {
		notes = append(notes, help)
	}
	say(!a.Healed.IsZero() && !fine && !p.Has("verdict."+a.Finding+".healed") && a.Finding != "key_replaced", "note.healed", "healed", p.Relative(a.Healed))
	say(a.Finding == "inside_wechat", "note.reported")
	say(a.Finding == "inside_wechat" && a.Users > 1, "note.users", "n", a.Users, "failures", a.Failures)
	say(a.Phone && unseen[a.Finding], "note.phone")
	say(a.Finding == "unknown_support_code" && !a.Since.IsZero(), "note.code", "since", p.Relative(a.Since))
	say(a.Finding == "nothing_arrived" && !a.Since.IsZero(), "note.last", "since", p.Relative(a.Since))
	say(a.Finding == "key_dead", "note.dead")
	say(a.Likely, "note.likely")
	say(!a.Looked.IsZero(), "note.looked", "looked", p.Relative(a.Looked))
	return notes
}

// unseen are the findings that a phone button which fails inside WeChat hides behind.
var unseen = map[string]bool{"fine_now": true, "nothing_arrived": true, "only_checked": true, "no_failures": true}

// help is what to do about the reason that decided, where the verdict itself does not say so.
func (p TroubleshootPage) help(a Answer) string {
	switch a.Finding {
	case "our_configuration", "client_mistake", "limited", "suspicious", "data_damaged", "other_key", "wechat_unreachable", "inside_wechat":
		if a.Healed.IsZero() {
			return p.ReasonHelp(app.Event{Reason: a.Reason, Errcode: a.Errcode})
		}
	}
	return ""
}

// looked is the time that was looked at.
func (p TroubleshootPage) looked(a Answer) string {
	if a.From.IsZero() {
		return ""
	}
	to := a.To
	if to.After(p.Now) {
		to = p.Now
	}
	return p.T("troubleshoot.window", "from", p.Relative(a.From), "to", p.Relative(to))
}

// factInWords writes a fact for people; of a reason it keeps the id, which developers search for.
func (p TroubleshootPage) factInWords(fact Fact) string {
	switch text := fact.Text; fact.Name {
	case "reason":
		return text + " (" + p.Reason(app.Reason(text)) + ")"
	case "errcode":
		if errcode, err := strconv.Atoi(text); err == nil {
			return p.Cause(errcode, "", "")
		}
		return text
	case "version":
		return p.ClientVersion(text)
	case "platform":
		return p.Platform(app.Platform(text))
	case "key_state":
		return p.KeyState(app.KeyState(text))
	case "problem":
		return p.Problem(text)
	default:
		if !fact.At.IsZero() {
			return p.Absolute(fact.At)
		}
		return text
	}
}

// forDevelopers is the facts as a text to be sent on. Each event, which begins with its time, stands apart.
func (p TroubleshootPage) forDevelopers(a Answer) string {
	lines := []string{"wxkeeper · " + string(p.Appid), p.Verdict(a)}
	for _, fact := range a.Facts {
		if fact.Name == "at" {
			lines = append(lines, "")
		}
		lines = append(lines, p.T("fact."+fact.Name)+p.T("audit.joint")+p.factInWords(fact))
	}
	return strings.Join(lines, "\n")
}

// mayDo says whether an operator of this role may take the action.
func (p TroubleshootPage) mayDo(a Answer) bool {
	switch a.Action {
	case actCheckNow, actForceRelogin, actEnableUser, "open_configuration", "open_system":
		return p.Operator.Role.Allows(app.RoleOperator)
	}
	return true
}

// choose is the complaint about one of the candidates.
func (p TroubleshootPage) choose(user app.User) string { return p.With("q", user.Number.String()) }

// wrong is what is wrong with a field.
func (p TroubleshootPage) wrong(name string) string {
	if id := p.Wrong[name]; id != "" {
		return p.T(id)
	}
	return ""
}

// examples are questions that show what can be asked.
func (p TroubleshootPage) examples() []string {
	return []string{p.T("example.number"), p.T("example.code"), p.T("example.tail"), p.T("example.time"), p.T("example.rid")}
}
