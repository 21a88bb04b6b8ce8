package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wxkeeper/app"
)

// count is how much one counter of one hour grows in a transaction.
type count struct {
	app  app.AppID
	name string
	hour int64
	n    int64
}

// Count adds to a counter in the hour of at. Events are counted without being asked.
func (t *Tx) Count(appID app.AppID, name string, at time.Time, n int64) {
	t.counts = append(t.counts, count{appID, name, hourOf(at), n})
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

func timeOfHour(hour int64) time.Time { return time.Unix(hour*3600, 0) }

// addCounts writes the counts of the whole transaction, summed, with few statements.
func (t *Tx) addCounts() error {
	for rows := range inChunks(summed(t.counts)) {
		arguments := make([]any, 0, len(rows)*4)
		for _, c := range rows {
			arguments = append(arguments, c.app, c.name, c.hour, c.n)
		}
		statement := "INSERT INTO counters (app_id, name, hour, n) VALUES " + rowsOf(4, len(rows)) +
			t.dialect.addTo("counters", []string{"app_id", "name", "hour"}, "n")
		if _, err := t.change(statement, arguments...); err != nil {
			return err
		}
	}
	return nil
}

func summed(counts []count) []count {
	position := make(map[count]int, len(counts))
	var sums []count
	for _, c := range counts {
		key := c
		key.n = 0
		at, ok := position[key]
		if !ok {
			at = len(sums)
			position[key] = at
			sums = append(sums, key)
		}
		sums[at].n += c.n
	}
	return sums
}

// CountExplained counts the events that explain a failure which another event has told of (app.Event.Explains).
const CountExplained = "open.explained"

// CounterGroup is a family of counters, one for each value that was met. Their names hold the day, so that a time can be read
// without knowing the values: group.day.value.what.
type CounterGroup string

// The groups. Versions and platforms are counted by outcome, and by CountRescued.
const (
	CountsByVersion  CounterGroup = "version"
	CountsByPlatform CounterGroup = "platform"
	CountsByErrcode  CounterGroup = "errcode"

	// CountRescued counts, within a group, the openings that only an earlier key made possible.
	CountRescued = "open.rescued"
)

func (g CounterGroup) prefix(hour int64) string { return fmt.Sprintf("%s.%05d.", g, hour/24) }

// tally is what one event adds to: a counter, or one of a group.
type tally struct {
	app   app.AppID
	hour  int64
	group CounterGroup // "": value is the counter's name
	value string
	what  string
}

func (t tally) name() string {
	if t.group == "" {
		return t.value
	}
	return strings.TrimSuffix(t.group.prefix(t.hour)+t.value+"."+t.what, ".")
}

// countEvents counts the events of the transaction, each in the hour of its id: an hour without a reason's count has no event
// of that reason.
func (t *Tx) countEvents() {
	tallies := map[tally]int64{}
	for _, event := range t.events {
		t.countEvent(tallies, event)
	}
	for key, n := range tallies {
		t.counts = append(t.counts, count{key.app, key.name(), key.hour, n})
	}
}

func (t *Tx) countEvent(tallies map[tally]int64, event app.Event) {
	one := tally{app: event.AppID, hour: hourOf(event.At())}
	add := func(group CounterGroup, value, what string) {
		one.group, one.value, one.what = group, value, what
		tallies[one]++
	}
	add("", string(event.Reason), "")
	if event.Errcode != 0 {
		add(CountsByErrcode, fmt.Sprint(event.Errcode), "")
	}
	outcome := event.Reason.Outcome()
	switch {
	case event.Explains():
		add("", CountExplained, "")
		return
	case outcome == app.OtherOutcome || outcome == app.NoteOnly:
		return
	}
	version := t.versions.counted(event, one.hour)
	add(CountsByVersion, version, string(outcome))
	add(CountsByPlatform, orUnknown(string(event.Client.Platform)), string(outcome))
	if event.Reason == app.OpenOKPrevious {
		add(CountsByVersion, version, CountRescued)
	}
}

func orUnknown(text string) string {
	if text == "" {
		return app.Unknown
	}
	return text
}

const (
	// VersionOther stands in counters for the versions beyond those counted one by one.
	VersionOther = "other"

	versionsCounted = 50 // in an hour
	versionDigits   = 6
)

// versions are those counted one by one in the present hour. Anybody can claim any version: those with a success in one hour
// have their place in the next, the others come first, served first.
type versions struct {
	hour      int64
	succeeded map[string]bool
}

// counted is the name under which an event's version is counted.
func (v *versions) counted(event app.Event, hour int64) string {
	version := orUnknown(event.Client.Version)
	if version == app.Unknown {
		return version
	}
	if hour != v.hour || v.succeeded == nil {
		v.turn(hour)
	}
	succeeded, known := v.succeeded[version]
	if !known && (len(v.succeeded) >= versionsCounted || !isVersion(version)) {
		return VersionOther
	}
	v.succeeded[version] = succeeded || event.Reason.Outcome() == app.LoginSucceeded
	return version
}

func (v *versions) turn(hour int64) {
	kept := map[string]bool{}
	for version, succeeded := range v.succeeded {
		if succeeded {
			kept[version] = false
		}
	}
	v.hour, v.succeeded = hour, kept
}

func isVersion(text string) bool {
	return text == "devtools" || len(text) <= versionDigits && strings.Trim(text, "0123456789") == ""
}

// Counted sums a counter over the hours from the one of from to the one of to, both included.
func (q *Queries) Counted(ctx context.Context, appID app.AppID, name string, from, to time.Time) (int64, error) {
	var n int64
	err := q.one(ctx, `SELECT COALESCE(SUM(n), 0) FROM counters WHERE app_id = ? AND name = ? AND hour BETWEEN ? AND ?`,
		[]any{appID, name, hourOf(from), hourOf(to)}, &n)
	return n, err
}

// HourCount is what one counter counted in one hour.
type HourCount struct {
	Name string // of the counter, or the value within a group
	What string // within a group: what was counted of the value; "" for errcodes
	Hour time.Time
	N    int64
}

// CountedByHour tells counters hour by hour, from the hour of from to that of to, both included. Hours in which nothing was
// counted are left out.
func (q *Queries) CountedByHour(
	ctx context.Context, appID app.AppID, names []string, from, to time.Time,
) ([]HourCount, error) {
	var counts []HourCount
	if len(names) == 0 {
		return nil, nil
	}
	arguments := append(inArguments([]any{appID}, names), hourOf(from), hourOf(to))
	err := q.each(ctx, "SELECT name, hour, n FROM counters WHERE app_id = ? AND name IN "+inList(len(names))+
		" AND hour BETWEEN ? AND ?", arguments, func(scan func(...any) error) error {
		var one HourCount
		var hour int64
		err := scan(&one.Name, &hour, &one.N)
		one.Hour = timeOfHour(hour)
		counts = append(counts, one)
		return err
	})
	return counts, err
}

// CountedByGroup tells all counters of a group hour by hour, as CountedByHour does.
func (q *Queries) CountedByGroup(
	ctx context.Context, appID app.AppID, group CounterGroup, from, to time.Time,
) ([]HourCount, error) {
	var counts []HourCount
	first, end := group.prefix(hourOf(from)), group.prefix(hourOf(to)+24) // of one length: the days have five digits each
	err := q.each(ctx, `SELECT name, hour, n FROM counters WHERE app_id = ? AND name >= ? AND name < ? AND hour BETWEEN ? AND ?`,
		[]any{appID, first, end, hourOf(from), hourOf(to)},
		func(scan func(...any) error) error {
			var one HourCount
			var name string
			var hour int64
			err := scan(&name, &hour, &one.N)
			one.Name, one.What, _ = strings.Cut(name[len(first):], ".")
			one.Hour = timeOfHour(hour)
			counts = append(counts, one)
			return err
		})
	return counts, err
}

// inStep is by how much the lists of values in a statement grow, so that few statements are prepared.
const inStep = 16

func inLength(n int) int { return (n + inStep - 1) / inStep * inStep }

// inList writes the placeholders of a list of n values.
func inList(n int) string { return rowsOf(inLength(n), 1) }

// inArguments appends the values of a list; the last one fills it up.
func inArguments[T ~string](arguments []any, values []T) []any {
	for i := range inLength(len(values)) {
		arguments = append(arguments, string(values[min(i, len(values)-1)]))
	}
	return arguments
}
