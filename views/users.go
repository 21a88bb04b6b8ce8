package views

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

// UsersPage is the list of users.
type UsersPage struct {
	Frame
	Asked    UserQuery
	Users    []FoundUser
	Total    int64  // how many match
	More     bool   // there may be more than Total
	Next     string // cursor of the next page, empty: this is the last
	Stopped  bool   // enough was read before the page was full
	Everyone int64  // users of the mini program
}

// FoundUser is one row.
type FoundUser struct {
	app.User
	Freshness app.Freshness // of the current session key; zero: there is none
}

// UserQuery is what is asked for in the address of the list: a filter, still as it was written, and how the list is shown.
type UserQuery struct {
	Search   string
	State    string
	SeenFrom string // dates, the first and the last
	SeenTo   string
	NewFrom  string
	NewTo    string
	Version  string
	Device   string
	Disabled bool
	Order    string
	Size     int
	Cursor   string
}

// filters are the parts of the query that choose users, by the names of their parameters.
func (q UserQuery) filters() map[string]string {
	disabled := ""
	if q.Disabled {
		disabled = "1"
	}
	return map[string]string{
		"q": q.Search, "state": q.State, "seen_from": q.SeenFrom, "seen_to": q.SeenTo, "new_from": q.NewFrom, "new_to": q.NewTo,
		"version": q.Version, "device": q.Device, "disabled": disabled,
	}
}

// Encode writes the filter as the query of an address, without how the list is shown.
func (q UserQuery) Encode() string {
	values := url.Values{}
	for name, value := range q.filters() {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values.Encode()
}

func (q UserQuery) filtered() bool { return q.Encode() != "" }

// moreFilters says whether a filter is set that is folded away.
func (q UserQuery) moreFilters() bool {
	return q.SeenFrom+q.SeenTo+q.NewFrom+q.NewTo+q.Version+q.Device != "" || q.Disabled
}

// address is the list under one filter.
func (q UserQuery) address() string {
	if query := q.Encode(); query != "" {
		return usersAddress + "?" + query
	}
	return usersAddress
}

const usersAddress = "/admin/users"

// UserAddress is the page of a user.
func UserAddress(number app.UserNumber) string { return usersAddress + "/" + number.String() }

// JobAddress is the page of a bulk job.
func JobAddress(id app.BulkJobID) string { return "/admin/jobs/" + strconv.FormatInt(int64(id), 10) }

// platforms are those that can be filtered by.
var platforms = []app.Platform{
	app.PlatformIOS, app.PlatformAndroid, app.PlatformHarmony, app.PlatformWindows, app.PlatformMac, app.PlatformDevtools,
}

// found is how many users match, in words short enough for a heading.
func (p UsersPage) found() string {
	if p.More {
		return p.T("users.atLeast", "n", p.Total)
	}
	return p.Count(p.Total)
}

// savedViews are the filters asked for most.
func (p UsersPage) savedViews() []Tab {
	today, weekAgo := p.dateOf(p.Now), p.dateOf(p.Now.AddDate(0, 0, -6))
	views := []struct {
		text  string
		query UserQuery
	}{
		{p.T("users.view.all"), UserQuery{}},
		{p.T("users.view.today"), UserQuery{SeenFrom: today}},
		{p.T("users.view.new"), UserQuery{NewFrom: weekAgo}},
		{p.KeyState(app.KeyDead), UserQuery{State: string(app.KeyDead)}},
		{p.KeyState(app.KeySuspect), UserQuery{State: string(app.KeySuspect)}},
		{p.KeyState(app.KeyAging), UserQuery{State: string(app.KeyAging)}},
		{p.T("users.disabled"), UserQuery{Disabled: true}},
	}
	tabs := make([]Tab, len(views))
	for i, view := range views {
		tabs[i] = Tab{Text: view.text, Address: view.query.address(), Current: p.Asked.Encode() == view.query.Encode()}
	}
	return tabs
}

// dateOf is the day of a time on the page, empty for the zero time.
func (f Frame) dateOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return f.local(at).Format(time.DateOnly)
}

// chips are the filters in force.
func (p UsersPage) chips() []Chip {
	var chips []Chip
	add := func(label, value string, parameters ...string) {
		var without []string
		for _, name := range parameters {
			without = append(without, name, "")
		}
		if value != "" {
			chips = append(chips, Chip{Label: label, Value: value, Remove: p.With(without...)})
		}
	}
	add(p.T("users.search"), p.Asked.Search, "q")
	if p.Asked.State != "" {
		add(p.T("users.state"), p.KeyState(app.KeyState(p.Asked.State)), "state")
	}
	add(p.T("users.seen"), p.dates(p.Asked.SeenFrom, p.Asked.SeenTo), "seen_from", "seen_to")
	add(p.T("users.new"), p.dates(p.Asked.NewFrom, p.Asked.NewTo), "new_from", "new_to")
	if p.Asked.Version != "" {
		add(p.T("users.version"), p.ClientVersion(p.Asked.Version), "version")
	}
	if p.Asked.Device != "" {
		add(p.T("users.device"), p.Platform(app.Platform(p.Asked.Device)), "device")
	}
	if p.Asked.Disabled {
		add(p.T("users.account"), p.T("users.disabled"), "disabled")
	}
	return chips
}

func (p UsersPage) dates(from, to string) string {
	switch {
	case from == "" && to == "":
		return ""
	case to == "":
		return p.T("users.from", "date", from)
	case from == "":
		return p.T("users.to", "date", to)
	case from == to:
		return from
	}
	return from + " – " + to
}

// order is what the list is in the order of: a key state and a search have their own.
func (p UsersPage) order() string {
	switch {
	case p.Asked.Search != "":
		return p.T("users.order.search")
	case p.Asked.State != "":
		return p.T("users.order.state")
	case p.Asked.Disabled:
		return p.T("users.order.disabled")
	}
	return ""
}

// sortedBy says whether the list is in an order that can be chosen.
func (p UsersPage) sortedBy(order app.UserOrder) bool {
	return p.order() == "" && (p.Asked.Order == string(app.ByFirstSeen)) == (order == app.ByFirstSeen)
}

// orderAddress is the list in another order, empty where the order cannot be chosen.
func (p UsersPage) orderAddress(order app.UserOrder) string {
	if p.order() != "" {
		return ""
	}
	return p.With("order", string(order))
}

func (p UsersPage) older() string {
	if p.Next == "" {
		return ""
	}
	return p.With(CursorParameter, p.Next)
}

// newer leads to the first page: a list by cursors goes one way.
func (p UsersPage) newer() string {
	if p.Asked.Cursor == "" {
		return ""
	}
	return p.With()
}

// BulkPage asks for a last word before many users are made to log in again.
type BulkPage struct {
	Frame
	Asked       UserQuery // the filter; those who match it are meant
	Expected    int64
	More        bool // there may be more than Expected
	Reason      string
	ReasonWords string
	Error       string
}

// JobsPage lists bulk jobs.
type JobsPage struct {
	Frame
	Jobs []app.BulkJob
}

// JobPage is one bulk job.
type JobPage struct {
	Frame
	Job app.BulkJob
}

func (p JobPage) cancellable() bool {
	return !p.Job.Ended() && p.Operator.Role.Allows(app.RoleOperator)
}

// jobTone is the tone of a job's state.
func jobTone(state app.BulkState) Tone {
	switch state {
	case app.BulkDone:
		return ToneGood
	case app.BulkFailed:
		return ToneBad
	case app.BulkCancelled:
		return ToneWarn
	}
	return ToneInfo
}

var jobIcons = map[app.BulkState]Badge{
	app.BulkWaiting: {Icon: "clock"}, app.BulkRunning: {Icon: "loader-circle"}, app.BulkDone: {Icon: "circle-check"},
	app.BulkCancelled: {Icon: "circle-slash"}, app.BulkFailed: {Icon: "circle-x"},
}

// jobTotal is what a job's progress is measured by: a filter's number was counted when the order was given.
func jobTotal(job app.BulkJob) int64 {
	if job.State == app.BulkDone {
		return int64(job.Done)
	}
	return int64(max(job.Expected, job.Done, 1))
}

// jobSelection says in words whom a job is about.
func (f Frame) jobSelection(job app.BulkJob) string {
	filter := job.Selection.Filter
	switch {
	case filter == nil:
		return f.T("jobs.selected")
	case filter.Empty():
		return f.T("jobs.everybody")
	}
	return f.T("jobs.matching", "filter", f.userFilterInWords(*filter))
}

// userFilterInWords says which users a filter means.
func (f Frame) userFilterInWords(filter app.UserFilter) string {
	if filter.Empty() {
		return f.T("jobs.everybody")
	}
	var parts []string
	if filter.KeyState != "" {
		parts = append(parts, f.KeyState(filter.KeyState))
	}
	for _, one := range []struct{ id, from, to string }{
		{"users.seen", f.dateOf(filter.SeenFrom), f.dateOf(filter.SeenTo)}, {"users.new", f.dateOf(filter.NewFrom), f.dateOf(filter.NewTo)},
	} {
		if one.from+one.to != "" {
			parts = append(parts, f.T(one.id)+" "+one.from+" – "+one.to)
		}
	}
	if filter.Version != "" {
		parts = append(parts, f.ClientVersion(filter.Version))
	}
	if filter.Platform != "" {
		parts = append(parts, f.Platform(filter.Platform))
	}
	if filter.Disabled {
		parts = append(parts, f.T("users.disabled"))
	}
	return strings.Join(parts, " · ")
}

// NameOf is what a user is called: by nickname, or as WeChat calls everybody who has told none.
func (t Text) NameOf(user app.User) string {
	if user.Profile.Anonymous() {
		return t.T("users.anonymous")
	}
	return user.Profile.Nickname
}

func (p UsersPage) stateOptions() []Option {
	options := []Option{{"", p.T("users.any")}}
	for _, state := range app.KeyStates() {
		options = append(options, Option{string(state), p.KeyState(state)})
	}
	return options
}

func (p UsersPage) deviceOptions() []Option {
	options := []Option{{"", p.T("users.any")}}
	for _, platform := range platforms {
		options = append(options, Option{string(platform), p.Platform(platform)})
	}
	return options
}

// BulkTypedAbove is beyond how many users their number has to be typed.
const BulkTypedAbove = 100

func (p BulkPage) typed() string {
	if p.Expected > BulkTypedAbove {
		return strconv.FormatInt(p.Expected, 10)
	}
	return ""
}
