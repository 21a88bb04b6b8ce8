package diagnosis

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Window is a stretch of time: From belongs to it, To does not.
type Window struct{ From, To time.Time }

// Contains says whether a moment lies in the window.
func (w Window) Contains(at time.Time) bool { return !at.Before(w.From) && at.Before(w.To) }

// Empty says whether no time was given.
func (w Window) Empty() bool { return w.From.IsZero() && w.To.IsZero() }

// around is the window from so long before a moment to so long after it.
func around(at time.Time, margin time.Duration) Window {
	return Window{at.Add(-margin), at.Add(margin)}
}

// People are this far off when they say a moment, by how exactly they say it.
const (
	offSecond = 2 * time.Minute
	offMinute = 10 * time.Minute
	oneDay    = 24 * time.Hour
)

const longestTimeText = 64 // characters

// parseWindow reads a time as people write it, in Chinese or English, seen from now and in now's zone: 今天 14:00-15:00,
// 昨天 9点, 10 分钟前, last hour, 2026-11-20 14:05. A moment becomes a window around it; a time of day without a day is the
// latest that has come. It is strict: a text with anything else in it is no time.
func parseWindow(text string, now time.Time) (Window, bool) {
	if utf8.RuneCountInString(text) > longestTimeText {
		return Window{}, false
	}
	if at, err := time.Parse(time.RFC3339, strings.TrimSpace(text)); err == nil {
		return around(at, offSecond), true
	}
	folded := foldTime(text)
	for _, read := range []func(*timeText) (Window, bool){(*timeText).relative, (*timeText).absolute} {
		t := &timeText{rest: folded, now: now}
		if found, ok := read(t); ok && t.rest == "" {
			return found, found.From.Before(found.To)
		}
	}
	return Window{}, false
}

// until ends a window now. It fails if the window is empty then, or has not begun.
func (w Window) until(now time.Time) (Window, bool) {
	if w.To.After(now) {
		w.To = now
	}
	return w, w.From.Before(w.To)
}

// timeText is a text about time that is being read from left to right.
type timeText struct {
	rest string
	now  time.Time
}

// take reads a form off the text; nil: something else stands there.
func (t *timeText) take(form *regexp.Regexp) []string {
	match := form.FindStringSubmatch(t.rest)
	if match != nil {
		t.rest = strings.TrimLeft(t.rest[len(match[0]):], " ")
	}
	return match
}

const (
	amountForm = `(\d{1,4}|半|half an|an?)`
	unitForm   = `(个?小时|个?钟头|分钟?|天|日|hours?|hrs?|h|minutes?|mins?|m|days?|d)`
)

var (
	aboutForm = regexp.MustCompile(`^(?:大概|大约|的|从|在|(?:about|around|at|from|on|the) )`)
	roughForm = regexp.MustCompile(`^(?:左右|前后)`)
	nowForm   = regexp.MustCompile(`^(?:刚刚|刚才|现在|just now|now)`)
	agoForm   = regexp.MustCompile(`^` + amountForm + ` ?` + unitForm + ` ?(?:左右)?(?:前|之前|以前|ago)`)
	lastForm  = regexp.MustCompile(`^(?:最近|过去|近|(?:the )?(?:last|past)) ?` + amountForm + `? ?` + unitForm + `(?:以?内|里)?`)
	sinceForm = regexp.MustCompile(`^(?:since|after) `)
	upToNow   = regexp.MustCompile(`^(?:以后|之后|以来|至今|起)`)
	rangeForm = regexp.MustCompile(`^(?:-|~|到|至|to|until|till)`)
)

// relative reads times counted from now.
func (t *timeText) relative() (Window, bool) {
	t.take(aboutForm)
	if t.take(nowForm) != nil {
		return Window{t.now.Add(-offMinute), t.now}, true
	}
	if match := t.take(agoForm); match != nil {
		ago, unit := amount(match[1], match[2])
		if unit == oneDay {
			return wholeDay(t.now.Add(-ago)), true
		}
		return around(t.now.Add(-ago), max(offMinute, unit/2)), true
	}
	if match := t.take(lastForm); match != nil {
		ago, _ := amount(match[1], match[2])
		return Window{t.now.Add(-ago), t.now}, true
	}
	return Window{}, false
}

// amount is how long a number of units is, and the unit.
func amount(number, unit string) (length, one time.Duration) {
	switch {
	case strings.HasPrefix(unit, "分"), strings.HasPrefix(unit, "m"):
		one = time.Minute
	case unit == "天", unit == "日", strings.HasPrefix(unit, "d"):
		one = oneDay
	default:
		one = time.Hour
	}
	if number == "半" || number == "half an" {
		return one / 2, one / 2
	}
	if n, err := strconv.Atoi(number); err == nil {
		return time.Duration(n) * one, one
	}
	return one, one // an hour, or the number left out
}

func wholeDay(at time.Time) Window {
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
	return Window{midnight, midnight.AddDate(0, 0, 1)}
}

// absolute reads a moment, all since a moment, or what lies between two.
func (t *timeText) absolute() (Window, bool) {
	since := t.take(sinceForm) != nil
	t.take(aboutForm)
	first, ok := t.moment()
	switch {
	case !ok:
		return Window{}, false
	case since || t.take(upToNow) != nil:
		return Window{first.latest(t.now).begin(), t.now}, true
	case t.take(rangeForm) == nil:
		t.take(roughForm)
		return first.latest(t.now).around(), true
	case t.take(nowForm) != nil:
		return Window{first.latest(t.now).begin(), t.now}, true
	}
	second, ok := t.moment()
	if !ok {
		return Window{}, false
	}
	return between(first, second, t.now)
}

// between is the window from one moment to another. What only one of them says holds for both: the day, and the part of the
// day. A range that ends before it begins runs over noon or midnight.
func between(first, second moment, now time.Time) (Window, bool) {
	whole := !first.dayIsSaid && !second.dayIsSaid
	if !second.dayIsSaid {
		second.day = first.day
	}
	first, second = sharePart(first, second)
	w := Window{first.begin(), second.end()}
	if !w.From.Before(w.To) && !second.dayIsSaid {
		w.To = nextTime(second, w.From)
	}
	if whole && w.From.After(now) {
		w = Window{w.From.AddDate(0, 0, -1), w.To.AddDate(0, 0, -1)}
	}
	return w, w.From.Before(w.To)
}

// nextTime is when a time of day comes next, also where it may have been said on a clock of twelve.
func nextTime(m moment, after time.Time) time.Time {
	if afternoon := m.end().Add(oneDay / 2); m.part == (dayPart{}) && 1 <= m.hour && m.hour <= 11 && afternoon.After(after) {
		return afternoon
	}
	return m.end().AddDate(0, 0, 1)
}
