package views

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a-h/templ"

	"wxkeeper/app"
	"wxkeeper/static"
)

// Tone is what a colour means. It never stands alone: an icon and a word say the same.
type Tone string

// The tones.
const (
	ToneNeutral Tone = ""
	ToneGood    Tone = "good"
	ToneInfo    Tone = "info"
	ToneWarn    Tone = "warn"
	ToneBad     Tone = "bad"
	ToneFaint   Tone = "faint"
	ToneAccent  Tone = "accent"
)

func (t Tone) class() string {
	if t == ToneNeutral {
		return "tone-neutral"
	}
	return "tone-" + string(t)
}

// signs are what stands before a message in each tone.
var signs = map[Tone]Badge{
	ToneNeutral: {Icon: "info"}, ToneFaint: {Icon: "info"}, ToneInfo: {Icon: "info"}, ToneAccent: {Icon: "info"},
	ToneGood: {Icon: "circle-check"}, ToneWarn: {Icon: "triangle-alert"}, ToneBad: {Icon: "circle-x"},
}

// Badge is a short word with its icon.
type Badge struct {
	Tone  Tone
	Icon  string // name of a lucide icon
	Text  string
	Title string // explanation on hover
}

// Variant is how much a button asks to be pressed.
type Variant string

// The variants. A view has one primary button at most.
const (
	VariantPlain   Variant = ""
	VariantPrimary Variant = "primary"
	VariantQuiet   Variant = "quiet"
	VariantDanger  Variant = "danger"
)

// Button submits its form, or leads to Address.
type Button struct {
	Text       string
	Icon       string
	Variant    Variant
	Address    string // makes it a link
	Name       string // of the value it submits
	Value      string
	Small      bool
	IconOnly   bool // Text is read aloud and shown on hover only
	Disabled   bool
	Attributes templ.Attributes
}

func (b Button) class() string {
	class := "btn"
	if b.Variant != VariantPlain {
		class += " btn-" + string(b.Variant)
	}
	if b.Small {
		class += " btn-sm"
	}
	if b.IconOnly {
		class += " btn-square"
	}
	return class
}

// Field is one line of text to fill in, or several when Rows says so.
type Field struct {
	Name       string
	ID         string // of the input; empty: Name
	Label      string
	Type       string // of the input; empty: text
	Value      string
	Hint       string
	Error      string // what is wrong with Value
	Required   bool
	Rows       int              // more than 0: a text area
	Attributes templ.Attributes // autocomplete, pattern, inputmode, placeholder, autofocus, hx-…
}

func (f Field) id() string {
	if f.ID != "" {
		return f.ID
	}
	return f.Name
}

// described lists the ids of what explains an input, for aria-describedby.
func described(id, hint, problem string) string {
	var ids []string
	if hint != "" {
		ids = append(ids, id+"-hint")
	}
	if problem != "" {
		ids = append(ids, id+"-error")
	}
	return strings.Join(ids, " ")
}

// Select is a choice of one of several options.
type Select struct {
	Name       string
	ID         string // of the select; empty: Name
	Label      string
	Value      string
	Options    []Option
	Hint       string
	Error      string
	Required   bool
	Attributes templ.Attributes
}

func (s Select) id() string {
	if s.ID != "" {
		return s.ID
	}
	return s.Name
}

// Option is one option of a Select.
type Option struct {
	Value string
	Text  string
}

// Check is a box to tick.
type Check struct {
	Name    string
	Value   string // empty: on
	Label   string
	Hint    string
	Checked bool
}

func (c Check) value() string {
	if c.Value == "" {
		return "on"
	}
	return c.Value
}

// ReasonPicker asks why: one of the reasons offered, and words of one's own. It submits reason and reason_text, which
// JoinReason makes one.
type ReasonPicker struct {
	ID    string // unique on the page
	Value string // the reason chosen before
	Text  string // the words given before
	Error string
}

// reasons are offered everywhere; the last demands words.
var reasons = []string{"login", "phone", "security", "leak", "request", "test", otherReason}

const otherReason = "other"

// JoinReason makes one reason of what a ReasonPicker submits: the reason offered in words of this language, then one's own words.
// A reason that was not offered stands as it is, without what does not print. Empty: no reason was given.
func (t Text) JoinReason(chosen, words string) string {
	chosen, words = printed(chosen), printed(words)
	if chosen == otherReason {
		return words
	}
	for _, offered := range reasons {
		if chosen == offered {
			chosen = t.T("reason." + offered)
		}
	}
	switch {
	case words == "":
		return chosen
	case chosen == "":
		return words
	}
	return chosen + t.T("reason.joint") + words
}

func printed(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text))
}

// Confirm is a button that first says what it will do. It opens without scripts too. Its children are further fields of the form.
type Confirm struct {
	ID     string // unique on the page
	Button Button // opens the question
	Title  string
	Text   string // names the effect
	Action string // where the form posts to
	Submit string // the words of the last button
	Danger bool
	Reason bool   // asks why, with a ReasonPicker
	Typed  string // what must be typed first, as the field confirmation; the server checks it again
	Inside bool   // it stands inside a form, whose fields go with it; at most one in a form
	Open   bool   // shown at once in place, as after a mistake in the form
	Error  string // of what was typed or of the reason

	Chosen      string // the reason chosen before a mistake
	Words       string // and its words
	ReasonError string // of the reason, where something is typed too
}

// Table has its rows as children: <tr> with <td data-label={ the column's text }> each, class num for numbers. On a phone each row
// is a card. The first cell of a row should hold its link.
type Table struct {
	ID      string
	Caption string // what the rows are; not shown
	Columns []Column
	Form    string // id of the form of a SelectionBar: puts a box for all rows of the page before the columns
}

// Column is the head of one column.
type Column struct {
	Text    string
	Number  bool
	Address string // sorts by this column
	Sorted  bool   // the rows are in this order now
}

// SelectionBar appears when rows are ticked. It holds the form that acts on them; its children are the buttons.
type SelectionBar struct {
	Form     string // id of the form; the boxes of the rows name it (RowCheck)
	Action   string // where the form posts to
	Matching int64  // how many match the filter: offers to take them all, as the field all; 0: does not offer
	More     bool   // there may be more than Matching
}

// Pager leads to the neighbouring pages of a list. The addresses are empty where there is none.
type Pager struct {
	Newer string
	Older string
	Size  int    // rows on a page; the choice of 20, 50 and 100 is the query parameter size
	Note  string // what the list holds, such as how many match
}

var pageSizes = []int{20, 50, 100}

// Chip is one filter in force; its cross leads to Remove.
type Chip struct {
	Label  string
	Value  string
	Remove string
}

// Empty stands where a list has no rows. Its children are what one can do.
type Empty struct {
	Icon  string
	Title string
	Text  string
}

// Tab is a link to one of several views of the same thing.
type Tab struct {
	Text    string
	Address string
	Current bool
	Count   string // beside the text; empty: none
}

// Header begins a page: its title, which says the number, and its buttons as children.
type Header struct {
	Title    string
	Count    string // beside the title
	Note     string // a sentence below
	Back     string // address of the page above
	BackText string
}

// Panel is a part of a page under a heading.
type Panel struct {
	ID       string
	Title    string
	Note     string // beside the heading
	Link     string // address of more
	LinkText string
}

// Stat is one number that matters. Its children may draw its course.
type Stat struct {
	Label       string
	Value       string
	Note        string
	Address     string // where its parts are
	Comparisons []Comparison
}

// Comparison is a number seen against an earlier one.
type Comparison struct {
	Label  string // against what
	Change string // by how much
	Tone   Tone
	Icon   string
}

// The directions of a comparison.
var (
	rising  = Comparison{Icon: "arrow-up"}
	falling = Comparison{Icon: "arrow-down"}
	steady  = Comparison{Icon: "arrow-right"}
	unknown = Comparison{Icon: "minus"}
)

func (c Comparison) say(label, change string, tone Tone) Comparison {
	c.Label, c.Change, c.Tone = label, change, tone
	return c
}

// CompareRates compares two shares of a whole, in percentage points. A fall of half a point or more is bad news, a rise good.
func (t Text) CompareRates(label string, part, whole, partBefore, wholeBefore int64) Comparison {
	if whole <= 0 || wholeBefore <= 0 {
		return unknown.say(label, t.T("compare.none"), ToneFaint)
	}
	points := 100 * (float64(part)/float64(whole) - float64(partBefore)/float64(wholeBefore))
	change := t.T("compare.points", "points", signed(points))
	switch {
	case points <= -0.5:
		return falling.say(label, change, ToneBad)
	case points >= 0.5:
		return rising.say(label, change, ToneGood)
	}
	return steady.say(label, change, ToneFaint)
}

// CompareCounts compares two counts, in percent, and judges nothing.
func (t Text) CompareCounts(label string, now, before int64) Comparison {
	if before <= 0 {
		return unknown.say(label, t.T("compare.none"), ToneFaint)
	}
	percent := 100 * float64(now-before) / float64(before)
	change := signed(percent) + "%"
	switch {
	case percent >= 0.05:
		return rising.say(label, change, ToneNeutral)
	case percent <= -0.05:
		return falling.say(label, change, ToneNeutral)
	}
	return steady.say(label, change, ToneNeutral)
}

func signed(value float64) string {
	text := strconv.FormatFloat(math.Abs(value), 'f', 1, 64)
	switch {
	case text == "0.0":
		return "±0"
	case value < 0:
		return "−" + text
	}
	return "+" + text
}

// StatusPart is one key state with how many keys are in it.
type StatusPart struct {
	State   app.KeyState
	Count   int64
	Address string // of their list
}

// Bar is one line of a Bars list.
type Bar struct {
	Label   string
	Detail  string // what it means or what to do, below the label
	Value   int64
	Address string
	Tone    Tone
}

// Progress is how far a job has come. While it runs, the part of the page with this ID is fetched again from Address. Its children
// are the buttons.
type Progress struct {
	ID      string
	Label   string
	Note    string // what came of it, or what it does now
	Done    int64
	Total   int64
	Failed  int64
	Running bool
	Address string
}

// Alert is a message that stays. Its children are what one can do.
type Alert struct {
	Tone  Tone
	Title string
	Text  string
}

// Live is a list that grows by itself once opened: the stream at Address sends events called row, each one <li>, newest last, and
// one called end before it closes. Its children are the rows to begin with.
type Live struct {
	Address string
	Title   string
	Note    string
}

// Menu is a button that opens a panel, its children.
type Menu struct {
	Button Button
	Right  bool // the panel's right edge is the button's
}

// keyLooks gives each key state its look.
var keyLooks = map[app.KeyState]Badge{
	app.KeyNew:        {Tone: ToneInfo, Icon: "circle-dot"},
	app.KeyConfirmed:  {Tone: ToneGood, Icon: "circle-check"},
	app.KeyAging:      {Tone: ToneNeutral, Icon: "clock"},
	app.KeySuspect:    {Tone: ToneWarn, Icon: "circle-question-mark"},
	app.KeyDead:       {Tone: ToneBad, Icon: "circle-x"},
	app.KeySuperseded: {Tone: ToneFaint, Icon: "circle-arrow-right"},
}

// KeyTone is the tone of a key state.
func KeyTone(state app.KeyState) Tone { return keyLooks[state].Tone }

// KeyIcon names the icon of a key state.
func KeyIcon(state app.KeyState) string { return keyLooks[state].Icon }

// KeyState is a key state in one word.
func (t Text) KeyState(state app.KeyState) string { return t.T("key." + string(state)) }

// KeyExplanation is what a state means, with its dates, in whole sentences.
func (f Frame) KeyExplanation(fresh app.Freshness) string {
	switch fresh.State {
	case app.KeyConfirmed:
		return f.T("key.confirmed.is", "when", f.Relative(fresh.Since), "by", f.T("confirmed."+string(fresh.By)))
	case app.KeyAging:
		return f.T("key.aging.is", "duration", f.Duration(f.Now.Sub(fresh.Since)))
	case app.KeyDead:
		return f.T("key.dead.is", "errcode", strconv.Itoa(fresh.Errcode))
	}
	return f.T("key." + string(fresh.State) + ".is")
}

// avatarHosts is where WeChat keeps avatars.
var avatarHosts = map[string]bool{"thirdwx.qlogo.cn": true, "wx.qlogo.cn": true}

// AvatarSource is the address of an avatar if it is one of WeChat's or of ours, else empty. WeChat still hands out plain http
// for some; the same picture is there over https.
func AvatarSource(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.User != nil || parsed.Opaque != "" || strings.ContainsFunc(address, unicode.IsControl) {
		return ""
	}
	uploaded := app.AvatarNameOf(parsed.Path)
	switch {
	case uploaded != "" && (parsed.Scheme == "https" || parsed.Scheme == "http"): // whatever host it is reached at from outside
		return "/admin/avatars/" + uploaded
	case (parsed.Scheme == "https" || parsed.Scheme == "http") && avatarHosts[parsed.Host]:
		parsed.Scheme = "https"
		return parsed.String()
	case parsed.Scheme == "" && parsed.Host == "" && parsed.RawQuery == "" && static.Has(parsed.Path):
		return parsed.Path
	}
	return ""
}

// initials are what stands for a person without a picture: one Chinese character, or the first letter of a name. Somebody whom
// WeChat names like everybody has none.
func initials(name string) string {
	if name == app.AnonymousNickname {
		return ""
	}
	for _, letter := range name {
		if unicode.IsLetter(letter) || unicode.IsDigit(letter) {
			return strings.ToUpper(string(letter))
		}
	}
	return ""
}

// tint picks one of the tiles' colours, the same for the same name.
func tint(name string) string {
	sum := 0
	for _, letter := range name {
		sum = (sum*31 + int(letter)) % tints
	}
	return "avatar tint-" + strconv.Itoa(sum)
}

const tints = 6

// Chart draws numbers over time, with the same numbers in a table below. Values not known are NaN.
type Chart struct {
	ID      string
	Title   string
	At      []time.Time
	Series  []Series
	Shape   Shape
	Percent bool // the values are percentages
	Days    bool // each point is a day
}

// Series is one line of a chart.
type Series struct {
	Name   string
	Values []float64 // as many as there are times
	Tone   Tone
}

// Shape is how a chart draws its series.
type Shape string

// The shapes.
const (
	ShapeLine  Shape = ""
	ShapeBars  Shape = "bars"
	ShapeStack Shape = "stack" // bars on top of each other
)

// chartData is what the script reads.
type chartData struct {
	Times   []int64       `json:"times"`
	Series  []chartSeries `json:"series"`
	Shape   Shape         `json:"shape"`
	Percent bool          `json:"percent"`
	Days    bool          `json:"days"`
	Zone    string        `json:"zone"`
}

type chartSeries struct {
	Name   string     `json:"name"`
	Tone   Tone       `json:"tone"`
	Values []*float64 `json:"values"`
}

func (f Frame) chartJSON(c Chart) (string, error) {
	data := chartData{Shape: c.Shape, Percent: c.Percent, Days: c.Days, Zone: f.local(time.Time{}).Location().String(),
		Times: make([]int64, len(c.At)), Series: make([]chartSeries, len(c.Series))}
	for i, at := range c.At {
		data.Times[i] = at.Unix()
	}
	for i, series := range c.Series {
		data.Series[i] = chartSeries{series.Name, series.Tone, make([]*float64, len(c.At))}
		for j := range min(len(c.At), len(series.Values)) {
			if !math.IsNaN(series.Values[j]) {
				data.Series[i].Values[j] = &series.Values[j]
			}
		}
	}
	text, err := json.Marshal(data)
	return string(text), err
}

// chartValue writes one number of a chart's table.
func (f Frame) chartValue(c Chart, series Series, at int) string {
	switch {
	case at >= len(series.Values) || math.IsNaN(series.Values[at]):
		return "–"
	case c.Percent:
		return strconv.FormatFloat(series.Values[at], 'f', 1, 64) + "%"
	}
	return f.Count(int64(math.Round(series.Values[at])))
}

func (f Frame) chartTime(c Chart, at time.Time) string {
	if c.Days {
		return f.local(at).Format(dayLayout)
	}
	return f.local(at).Format(minuteLayout)
}

// sparkline draws values into a box of 100 by 24, zero or the smallest at its foot.
func sparkline(values []float64) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, value := range values {
		if !math.IsNaN(value) {
			low, high = min(low, value), max(high, value)
		}
	}
	var path strings.Builder
	command := "M"
	for i, value := range values {
		if math.IsNaN(value) {
			command = "M"
			continue
		}
		x, y := 50.0, 12.0
		if len(values) > 1 {
			x = 100 * float64(i) / float64(len(values)-1)
		}
		if high > low {
			y = 22 - 20*(value-low)/(high-low)
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, x, y)
		command = "L"
	}
	return path.String()
}

// share is a width in percent; what is more than nothing can be seen.
func share(value, whole int64) float64 {
	if value <= 0 || whole <= 0 {
		return 0
	}
	return max(100*float64(value)/float64(whole), 0.5)
}

func percent(value float64) string { return strconv.FormatFloat(value, 'f', 2, 64) + "%" }

func largest(bars []Bar) int64 {
	var most int64
	for _, bar := range bars {
		most = max(most, bar.Value)
	}
	return most
}

// segment is one part of a status bar, from x with a width, both of statusBarWidth.
type segment struct {
	StatusPart
	x, width float64
}

const statusBarWidth = 1000

// segments lays the parts side by side. A part that is more than nothing can be clicked.
func segments(parts []StatusPart) []segment {
	var widths, total float64
	for _, part := range parts {
		total += float64(max(part.Count, 0))
	}
	all := make([]segment, 0, len(parts))
	for _, part := range parts {
		if part.Count > 0 {
			width := max(statusBarWidth*float64(part.Count)/total, 8)
			all = append(all, segment{part, widths, width})
			widths += width
		}
	}
	for i := range all {
		all[i].x *= statusBarWidth / widths
		all[i].width = max(all[i].width*statusBarWidth/widths-2, 2) // a gap of 2 keeps neighbours apart
	}
	return all
}

func number(value float64) string { return strconv.FormatFloat(value, 'f', 1, 64) }

// explained ties an input to what explains it.
func explained(id, hint, problem string) templ.Attributes {
	attributes := templ.Attributes{}
	if ids := described(id, hint, problem); ids != "" {
		attributes["aria-describedby"] = ids
	}
	if problem != "" {
		attributes["aria-invalid"] = "true"
	}
	return attributes
}

func (f Field) inputType() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

func (c Column) attributes() templ.Attributes {
	attributes := templ.Attributes{}
	if c.Number {
		attributes["class"] = "num"
	}
	if c.Sorted {
		attributes["aria-sort"] = "descending"
	}
	return attributes
}

// opener is the button that opens the question: as a popover by itself, as a dialog by script.
func (c Confirm) opener() Button {
	button := c.Button
	button.Attributes = templ.Attributes{"type": "button", "popovertarget": c.ID, "data-dialog": c.ID, "aria-haspopup": "dialog"}
	for name, value := range c.Button.Attributes {
		button.Attributes[name] = value
	}
	return button
}

func (f Frame) submit(c Confirm) Button {
	button := Button{Text: c.Submit, Variant: VariantPrimary}
	if c.Danger {
		button.Variant = VariantDanger
	}
	if c.Inside {
		button.Attributes = templ.Attributes{"formaction": f.Link(c.Action)}
	}
	return button
}

// reasonError is the error under the reason: a typed confirmation takes Error first.
func (c Confirm) reasonError() string {
	if c.Typed != "" {
		return c.ReasonError
	}
	return c.Error
}

// exactly is the pattern of an input that takes this text only.
func exactly(text string) string {
	var pattern strings.Builder
	for _, letter := range text {
		if strings.ContainsRune(`\^$.|?*+()[]{}/-`, letter) {
			pattern.WriteByte('\\')
		}
		pattern.WriteRune(letter)
	}
	return pattern.String()
}

func (f Frame) progressAttributes(p Progress) templ.Attributes {
	if !p.Running || p.Address == "" {
		return templ.Attributes{}
	}
	return templ.Attributes{
		"hx-get": f.Link(p.Address), "hx-trigger": "every 1s", "hx-select": "#" + p.ID, "hx-ext": "morph", "hx-swap": "morph:outerHTML", "hx-target": "this",
		"hx-headers": `{"X-Refresh":"1"}`, // so that a page left open keeps nobody signed in
	}
}
