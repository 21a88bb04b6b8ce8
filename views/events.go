package views

import (
	"slices"
	"strconv"
	"strings"

	"wxkeeper/app"
)

// EventsPage lists what the mini programs did and got.
type EventsPage struct {
	Frame
	Asked   EventQuery
	Events  []app.Event
	Users   map[app.UserID]EventUser // whose they are
	Unknown bool                     // the user asked for is not there
	Older   string                   // cursors of the neighbouring pages, empty: there is none
	Newer   string
	Stopped bool // enough was read before the page was full
	Later   bool // this is not the first page
	KeptFor int  // days that events are kept
}

// EventQuery is what is asked for in the address of the list, still as it was written.
type EventQuery struct {
	Reason   string // ids of reasons and of groups of them, with commas between
	Version  string
	Platform string
	Errcode  string
	User     string // number
	Address  string
	From     string // times, the second one excluded
	To       string
	Size     int
}

func (q EventQuery) filtered() bool {
	return q.Reason+q.Version+q.Platform+q.Errcode+q.User+q.Address+q.From+q.To != ""
}

// moreFilters says whether a filter is set that is folded away.
func (q EventQuery) moreFilters() bool { return q.Version+q.Platform+q.Errcode+q.Address != "" }

const eventsAddress = "/admin/events"

// EventGroup is the id of a group of reasons, which stands in addresses like that of a reason.
type EventGroup string

// The groups.
const (
	FailedLogins   EventGroup = "login_failed"
	GoodLogins     EventGroup = "login_ok"
	FailedOpenings EventGroup = "open_failed"
	GoodOpenings   EventGroup = "open_ok"
	KeyEvents      EventGroup = "key"
	DeviceEvents   EventGroup = "device"
	ConsentEvents  EventGroup = "consent"
)

// EventGroups lists the groups in the order of the list people choose from.
func EventGroups() []EventGroup {
	return []EventGroup{FailedLogins, GoodLogins, FailedOpenings, GoodOpenings, KeyEvents, DeviceEvents, ConsentEvents}
}

// Reasons lists the reasons of a group; none: there is no such group. Each reason that an event can have is in one group.
func (g EventGroup) Reasons() []app.Reason {
	var all []app.Reason
	for _, reason := range app.Reasons() {
		if groupOf(reason) == g && g != "" {
			all = append(all, reason)
		}
	}
	return all
}

func groupOf(reason app.Reason) EventGroup {
	switch reason.Outcome() {
	case app.LoginFailed:
		return FailedLogins
	case app.LoginSucceeded:
		return GoodLogins
	case app.OpenFailed:
		return FailedOpenings
	case app.OpenSucceeded:
		return GoodOpenings
	case app.NoteOnly:
		return ""
	}
	switch kind, _, _ := strings.Cut(string(reason), "."); kind {
	case "key":
		return KeyEvents
	case "device", "token":
		return DeviceEvents
	}
	return ConsentEvents
}

// optionGroup is some options of a select under a heading.
type optionGroup struct {
	Text    string
	Options []Option
}

// groupedSelect is a Select whose options stand in groups, after one that chooses nothing.
type groupedSelect struct {
	Name   string
	Label  string
	Value  string
	First  []Option // before the groups
	Groups []optionGroup
}

func (t Text) eventGroups() []optionGroup {
	var groups []optionGroup
	for _, id := range EventGroups() {
		group := optionGroup{Text: t.eventGroup(id), Options: []Option{{string(id), t.T("events.group.all", "group", t.eventGroup(id))}}}
		for _, reason := range id.Reasons() {
			group.Options = append(group.Options, Option{string(reason), t.Reason(reason)})
		}
		groups = append(groups, group)
	}
	return groups
}

func (t Text) eventGroup(group EventGroup) string { return t.T("events.group." + string(group)) }

// reasonsInWords names what is asked for, one id or several.
func (t Text) reasonsInWords(ids string) string {
	var words []string
	for id := range strings.SplitSeq(ids, ",") {
		if slices.Contains(EventGroups(), EventGroup(id)) {
			words = append(words, t.eventGroup(EventGroup(id)))
		} else {
			words = append(words, t.Reason(app.Reason(id)))
		}
	}
	if len(words) > 3 {
		return t.T("events.reasons", "n", len(words))
	}
	return strings.Join(words, " · ")
}

// reasonSelect is the choice of a reason or of a group. Several at once, as links from other pages have them, are one choice.
func (p EventsPage) reasonSelect() groupedSelect {
	choice := groupedSelect{Name: "reason", Label: p.T("events.reason"), Value: p.Asked.Reason, Groups: p.eventGroups()}
	if strings.Contains(p.Asked.Reason, ",") {
		choice.First = []Option{{p.Asked.Reason, p.reasonsInWords(p.Asked.Reason)}}
	}
	return choice
}

// PlatformsAsked lists the platforms that events can be asked for by, the unknown one among them.
func PlatformsAsked() []app.Platform { return append(slices.Clone(platforms), app.Unknown) }

func (p EventsPage) platformOptions() []Option {
	options := []Option{{"", p.T("list.any")}}
	for _, platform := range PlatformsAsked() {
		options = append(options, Option{string(platform), p.Platform(platform)})
	}
	return options
}

func (p EventsPage) chips() []Chip {
	var chips []Chip
	add := func(label, value, parameter string) {
		if value != "" {
			chips = append(chips, Chip{Label: label, Value: value, Remove: p.With(parameter, "")})
		}
	}
	if p.Asked.Reason != "" {
		add(p.T("events.reason"), p.reasonsInWords(p.Asked.Reason), "reason")
	}
	add(p.T("eventline.user"), p.Asked.User, "user")
	if p.Asked.Version != "" {
		add(p.T("eventline.client"), p.ClientVersion(p.Asked.Version), "version")
	}
	if p.Asked.Platform != "" {
		add(p.T("eventline.device"), p.Platform(app.Platform(p.Asked.Platform)), "platform")
	}
	if errcode, err := strconv.Atoi(p.Asked.Errcode); err == nil {
		add(p.T("eventline.errcode"), p.Cause(errcode, "", ""), "errcode")
	}
	add(p.T("eventline.address"), p.Asked.Address, "address")
	add(p.T("filter.from"), spaced(p.Asked.From), "from")
	add(p.T("filter.to"), spaced(p.Asked.To), "to")
	return chips
}

// spaced writes the time of a form as people do.
func spaced(at string) string { return strings.Replace(at, "T", " ", 1) }

func (p EventsPage) older() string {
	if p.Older == "" {
		return ""
	}
	return p.With(CursorParameter, p.Older)
}

func (p EventsPage) newer() string {
	switch {
	case p.Newer != "":
		return p.With(CursorParameter, p.Newer)
	case p.Later && p.Asked.User != "": // a user's events by cursors go one way
		return p.With()
	}
	return ""
}

// TroubleshootAddress is where a support code, or anything else, is looked into.
func TroubleshootAddress(text string) string {
	f := Frame{Address: troubleshootAddress}
	return f.With("q", text)
}
