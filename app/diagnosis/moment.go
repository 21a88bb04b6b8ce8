package diagnosis

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/width"
)

// moment is a day, a part of a day or a time of day, as exactly as it was said.
type moment struct {
	day       time.Time // its midnight; today's where no day was said
	dayIsSaid bool
	part      dayPart
	ofTwelve  bool // the part is am or pm

	exactly              exactness
	hour, minute, second int
}

// exactness is the smallest unit in which a time of day was said.
type exactness uint8

const (
	noClock exactness = iota
	toTheHour
	toTheMinute
	toTheSecond
)

// dayPart is a part of the day: the hours it lasts, and those on a clock of twelve that mean twelve more in it. The zero
// dayPart: none was said.
type dayPart struct{ from, to, first, last int }

var dayParts = map[string]dayPart{
	"凌晨": {0, 6, 0, 0}, "早上": {5, 11, 0, 0}, "上午": {6, 12, 0, 0}, "中午": {11, 14, 1, 3}, "下午": {12, 18, 1, 11},
	"傍晚": {17, 20, 1, 11}, "晚上": {18, 24, 5, 12}, "晚": {18, 24, 5, 12}, "早": {5, 11, 0, 0},
	"morning": {6, 12, 0, 0}, "noon": {11, 14, 1, 3}, "afternoon": {12, 18, 1, 11}, "evening": {17, 24, 1, 11},
	"night": {18, 24, 5, 12}, "am": {0, 12, 0, 0}, "pm": {12, 24, 1, 11},
}

// dayWords are days counted from today.
var dayWords = map[string]int{
	"今天": 0, "今": 0, "today": 0, "this": 0, "to": 0, "昨天": -1, "昨": -1, "yesterday": -1, "last": -1, "前天": -2,
}

var (
	dayForm    = regexp.MustCompile(`^(今天|昨天|前天|today|yesterday)`)
	dayAndForm = regexp.MustCompile(`^(今|昨|this |to|last )(早|晚|morning|afternoon|evening|night)`)
	dateForm   = regexp.MustCompile(`^(?:(\d{4}) ?[-/.年] ?)?(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?(?:日|号|t)?`)
	partForm   = regexp.MustCompile(`^(凌晨|早上|上午|中午|下午|傍晚|晚上|morning|noon|afternoon|evening|night)`)
	clockForm  = regexp.MustCompile(`^(\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?| ?[点时] ?(?:(半)|整|(\d{1,2}) ?分?)?)`)
	bareForm   = regexp.MustCompile(`^(\d{1,2}) ?(am|pm)`)
	halfForm   = regexp.MustCompile(`^(am|pm)`)
)

// moment reads a day, a part of the day and a time of day, of which one may be missing. English may say the day last.
func (t *timeText) moment() (moment, bool) {
	m := moment{day: wholeDay(t.now).From}
	said := t.day(&m)
	t.take(aboutForm)
	if match := t.take(partForm); match != nil {
		m.part, said = dayParts[match[1]], true
	}
	said = t.clock(&m) || said
	if !m.dayIsSaid {
		said = t.day(&m) || said
	}
	return m, said && m.valid()
}

func (t *timeText) day(m *moment) bool {
	if match := t.take(dayForm); match != nil {
		m.say(m.day.AddDate(0, 0, dayWords[match[1]]))
		return true
	}
	if match := t.take(dayAndForm); match != nil {
		m.say(m.day.AddDate(0, 0, dayWords[strings.TrimSpace(match[1])]))
		m.part = dayParts[match[2]]
		return true
	}
	before := t.rest
	if match := t.take(dateForm); match != nil {
		if day, ok := date(match[1], match[2], match[3], t.now); ok {
			m.say(day)
			return true
		}
	}
	t.rest = before
	return false
}

func (m *moment) say(day time.Time) { m.day, m.dayIsSaid = day, true }

// date is the midnight of a day that exists; without a year it is the latest that has come.
func date(year, month, day string, now time.Time) (time.Time, bool) {
	y := now.Year()
	if year != "" {
		y = number(year)
	}
	midnight := time.Date(y, time.Month(number(month)), number(day), 0, 0, 0, 0, now.Location())
	exists := int(midnight.Month()) == number(month) && midnight.Day() == number(day)
	if year == "" && midnight.After(now) {
		return date(strconv.Itoa(y-1), month, day, now)
	}
	return midnight, exists
}

// number reads digits that a form has found; nothing counts as 0.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func (t *timeText) clock(m *moment) bool {
	if match := t.take(bareForm); match != nil {
		m.exactly, m.hour, m.part, m.ofTwelve = toTheHour, number(match[1]), dayParts[match[2]], true
		return true
	}
	match := t.take(clockForm)
	if match == nil {
		return false
	}
	m.exactly, m.hour, m.minute, m.second = toTheHour, number(match[1]), number(match[2]+match[5]), number(match[3])
	switch {
	case match[3] != "":
		m.exactly = toTheSecond
	case match[2] != "" || match[5] != "":
		m.exactly = toTheMinute
	case match[4] != "":
		m.exactly, m.minute = toTheMinute, 30
	}
	if half := t.take(halfForm); half != nil {
		m.part, m.ofTwelve = dayParts[half[1]], true
	}
	return true
}

// hour24 is the hour on a clock of twenty-four.
func (m moment) hour24() int {
	switch p := m.part; {
	case p.first <= m.hour && m.hour <= p.last && p.last > 0:
		return m.hour + 12
	case m.hour == 12 && p.from == 0 && p.to > 0:
		return 0
	}
	return m.hour
}

// valid says whether there is such a time, and in such a part of the day, within an hour.
func (m moment) valid() bool {
	hour := m.hour24()
	if m.ofTwelve && (m.hour < 1 || m.hour > 12) {
		return false
	}
	if hour > 24 || m.minute > 59 || m.second > 59 || hour == 24 && m.minute+m.second > 0 {
		return false
	}
	return m.part == dayPart{} || m.exactly == noClock || m.part.from-1 <= hour && hour <= m.part.to+1
}

// begin is when the moment begins.
func (m moment) begin() time.Time {
	if m.exactly == noClock {
		return m.at(m.part.from, 0, 0)
	}
	return m.at(m.hour24(), m.minute, m.second)
}

// end is when a day or a part of it is over; of a time of day, that time.
func (m moment) end() time.Time {
	switch {
	case m.exactly != noClock:
		return m.begin()
	case m.part == dayPart{}:
		return m.at(24, 0, 0)
	}
	return m.at(m.part.to, 0, 0)
}

func (m moment) at(hour, minute, second int) time.Time {
	return time.Date(m.day.Year(), m.day.Month(), m.day.Day(), hour, minute, second, 0, m.day.Location())
}

// around is the window in which the moment lies, as exactly as it was said.
func (m moment) around() Window {
	switch m.exactly {
	case noClock:
		return Window{m.begin(), m.end()}
	case toTheHour:
		return Window{m.begin().Add(-offMinute), m.begin().Add(time.Hour)}
	case toTheMinute:
		return around(m.begin(), offMinute)
	default:
		return around(m.begin(), offSecond)
	}
}

// latest is the moment on the last day on which it has come, where no day was said.
func (m moment) latest(now time.Time) moment {
	if !m.dayIsSaid && !m.around().From.Before(now) {
		m.day = m.day.AddDate(0, 0, -1)
	}
	return m
}

// sharePart lets a part of the day that one end of a range says hold for the other too, where that makes sense.
func sharePart(first, second moment) (moment, moment) {
	shared, other := first, second
	switch (dayPart{}) {
	case first.part:
		shared.part = second.part
	case second.part:
		other.part = first.part
	}
	if first.exactly == noClock || second.exactly == noClock || !shared.valid() || !other.valid() ||
		!shared.begin().Before(other.begin()) {
		return first, second
	}
	return shared, other
}

var (
	dashes      = strings.NewReplacer("—", "-", "–", "-", "〜", "~")
	spokenForms = []*regexp.Regexp{
		regexp.MustCompile(`()([零〇一二两三四五六七八九十]+)(个?(?:小时|钟头|点|时|分|天|日|号|月))`),
		regexp.MustCompile(`(点 ?)([零〇一二两三四五六七八九十]+)()`),
	}
	hoursForm    = regexp.MustCompile(`\b(\d{1,2}) ?[-~到至] ?(\d{1,2}) ?([点时]|am|pm)`)
	spokenDigits = map[string]int{"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
)

// foldTime brings widths, cases, dashes, spaces and spoken numbers to one form, and writes 9-10点 out.
func foldTime(text string) string {
	folded := strings.Join(strings.Fields(dashes.Replace(strings.ToLower(width.Fold.String(text)))), " ")
	for _, form := range spokenForms {
		folded = form.ReplaceAllStringFunc(folded, func(spoken string) string {
			match := form.FindStringSubmatch(spoken)
			if n, ok := spokenNumber(match[2]); ok {
				return match[1] + strconv.Itoa(n) + match[3]
			}
			return spoken
		})
	}
	return hoursForm.ReplaceAllString(folded, "$1$3-$2$3")
}

// spokenNumber reads a Chinese number below a hundred.
func spokenNumber(text string) (int, bool) {
	text, _ = strings.CutPrefix(text, "零")
	tens, ones, hasTens := strings.Cut(text, "十")
	if !hasTens {
		n, ok := spokenDigits[text]
		return n, ok
	}
	ten, one, ok := 1, 0, true
	if tens != "" {
		ten, ok = spokenDigits[tens]
	}
	if ok && ones != "" {
		one, ok = spokenDigits[ones]
	}
	return 10*ten + one, ok
}
