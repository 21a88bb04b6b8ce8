package views

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

// OverviewPage is the first page: is anything wrong, and since when.
type OverviewPage struct {
	Frame
	Concerns []Concern // the most urgent first

	Login   Rates
	Opening Rates
	Rescued Counts
	Active  Counts
	New     Counts
	Users   int64 // all there are

	RescuedAddress string // of the events

	Failures  []FailureCount // the most frequent first
	Versions  []Split        // the one with most first
	Platforms []Split
	Errcodes  []ErrcodeCount
	Others    []OtherCount
	Keys      map[app.KeyState]int64
	WeChat    WeChatHealth

	Range    string // hour, day, week or month
	By       string // what tells failures apart: reason, version or platform
	Logins   Course
	Openings Course
	Failing  Course
	Complete time.Time // what happened earlier may be missing in the charts

	API string // address that mini programs call, for those who begin
}

// Rate is how many of something succeeded and how many did not.
type Rate struct{ OK, Failed int64 }

func (r Rate) total() int64 { return r.OK + r.Failed }

// Rates are the rate of the day so far and those of the same hours of earlier days.
type Rates struct{ Today, Yesterday, WeekAgo Rate }

// Counts are a number of the day so far and those of the same hours of earlier days.
type Counts struct{ Today, Yesterday, WeekAgo int64 }

// FailureCount is how often something failed for a reason.
type FailureCount struct {
	Reason app.Reason
	Counts
	Address string // of the events
}

// OtherCount is how often something happened that is neither a login nor an opening: an event of a reason, a call of back ends, or what
// became of webhooks.
type OtherCount struct {
	Kind string // event, backend or webhook
	What string // the reason, the call, or the counter
	Counts
	Address string // where more is told; empty: nowhere that this operator may go
}

// Split is what became of the logins and openings of one version or platform today.
type Split struct {
	Name           string
	Login, Opening Rate
	Rescued        int64
	Address        string // of its events; empty: they cannot be told apart
}

// ErrcodeCount is how many events of today carry one of WeChat's errcodes.
type ErrcodeCount struct {
	Errcode int
	N       int64
	Address string // of the events
}

// Course is how something went over time.
type Course struct {
	At    []time.Time
	Lines []CourseLine
}

// CourseLine is one line of a course, a number for each time.
type CourseLine struct {
	Name string
	N    []int64
}

// WeChatHealth is how WeChat's API has answered this process in the last hour.
type WeChatHealth struct {
	FailingSince time.Time // zero: it answers
	Calls        int
	Failed       int
	P50, P95     time.Duration
	Breaker      string // closed, open or probing
	TokenUntil   time.Time
	FailedAt     time.Time // the latest call without a usable answer
	Cause        string    // of that, in words
}

// Concern is one thing that needs attention. What it does not know is zero.
type Concern struct {
	Kind    string
	Since   time.Time
	Until   time.Time // of a pause
	Count   int64
	Before  int64     // in the same hours of yesterday
	Event   app.Event // as far as its reason and its cause are known
	Version string    // of the mini program from which most of it comes
	Share   int       // how much, in percent
	User    app.UserNumber
	Matter  app.EventID // to be settled
	By      string      // who paused
	Called  string      // the webhook that fails
	Free    uint64      // bytes of the disk
	Size    uint64
	Appid   app.Appid // whose it is, where several apps are told of together
	Address string    // where it leads; empty: nowhere that this operator may go
	To      string    // what is there: events, user, keys, system, audit or integrations

	Chosen, Words string // the reason and the words of a form that lacked one
	Wrong         bool
}

var concernTones = map[string]Tone{
	"storage_failing": ToneBad, "disk_nearly_full": ToneBad, "backup_failing": ToneBad, "configuration_refused": ToneBad, "wechat_failing": ToneBad, "checks_paused": ToneInfo,
	"audit_broken": ToneBad, "phones_refused": ToneBad, "quota_used_up": ToneBad,
}

// countedInTitle are the kinds whose number is none of events, and stands in the title if anywhere.
var countedInTitle = map[string]bool{
	"keys_taken_elsewhere": true, "consent_to_settle": true, "audit_broken": true, "webhook_failing": true, "webhook_lost": true,
}

func (c Concern) tone() Tone {
	if tone, own := concernTones[c.Kind]; own {
		return tone
	}
	return ToneWarn
}

// concernTitle says in words what is wrong.
func (f Frame) concernTitle(c Concern) string {
	id := "concern." + c.Kind
	switch c.Kind {
	case "disk_nearly_full":
		return f.T(id, "free", byteSize(c.Free), "size", byteSize(c.Size))
	case "configuration_refused":
		return f.T(id, "cause", f.EventCause(c.Event))
	case "wechat_failing", "failure_wave", "phones_refused", "clients_report":
		return f.T(id, "what", f.EventText(c.Event))
	case "webhook_failing":
		return f.T(id, "n", c.Count, "name", c.Called)
	case "keys_taken_elsewhere", "audit_broken", "webhook_lost":
		return f.T(id, "n", c.Count)
	case "success_low":
		return f.T(id+"."+string(c.Event.Reason.Outcome()), "percent", strconv.Itoa(c.Share), "what", f.EventText(c.Event))
	case "consent_to_settle":
		return f.T(id, "user", c.User.String(), "kind", c.Event.Detail.Problem)
	case "checks_paused":
		if c.By != "" {
			return f.T(id+".by", "operator", c.By)
		}
		return f.T(id, "until", f.Relative(c.Until))
	}
	return f.T(id)
}

// concernFacts are the numbers and dates of a concern.
func (f Frame) concernFacts(c Concern) string {
	var facts []string
	add := func(known bool, id string, pairs ...any) {
		if known {
			facts = append(facts, f.T(id, pairs...))
		}
	}
	add(!c.Since.IsZero(), "concern.since", "when", f.onDay(c.Since))
	add(c.Count > 0 && !countedInTitle[c.Kind], "concern.count", "n", c.Count)
	add(c.Kind == "failure_wave", "concern.before", "n", c.Before)
	add(c.Version != "" && c.Share > 0, "concern.version", "percent", strconv.Itoa(c.Share), "version", f.ClientVersion(c.Version))
	add(c.Kind == "checks_paused" && c.Event.Detail.Problem != "", "concern.cause", "cause", f.Problem(c.Event.Detail.Problem))
	return strings.Join(facts, f.T("concern.joint"))
}

// concernHelp says what to do.
func (f Frame) concernHelp(c Concern) string {
	if own := f.words("concern." + c.Kind + ".do"); own != "" {
		return own
	}
	if c.Kind == "configuration_refused" {
		return f.ErrcodeHelp(c.Event.Errcode)
	}
	return f.ReasonHelp(c.Event)
}

func settleAddress(event app.EventID) string {
	return "/admin/matters/" + strconv.FormatInt(int64(event), 10) + "/settle"
}

// byteSize writes a size as disks are sold: 12.3 GB.
func byteSize(bytes uint64) string {
	value, units := float64(bytes), []string{"B", "kB", "MB", "GB", "TB"}
	for value >= 1000 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	if value >= 100 || units[0] == "B" {
		return strconv.FormatFloat(value, 'f', 0, 64) + " " + units[0]
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[0]
}

// begun says whether anything has ever happened here.
func (p OverviewPage) begun() bool {
	return p.Users > 0 || p.Login.Today.total()+p.Login.Yesterday.total()+p.Opening.Today.total() > 0
}

func (p OverviewPage) rateStat(id string, rates Rates) Stat {
	stat := Stat{
		Label: p.T(id), Value: p.Percent(rates.Today.OK, rates.Today.total()),
		Note: p.T("overview.okFailed", "ok", rates.Today.OK, "failed", rates.Today.Failed),
	}
	for _, earlier := range []struct {
		label string
		Rate
	}{{p.T("overview.thanYesterday"), rates.Yesterday}, {p.T("overview.thanWeekAgo"), rates.WeekAgo}} {
		if earlier.total() > 0 {
			stat.Comparisons = append(stat.Comparisons,
				p.CompareRates(earlier.label, rates.Today.OK, rates.Today.total(), earlier.OK, earlier.total()))
		}
	}
	return stat
}

func (p OverviewPage) countStat(id, note string, counts Counts) Stat {
	stat := Stat{Label: p.T(id), Value: p.Count(counts.Today), Note: note}
	for _, earlier := range []struct {
		label string
		n     int64
	}{{p.T("overview.thanYesterday"), counts.Yesterday}, {p.T("overview.thanWeekAgo"), counts.WeekAgo}} {
		if earlier.n > 0 {
			stat.Comparisons = append(stat.Comparisons, p.CompareCounts(earlier.label, counts.Today, earlier.n))
		}
	}
	return stat
}

func (p OverviewPage) rescuedStat() Stat {
	stat := p.countStat("overview.rescued", p.T("overview.rescued.note"), p.Rescued)
	stat.Address = p.RescuedAddress
	return stat
}

// otherInWords says what happened.
func (p OverviewPage) otherInWords(o OtherCount) string {
	switch {
	case o.Kind == "event":
		return p.Reason(app.Reason(o.What))
	case o.Kind == "webhook":
		return p.T("overview." + o.What)
	case o.What == callsRefused:
		return p.T("overview.backend.refused")
	}
	return p.T("overview.backend.asked", "call", "/"+o.What+"/")
}

// tabs leads to this page with another value of one of its choices.
func (p OverviewPage) tabs(name, current string, choices []string) []Tab {
	var tabs []Tab
	for _, choice := range choices {
		tabs = append(tabs, Tab{Text: p.T("overview." + name + "." + choice), Address: p.With(name, choice), Current: choice == current})
	}
	return tabs
}

// What a visitor of the overview may choose.
var (
	overviewRanges = []string{"hour", "day", "week", "month"}
	overviewGroups = []string{"reason", "version", "platform"}
)

// chart draws logins or openings: those that succeeded below those that did not.
func (p OverviewPage) chart(id string, course Course) Chart {
	chart := Chart{ID: id, Title: p.T("overview." + id), At: course.At, Shape: ShapeStack, Days: p.Range == "month"}
	tones := []Tone{ToneAccent, ToneBad}
	for i, line := range course.Lines {
		chart.Series = append(chart.Series, Series{p.T("overview.outcome." + line.Name), floats(line.N), tones[i%len(tones)]})
	}
	return chart
}

// lineTones tell the lines of failures apart.
var lineTones = []Tone{ToneBad, ToneWarn, ToneInfo, ToneAccent}

// otherLine is the line of all that have none of their own.
const otherLine = "other"

// failuresChart draws failures by reason, version or platform. What has no tone of its own is drawn together.
func (p OverviewPage) failuresChart() Chart {
	chart := Chart{ID: "failures", Title: p.T("overview.failures." + p.By), At: p.Failing.At, Shape: ShapeStack, Days: p.Range == "month"}
	rest := make([]float64, len(p.Failing.At))
	others := false
	for i, line := range p.Failing.Lines {
		if i < len(lineTones) && line.Name != otherLine {
			chart.Series = append(chart.Series, Series{p.lineName(line.Name), floats(line.N), lineTones[i]})
			continue
		}
		others = true
		for at, n := range line.N {
			rest[at] += float64(n)
		}
	}
	if others {
		chart.Series = append(chart.Series, Series{p.T("overview.others"), rest, ToneFaint})
	}
	return chart
}

func (p OverviewPage) lineName(name string) string {
	switch p.By {
	case "version":
		return p.ClientVersion(name)
	case "platform":
		return p.Platform(app.Platform(name))
	}
	return p.Reason(app.Reason(name))
}

func floats(numbers []int64) []float64 {
	all := make([]float64, len(numbers))
	for i, n := range numbers {
		all[i] = float64(n)
	}
	return all
}

// incomplete says whether the charts begin before what is known.
func (p OverviewPage) incomplete() bool {
	return len(p.Failing.At) > 0 && p.Complete.After(p.Failing.At[0])
}

func (p OverviewPage) versionName(split Split) string {
	if split.Name == otherLine {
		return p.T("overview.others")
	}
	return p.ClientVersion(split.Name)
}

// statusParts are the parts of the bar of key states, each leading to its users.
func statusParts(counts map[app.KeyState]int64) []StatusPart {
	var parts []StatusPart
	for _, state := range app.KeyStates() {
		parts = append(parts, StatusPart{state, counts[state], usersOfState(state)})
	}
	return parts
}

func usersOfState(state app.KeyState) string { return usersAddress + "?state=" + string(state) }

// weChatState says whether WeChat's API answers.
func (p OverviewPage) weChatState() Badge {
	switch health := p.WeChat; {
	case !health.FailingSince.IsZero():
		return Badge{Tone: ToneBad, Icon: "circle-x", Text: p.T("wechat.failing", "when", p.onDay(health.FailingSince))}
	case health.Breaker != "closed":
		return Badge{Tone: ToneBad, Icon: "circle-x", Text: p.T("wechat." + health.Breaker)}
	case health.Calls == 0:
		return Badge{Tone: ToneFaint, Icon: "minus", Text: p.T("wechat.unused")}
	}
	return Badge{Tone: ToneGood, Icon: "circle-check", Text: p.T("wechat.reachable")}
}

func (p OverviewPage) accessToken() string {
	if !p.WeChat.TokenUntil.After(p.Now) {
		return p.T("wechat.noToken")
	}
	return p.T("wechat.tokenUntil", "when", p.onDay(p.WeChat.TokenUntil))
}

// ChooseRange reads which range is asked for, a day unless another is.
func ChooseRange(asked string) string { return chosen(asked, overviewRanges, "day") }

// ChooseGroup reads what failures are told apart by, the reason unless another is asked for.
func ChooseGroup(asked string) string { return chosen(asked, overviewGroups, "reason") }

func chosen(asked string, choices []string, otherwise string) string {
	if !slices.Contains(choices, asked) {
		return otherwise
	}
	return cmp.Or(asked, otherwise)
}
