package views

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

// KeyTimeline is what is known of a user's session keys over time: the keys newest first, and the user's latest events, which are
// drawn on the key they name.
type KeyTimeline struct {
	Keys   []app.KeyRecord
	Events []app.Event
	Aging  time.Duration // a key unconfirmed for so long counts as aging
	Grace  time.Duration // how long a superseded key still opens
}

// lane is the life of one key from left to right. Positions are percentages of the picture's width.
type lane struct {
	key    app.KeyRecord
	fresh  app.Freshness
	usable bool
	spans  []laneSpan
	marks  []laneMark
	dots   []laneDot
}

// laneSpan is a part of a key's life.
type laneSpan struct {
	form    spanForm
	tone    Tone
	x, wide float64
}

// spanForm is how much is known of a key during a span.
type spanForm string

const (
	spanKnown   spanForm = "known"   // the key is known to have been good
	spanUnknown spanForm = "unknown" // nothing has been heard of it since
	spanSuspect spanForm = "suspect" // it has failed since
	spanDead    spanForm = "dead"
	spanGrace   spanForm = "grace" // superseded, but it still opens
)

// laneMark is a dated fact of a key, drawn as an icon. Marks at the same place stand side by side, shift pixels apart.
type laneMark struct {
	fact  keyFact
	x     float64
	shift int
}

// laneDot is an event in which a key was used.
type laneDot struct {
	event app.Event
	x     float64
}

func (d laneDot) failed() bool { return d.event.Reason.Outcome() == app.OpenFailed }

// keyFact is one dated fact of a key.
type keyFact struct {
	name string // of its message
	look Badge
	at   time.Time
	by   string // by what, or WeChat's errcode
}

// factLooks are the pictures of facts, in the order of the legend.
var factLooks = []struct {
	name string
	look Badge
}{
	{"obtained", Badge{Tone: ToneNeutral, Icon: "key-round"}},
	{"reset", Badge{Tone: ToneInfo, Icon: "refresh-cw"}},
	{"confirmed", keyLooks[app.KeyConfirmed]},
	{"failed", keyLooks[app.KeySuspect]},
	{"dead", keyLooks[app.KeyDead]},
	{"superseded", keyLooks[app.KeySuperseded]},
	{"tried", Badge{Tone: ToneNeutral, Icon: "circle-slash"}},
}

func lookOfFact(name string) Badge {
	for _, known := range factLooks {
		if known.name == name {
			return known.look
		}
	}
	return Badge{}
}

// facts lists what is known of a key, oldest first. What WeChat dates before the key came here is told as of then.
func (t Text) facts(key app.KeyRecord) []keyFact {
	born := "obtained"
	if !key.ResetAt.IsZero() {
		born = "reset"
	}
	all := []keyFact{
		{name: born, at: key.ObtainedAt()},
		{name: "confirmed", at: key.ConfirmedAt, by: t.words("confirmed." + string(key.ConfirmedBy))},
		{name: "failed", at: key.FailedAt},
		{name: "tried", at: key.TriedAt},
		{name: "dead", at: key.DeadAt, by: positive(key.DeadErrcode)},
		{name: "superseded", at: key.SupersededAt},
	}
	all = slices.DeleteFunc(all, func(fact keyFact) bool { return fact.at.IsZero() })
	for i := range all {
		all[i].look = lookOfFact(all[i].name)
		if all[i].at.Before(key.ObtainedAt()) {
			all[i].at = key.ObtainedAt()
		}
	}
	slices.SortStableFunc(all, func(a, b keyFact) int { return a.at.Compare(b.at) })
	return all
}

// factText says a fact with its exact time.
func (f Frame) factText(fact keyFact) string {
	text := f.T("timeline." + fact.name)
	if fact.by != "" {
		text = f.T("timeline.by", "fact", text, "by", fact.by)
	}
	return text + " · " + f.Absolute(fact.at)
}

// endsAt is when a key stopped being of use: when it was superseded, and now while it is not.
func endsAt(key app.KeyRecord, now time.Time) time.Time {
	if key.Current() {
		return now
	}
	return key.SupersededAt
}

// opensUntil is until when a superseded key may still open data, as far as that has come by now.
func (t KeyTimeline) opensUntil(key app.KeyRecord) time.Time { return key.SupersededAt.Add(t.Grace) }

// usable are the keys that may open data now.
func (t KeyTimeline) usable(now time.Time) []app.KeyRecord {
	return app.UsableKeys(t.Keys, now, t.Grace)
}

// timeScale maps times to positions from 0 to 100. Its moments keep their order, and longer pauses are wider, but much less than they
// are longer: a second beside a month would not be seen otherwise.
type timeScale struct {
	moments   []time.Time
	positions []float64
}

// A pause shorter than shortPause is drawn about as long as it is, a longer one by its logarithm; leastPause keeps what happened in
// one second apart.
const (
	shortPause = 10 * time.Second
	leastPause = 0.5
)

func newTimeScale(moments []time.Time) timeScale {
	slices.SortFunc(moments, time.Time.Compare)
	s := timeScale{moments: slices.CompactFunc(moments, time.Time.Equal)}
	total := 0.0
	for i, at := range s.moments {
		if i > 0 {
			total += leastPause + math.Log2(1+float64(at.Sub(s.moments[i-1]))/float64(shortPause))
		}
		s.positions = append(s.positions, total)
	}
	for i := range s.positions {
		if total > 0 {
			s.positions[i] = min(100, s.positions[i]*100/total)
		}
	}
	return s
}

// x is the position of a time, at the nearest end if it is outside.
func (s timeScale) x(at time.Time) float64 {
	after, found := slices.BinarySearchFunc(s.moments, at, time.Time.Compare)
	switch {
	case found:
		return s.positions[after]
	case after == 0:
		return 0
	case after == len(s.moments):
		return 100
	}
	before := after - 1
	part := float64(at.Sub(s.moments[before])) / float64(s.moments[after].Sub(s.moments[before]))
	return s.positions[before] + part*(s.positions[after]-s.positions[before])
}

// timeTick is a labelled place on the axis.
type timeTick struct {
	x      float64
	at     time.Time
	now    bool
	narrow bool // there is room for it on a phone too
	second bool // another tick is in the same minute
}

// The least distance between labels on a wide screen and on a phone.
const (
	tickGap       = 14
	tickGapNarrow = 31
)

// ticks picks moments to label, from now backwards, and the first of all.
func (s timeScale) ticks() []timeTick {
	var ticks []timeTick
	last, lastNarrow := math.Inf(1), math.Inf(1)
	for i := len(s.moments) - 1; i >= 0; i-- {
		x := s.positions[i]
		if last-x < tickGap || i > 0 && x < tickGap {
			continue
		}
		tick := timeTick{x: x, at: s.moments[i], now: i == len(s.moments)-1, narrow: lastNarrow-x >= tickGapNarrow && (i == 0 || x >= tickGapNarrow)}
		if tick.narrow {
			lastNarrow = x
		}
		ticks, last = append(ticks, tick), x
	}
	slices.Reverse(ticks)
	for i := 1; i < len(ticks); i++ {
		if !ticks[i].now && ticks[i].at.Truncate(time.Minute).Equal(ticks[i-1].at.Truncate(time.Minute)) {
			ticks[i-1].second, ticks[i].second = true, true
		}
	}
	return ticks
}

// anchor keeps a label inside the picture.
func (t timeTick) anchor() string {
	switch {
	case t.x < 8:
		return "start"
	case t.x > 92:
		return "end"
	}
	return "middle"
}

// secondLayout is a clock with its second.
const secondLayout = "15:04:05"

// axisText labels a tick shortly: the clock of today and yesterday, the date of any other day.
func (f Frame) axisText(t timeTick) string {
	if t.now {
		return f.T("timeline.now")
	}
	local, now, clock := f.local(t.at), f.local(f.Now), clockLayout
	if t.second {
		clock = secondLayout
	}
	switch text := f.onDay(t.at); {
	case local.Year() != now.Year():
		return local.Format(dayLayout)
	case text == local.Format(minuteLayout):
		return local.Format("01-02 " + clock)
	case t.second:
		return local.Format(clock)
	default:
		return text
	}
}

// tickPause is the time between two ticks, where there is room to say it.
type tickPause struct {
	x      float64
	length time.Duration
}

func pauses(ticks []timeTick) []tickPause {
	var all []tickPause
	for i := 1; i < len(ticks); i++ {
		if ticks[i].x-ticks[i-1].x >= tickGap {
			all = append(all, tickPause{x: (ticks[i].x + ticks[i-1].x) / 2, length: ticks[i].at.Sub(ticks[i-1].at)})
		}
	}
	return all
}

// roughly is a duration in its largest unit.
func (f Frame) roughly(d time.Duration) string {
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if d >= unit {
			return f.Duration(d.Truncate(unit))
		}
	}
	return f.Duration(d)
}

// keyDrawing is the picture of a timeline.
type keyDrawing struct {
	lanes []lane
	ticks []timeTick
}

// spanSamples are the spans of the legend.
var spanSamples = []laneSpan{
	{spanKnown, ToneGood, 4, 92}, {spanUnknown, ToneGood, 4, 92}, {spanSuspect, ToneWarn, 4, 92}, {spanDead, ToneBad, 4, 92}, {spanGrace, ToneFaint, 4, 92},
}

// The legend explains what is in the picture and nothing else.

func (d keyDrawing) hasFact(name string) bool {
	return slices.ContainsFunc(d.lanes, func(l lane) bool {
		return slices.ContainsFunc(l.marks, func(mark laneMark) bool { return mark.fact.name == name })
	})
}

func (d keyDrawing) hasSpan(form spanForm) bool {
	return slices.ContainsFunc(d.lanes, func(l lane) bool {
		return slices.ContainsFunc(l.spans, func(span laneSpan) bool { return span.form == form })
	})
}

func (d keyDrawing) hasDot(failed bool) bool {
	return slices.ContainsFunc(d.lanes, func(l lane) bool {
		return slices.ContainsFunc(l.dots, func(dot laneDot) bool { return dot.failed() == failed })
	})
}

// dotsDrawn is how many events are drawn at most: more could not be told apart.
const dotsDrawn = 40

// draw lays the keys out.
func (f Frame) draw(t KeyTimeline) keyDrawing {
	dots := t.dots()
	moments := []time.Time{f.Now}
	for _, key := range t.Keys {
		for _, fact := range f.facts(key) {
			moments = append(moments, fact.at)
		}
		if until := t.opensUntil(key); !key.Current() && until.Before(f.Now) {
			moments = append(moments, until)
		}
	}
	for _, of := range dots {
		for _, event := range of {
			moments = append(moments, event.At())
		}
	}
	moments = slices.DeleteFunc(moments, func(at time.Time) bool { return at.After(f.Now) })
	scale := newTimeScale(moments)
	picture := keyDrawing{ticks: scale.ticks()}
	usable := t.usable(f.Now)
	for _, key := range t.Keys {
		l := lane{key: key, fresh: key.Freshness(f.Now, t.Aging), usable: slices.ContainsFunc(usable, func(u app.KeyRecord) bool { return u.ID == key.ID })}
		l.spans = t.spans(key, f.Now, scale)
		l.marks = placeMarks(f.facts(key), scale)
		for _, event := range dots[key.ID] {
			l.dots = append(l.dots, laneDot{event, scale.x(event.At())})
		}
		picture.lanes = append(picture.lanes, l)
	}
	return picture
}

// dots finds the openings of each key.
func (t KeyTimeline) dots() map[app.KeyID][]app.Event {
	found, n := map[app.KeyID][]app.Event{}, 0
	for _, event := range t.Events {
		outcome := event.Reason.Outcome()
		if n == dotsDrawn || outcome != app.OpenSucceeded && outcome != app.OpenFailed {
			continue
		}
		for _, key := range t.Keys {
			if key.Fingerprint == event.Fingerprint && !event.At().Before(key.ObtainedAt()) {
				found[key.ID] = append(found[key.ID], event)
				n++
			}
		}
	}
	return found
}

// knownGood is until when a key is known to have been good: its record is coarse, its events are not.
func (t KeyTimeline) knownGood(key app.KeyRecord) time.Time {
	good := key.ConfirmedAt
	for _, event := range t.Events {
		outcome := event.Reason.Outcome()
		if event.Fingerprint == key.Fingerprint && (outcome == app.OpenSucceeded || event.Reason == app.LoginSameKey) && event.At().After(good) {
			good = event.At()
		}
	}
	return good
}

// spans cuts a key's life by what was known of it.
func (t KeyTimeline) spans(key app.KeyRecord, now time.Time, scale timeScale) []laneSpan {
	tone, from, end := ToneGood, key.ObtainedAt(), endsAt(key, now)
	if !key.Current() {
		tone = ToneFaint
	}
	var spans []laneSpan
	until := func(to time.Time, form spanForm, tone Tone) {
		if to.After(end) && form != spanGrace {
			to = end
		}
		if x, next := scale.x(from), scale.x(to); to.After(from) {
			spans = append(spans, laneSpan{form, tone, x, next - x})
			from = to
		}
	}
	over := orElse(key.DeadAt, end)
	until(earlier(t.knownGood(key), over), spanKnown, tone)
	if !key.FailedAt.IsZero() && key.FailedAt.Before(over) {
		until(key.FailedAt, spanUnknown, tone)
		until(over, spanSuspect, ToneWarn)
	}
	until(over, spanUnknown, tone)
	until(end, spanDead, ToneBad)
	if len(key.Sealed) > 0 && !key.Current() {
		from = end
		until(earlier(t.opensUntil(key), now), spanGrace, ToneFaint)
	}
	return spans
}

func orElse(at, other time.Time) time.Time {
	if at.IsZero() {
		return other
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// markWidth is how many pixels a mark is wide, and markNear how near to each other two marks may stand.
const (
	markWidth = 17
	markNear  = 1.8
)

// placeMarks puts a key's facts on its lane. Those near to each other stand side by side, towards the inside.
func placeMarks(facts []keyFact, scale timeScale) []laneMark {
	var marks []laneMark
	for _, fact := range facts {
		marks = append(marks, laneMark{fact: fact, x: scale.x(fact.at)})
	}
	for first := 0; first < len(marks); {
		next := first + 1
		for next < len(marks) && marks[next].x-marks[next-1].x < markNear {
			next++
		}
		for i := first; i < next; i++ {
			if marks[first].x > 50 {
				marks[i].shift = (i - next + 1) * markWidth
			} else {
				marks[i].shift = (i - first) * markWidth
			}
		}
		first = next
	}
	return marks
}

func percentAt(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + "%" }

// exactText is a time with its second; the year of another year, and the zone, stand on hover.
func (f Frame) exactText(at time.Time) string {
	local := f.local(at)
	if local.Year() != f.local(f.Now).Year() {
		return local.Format(dayLayout + " " + secondLayout)
	}
	return local.Format("01-02 " + secondLayout)
}

// bornBy says how a key came here where it was not by a login.
func (t Text) bornBy(key app.KeyRecord) string {
	if key.ResetAt.IsZero() {
		return ""
	}
	return t.T("timeline.reset")
}

// opens says whether a key may open data now.
func (f Frame) opens(t KeyTimeline, key app.KeyRecord, usable []app.KeyRecord) string {
	switch {
	case !slices.ContainsFunc(usable, func(one app.KeyRecord) bool { return one.ID == key.ID }):
		return f.T("timeline.opens.no")
	case key.Current():
		return f.T("timeline.opens.yes")
	}
	return f.T("timeline.opens.until", "clock", f.local(t.opensUntil(key)).Format(secondLayout))
}

// laneNote says of a key how long it was, or is, in use, and of one superseded whether it still opens.
func (f Frame) laneNote(l lane, t KeyTimeline) string {
	length := f.roughly(endsAt(l.key, f.Now).Sub(l.key.ObtainedAt()))
	switch {
	case l.key.Current():
		return f.T("timeline.current", "duration", length)
	case l.usable:
		return f.T("timeline.usable", "clock", f.local(t.opensUntil(l.key)).Format(secondLayout))
	}
	return f.T("timeline.used", "duration", length)
}

// keysInWords says which keys may open data now.
func (f Frame) keysInWords(t KeyTimeline) string {
	var names []string
	for _, key := range t.usable(f.Now) {
		name := key.Fingerprint.String()
		if !key.Current() {
			name = f.T("timeline.until", "fingerprint", name, "clock", f.local(t.opensUntil(key)).Format(secondLayout))
		}
		names = append(names, name)
	}
	if names == nil {
		return f.T("timeline.nonopens")
	}
	return f.T("timeline.openers", "keys", strings.Join(names, f.T("timeline.and")))
}
