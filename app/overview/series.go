package overview

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Range is how much time a chart shows.
type Range string

// The ranges. Each ends with the minute, hour or day that has begun.
const (
	RangeHour  Range = "hour"  // 60 minutes
	RangeDay   Range = "day"   // 24 hours
	RangeWeek  Range = "week"  // 7 times 24 hours
	RangeMonth Range = "month" // 30 days, from midnight to midnight
)

// Ranges lists the ranges, the shortest first.
func Ranges() []Range { return []Range{RangeHour, RangeDay, RangeWeek, RangeMonth} }

// Subject is what a chart is about.
type Subject string

// The subjects. The last three are of logins and openings together.
const (
	Logins             Subject = "logins"              // one line for each outcome
	Openings           Subject = "openings"            // as Logins
	Failures           Subject = "failures"            // one line for each reason
	FailuresByVersion  Subject = "failures_by_version" // one line for each version of the mini program
	FailuresByPlatform Subject = "failures_by_platform"
)

// Subjects lists the subjects.
func Subjects() []Subject {
	return []Subject{Logins, Openings, Failures, FailuresByVersion, FailuresByPlatform}
}

// Series is what a chart shows.
type Series struct {
	Starts   []time.Time // when each bucket begins, where the operators are
	Lines    []Line      // those with the most first; of logins and openings the good outcome first
	Complete time.Time   // what happened earlier may be missing: too much has happened since
}

// Line is one line of a chart, a number for each bucket.
type Line struct {
	Name string // an outcome, a reason, a version or a platform; LineOther for all that have no line of their own
	N    []int64
}

const (
	// LineOther is the line of all that have none of their own.
	LineOther = "other"

	linesShown = 8
)

// Series counts what a chart shows. Hours of the day are whole hours of the clock in any zone but those that differ by half an
// hour, where a day begins up to an hour off.
func (o Overview) Series(
	ctx context.Context, subject Subject, span Range, now time.Time, location *time.Location,
) (Series, error) {
	series := Series{Starts: starts(span, now.In(location))}
	series.Complete = series.Starts[0]
	points, err := o.points(ctx, &series, subject, now)
	if err != nil {
		return series, err
	}
	series.draw(subject, points)
	return series, nil
}

func starts(span Range, now time.Time) []time.Time {
	buckets, width, last := 24, time.Hour, now.Truncate(time.Hour)
	switch span {
	case RangeHour:
		buckets, width, last = 60, time.Minute, now.Truncate(time.Minute)
	case RangeWeek:
		buckets = 7 * 24
	case RangeMonth:
		buckets = 30
	}
	var all []time.Time
	for back := buckets - 1; back >= 0; back-- {
		start := last.Add(-time.Duration(back) * width)
		if span == RangeMonth {
			start = time.Date(now.Year(), now.Month(), now.Day()-back, 0, 0, 0, 0, now.Location())
		}
		all = append(all, start)
	}
	return all
}

// point is a number at a time, for one line.
type point struct {
	at   time.Time
	line string
	n    int64
}

var groups = map[Subject]db.CounterGroup{FailuresByVersion: db.CountsByVersion, FailuresByPlatform: db.CountsByPlatform}

func (o Overview) points(ctx context.Context, series *Series, subject Subject, now time.Time) ([]point, error) {
	from := series.Starts[0]
	switch group := groups[subject]; {
	case series.Starts[1].Sub(from) == time.Minute:
		return o.pointsOfMinutes(ctx, series, subject, now)
	case group != "":
		return o.pointsOfGroup(ctx, group, from, now)
	default:
		return o.pointsOfReasons(ctx, subject, from, now)
	}
}

func (o Overview) pointsOfReasons(ctx context.Context, subject Subject, from, to time.Time) ([]point, error) {
	counts, err := o.countedByHour(ctx, reasonNames(subject.reasons()), from, to)
	lines := subject.lines()
	var points []point
	for _, one := range counts {
		reason, n := app.Reason(one.Name), one.N
		if one.Name == db.CountExplained { // the failure is counted where its explanation is
			reason, n = app.OpenNoKeyFits, -n
		}
		points = append(points, point{one.Hour, lines[reason], n})
	}
	return points, err
}

func (o Overview) pointsOfGroup(ctx context.Context, group db.CounterGroup, from, to time.Time) ([]point, error) {
	counts, err := o.countedByGroup(ctx, group, from, to)
	var points []point
	for _, one := range counts {
		if what := app.Outcome(one.What); what == app.LoginFailed || what == app.OpenFailed {
			points = append(points, point{one.Hour, one.Name, one.N})
		}
	}
	return points, err
}

// pointsOfMinutes reads the events themselves: counters go by the hour.
func (o Overview) pointsOfMinutes(ctx context.Context, series *Series, subject Subject, now time.Time) ([]point, error) {
	counts, complete, err := o.Store.Read().CountedByMinute(ctx, o.Keeper.AppID(), groups[subject], series.Starts[0],
		now.Add(time.Millisecond))
	series.Complete = complete
	lines := subject.lines()
	var points []point
	for _, one := range counts {
		line := lines[one.Reason]
		if line != "" && groups[subject] != "" {
			line = one.Value
		}
		points = append(points, point{one.Minute, line, one.N})
		if (app.Event{Reason: one.Reason, Errcode: one.Errcode}).Explains() {
			told := line
			if subject == Failures {
				told = string(app.OpenNoKeyFits)
			}
			points = append(points, point{one.Minute, told, -one.N})
		}
	}
	return points, err
}

// reasons are those that the subject is about.
func (s Subject) reasons() []app.Reason {
	switch s {
	case Logins:
		return slices.Concat(app.LoginSucceeded.Reasons(), app.LoginFailed.Reasons())
	case Openings:
		return slices.Concat(app.OpenSucceeded.Reasons(), app.OpenFailed.Reasons())
	default:
		return failureReasons
	}
}

// lines says for which line each reason counts; "" for none.
func (s Subject) lines() map[app.Reason]string {
	lines := map[app.Reason]string{}
	for _, reason := range s.reasons() {
		if lines[reason] = string(reason); s == Logins || s == Openings {
			lines[reason] = string(reason.Outcome())
		}
	}
	return lines
}

// draw puts the points into the buckets of their lines.
func (s *Series) draw(subject Subject, points []point) {
	lines := map[string][]int64{}
	for _, one := range points {
		bucket := sort.Search(len(s.Starts), func(i int) bool { return s.Starts[i].After(one.at) }) - 1
		if one.line == "" || bucket < 0 {
			continue
		}
		if lines[one.line] == nil {
			lines[one.line] = make([]int64, len(s.Starts))
		}
		lines[one.line][bucket] += one.n
	}
	for name, n := range lines {
		s.Lines = append(s.Lines, Line{name, n})
	}
	for _, line := range s.Lines {
		for i := range line.N {
			line.N[i] = max(0, line.N[i]) // explained in a later bucket than counted
		}
	}
	switch subject {
	case Logins:
		s.arrange(app.LoginSucceeded, app.LoginFailed)
	case Openings:
		s.arrange(app.OpenSucceeded, app.OpenFailed)
	default:
		s.shorten()
	}
}

// arrange gives each outcome its line, in order.
func (s *Series) arrange(outcomes ...app.Outcome) {
	drawn := s.Lines
	s.Lines = nil
	for _, outcome := range outcomes {
		line := Line{string(outcome), make([]int64, len(s.Starts))}
		if at := slices.IndexFunc(drawn, func(l Line) bool { return l.Name == line.Name }); at >= 0 {
			line = drawn[at]
		}
		s.Lines = append(s.Lines, line)
	}
}

// shorten keeps the lines with the most and puts the rest together.
func (s *Series) shorten() {
	s.Lines = slices.DeleteFunc(s.Lines, func(l Line) bool { return l.total() == 0 })
	slices.SortFunc(s.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.total(), a.total()), cmp.Compare(a.Name, b.Name))
	})
	rest := Line{LineOther, make([]int64, len(s.Starts))}
	for at, line := range s.Lines {
		if at >= linesShown || line.Name == LineOther {
			for i, n := range line.N {
				rest.N[i] += n
			}
		}
	}
	s.Lines = slices.DeleteFunc(s.Lines[:min(linesShown, len(s.Lines))], func(l Line) bool { return l.Name == LineOther })
	if rest.total() > 0 {
		s.Lines = append(s.Lines, rest)
	}
}

func (l Line) total() int64 {
	var sum int64
	for _, n := range l.N {
		sum += n
	}
	return sum
}
