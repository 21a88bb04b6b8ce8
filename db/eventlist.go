package db

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"wxkeeper/app"
)

const (
	eventsPage   = 500 // events on a page at most
	eventsWalked = 500 // events of one user that a page may look at
)

// readingBounds is how much one page may read.
type readingBounds struct {
	rows  int   // events
	step  int   // events of a table between two looks at what was found
	least int   // what a step counts for at least: its statements cost too
	hours int64 // of counters, to find those worth reading
}

var eventBounds = readingBounds{rows: 10_000, step: 2_500, least: 100, hours: 31 * 24}

// EventListing asks for a page of the events of an app, of users and of strangers in one list.
type EventListing struct {
	AppID  app.AppID
	Filter app.EventFilter
	Before app.EventID // the newest of those older than this one; 0: the newest of all
	After  app.EventID // if set, instead: the oldest of those newer than this one; not for the events of one user
	Limit  int         // 1 to 500
}

// EventPage is a part of a list of events.
type EventPage struct {
	Events  []app.Event // newest first
	Next    app.EventID // goes on where the page ends: as Before, or as After if that was asked for; 0: there is nothing further
	Stopped bool        // the page ended because enough was read, not because it was full: there may be more from Next on
}

// ListEvents lists events by their ids, which is by time. However few match, it reads a bounded number of rows; hours that by
// their counters hold none of the wanted reasons or errcodes are left out unread.
func (q *Queries) ListEvents(ctx context.Context, listing EventListing) (EventPage, error) {
	listing.Limit = max(1, min(listing.Limit, eventsPage))
	if listing.Filter.UserID != 0 {
		return q.listEventsOfUser(ctx, listing)
	}
	return q.listEvents(ctx, listing, eventBounds)
}

func (q *Queries) listEvents(ctx context.Context, listing EventListing, bounds readingBounds) (EventPage, error) {
	span, err := q.eventsKept(ctx)
	if err != nil {
		return EventPage{}, err
	}
	w := eventWalk{Queries: q, listing: listing, bounds: bounds, budget: bounds.rows}
	w.all = span.cut(listing.span())
	if w.all.empty() {
		return EventPage{}, nil
	}
	w.where, w.arguments = eventConditions(listing)
	if err := w.walk(ctx); err != nil {
		return EventPage{}, err
	}
	return w.page(), nil
}

// eventSpan is a range of events by id: from <= id < to.
type eventSpan struct{ from, to app.EventID }

func (s eventSpan) empty() bool { return s.from >= s.to }

func (s eventSpan) cut(other eventSpan) eventSpan {
	return eventSpan{max(s.from, other.from), min(s.to, other.to)}
}

func (s eventSpan) hours() (first, last int64) {
	return hourOf(app.ID(s.from).Time()), hourOf(app.ID(s.to - 1).Time())
}

func spanOfHours(first, last int64) eventSpan {
	return eventSpan{app.EventID(app.FirstID(timeOfHour(first))), app.EventID(app.FirstID(timeOfHour(last + 1)))}
}

func (l EventListing) span() eventSpan {
	span := eventSpan{app.EventID(app.FirstID(l.Filter.From)), math.MaxInt64}
	if !l.Filter.To.IsZero() {
		span.to = app.EventID(app.FirstID(l.Filter.To))
	}
	if l.After != 0 {
		return span.cut(eventSpan{l.After + 1, math.MaxInt64})
	}
	if l.Before != 0 {
		return span.cut(eventSpan{0, l.Before})
	}
	return span
}

var eventTables = []string{"events", "stranger_events"}

// eventsKept is the range of all events there are.
func (q *Queries) eventsKept(ctx context.Context) (eventSpan, error) {
	kept := eventSpan{math.MaxInt64, 0}
	for _, table := range eventTables {
		for _, end := range []string{"MIN", "MAX"} { // one by one: each is a look at an end of the table
			var id *app.EventID
			if err := q.one(ctx, "SELECT "+end+"(id) FROM "+table, nil, &id); err != nil {
				return kept, err
			}
			if id != nil {
				kept = eventSpan{min(kept.from, *id), max(kept.to, *id+1)}
			}
		}
	}
	return kept, nil
}

// eventConditions is a filter in SQL, but for its times. It is the rule of app.EventFilter.Matches.
func eventConditions(listing EventListing) (where string, arguments []any) {
	f := listing.Filter
	where, arguments = " AND app_id = ?", []any{listing.AppID}
	equal := func(column string, value any) {
		where += " AND " + column + " = ?"
		arguments = append(arguments, value)
	}
	text := func(column, wanted string) {
		if wanted == app.Unknown {
			where += " AND " + column + " IS NULL"
		} else if wanted != "" {
			equal(column, wanted)
		}
	}
	if len(f.Reasons) > 0 {
		where += " AND reason IN " + inList(len(f.Reasons))
		arguments = inArguments(arguments, f.Reasons)
	}
	if f.Errcode != 0 {
		equal("errcode", f.Errcode)
	}
	text("client_version", f.Version)
	text("platform", string(f.Platform))
	if f.Address != "" {
		equal("address", f.Address)
	}
	if f.Appid != "" {
		equal(clientAppid, string(f.Appid))
	}
	return where, arguments
}

// eventWalk reads events in one direction until a page is full, nothing is left, or enough was read.
type eventWalk struct {
	*Queries
	listing   EventListing
	all       eventSpan
	where     string
	arguments []any
	bounds    readingBounds
	budget    int // rows that may still be read

	found []app.Event // in the order of the walk, one more than the page holds
	next  app.EventID // where the walk was broken off, 0: it was not
}

func (w *eventWalk) upwards() bool { return w.listing.After != 0 }

func (w *eventWalk) full() bool { return len(w.found) > w.listing.Limit }

func (w *eventWalk) walk(ctx context.Context) error {
	spans, rest, err := w.worthReading(ctx)
	if err != nil {
		return err
	}
	for _, span := range spans {
		for !span.empty() {
			if w.full() {
				return nil
			}
			if w.budget <= 0 {
				w.breakOff(span)
				return nil
			}
			part, err := w.step(ctx, span)
			if err != nil {
				return err
			}
			if err := w.read(ctx, part); err != nil {
				return err
			}
			if w.upwards() {
				span.from = part.to
			} else {
				span.to = part.from
			}
		}
	}
	if !rest.empty() && !w.full() {
		w.breakOff(rest)
	}
	return nil
}

// breakOff notes that what is left of the walk begins with a span.
func (w *eventWalk) breakOff(span eventSpan) {
	w.next = span.to
	if w.upwards() {
		w.next = span.from - 1
	}
}

func (w *eventWalk) page() EventPage {
	page := EventPage{Events: w.found, Next: w.next}
	if w.full() {
		page.Events = w.found[:w.listing.Limit]
		page.Next = page.Events[w.listing.Limit-1].ID
	}
	page.Stopped = page.Next != 0 && len(page.Events) < w.listing.Limit
	if w.upwards() {
		slices.Reverse(page.Events)
	}
	return page
}

// worthReading gives the spans to read, in the order of the walk, and the rest beyond the hours whose counters were looked at.
func (w *eventWalk) worthReading(ctx context.Context) (spans []eventSpan, rest eventSpan, err error) {
	f := w.listing.Filter
	if len(f.Reasons) == 0 && f.Errcode == 0 {
		return []eventSpan{w.all}, eventSpan{}, nil
	}
	first, last := w.all.hours()
	if w.upwards() {
		last = min(last, first+w.bounds.hours-1)
		rest = eventSpan{spanOfHours(last, last).to, w.all.to}
	} else {
		first = max(first, last-w.bounds.hours+1)
		rest = eventSpan{w.all.from, spanOfHours(first, first).from}
	}
	hours, err := w.hoursCounted(ctx, first, last)
	for i := 0; i < len(hours); {
		next := i + 1
		for next < len(hours) && hours[next] == hours[next-1]+1 {
			next++
		}
		spans = append(spans, spanOfHours(hours[i], hours[next-1]).cut(w.all))
		i = next
	}
	if !w.upwards() {
		slices.Reverse(spans)
	}
	return spans, rest, err
}

// hoursCounted lists the hours, in their order, in which a wanted reason or errcode was counted.
func (w *eventWalk) hoursCounted(ctx context.Context, first, last int64) ([]int64, error) {
	var names []string
	for _, reason := range w.listing.Filter.Reasons {
		names = append(names, string(reason))
	}
	if errcode := w.listing.Filter.Errcode; errcode != 0 { // rarer than any reason
		names = nil
		for day := first / 24; day <= last/24; day++ {
			names = append(names, CountsByErrcode.prefix(day*24)+fmt.Sprint(errcode))
		}
	}
	var hours []int64
	arguments := append(inArguments([]any{w.listing.AppID}, names), first, last)
	err := w.each(ctx, "SELECT DISTINCT hour FROM counters WHERE app_id = ? AND name IN "+inList(len(names))+
		" AND hour BETWEEN ? AND ? AND n > 0 ORDER BY hour", arguments, func(scan func(...any) error) error {
		var hour int64
		err := scan(&hour)
		hours = append(hours, hour)
		return err
	})
	return hours, err
}

// step is the next part of a span that is small enough to be read at once.
func (w *eventWalk) step(ctx context.Context, span eventSpan) (eventSpan, error) {
	part, rows := span, 0
	for _, table := range eventTables {
		n, edge, err := w.edge(ctx, table, span, w.bounds.step, w.upwards())
		if err != nil {
			return part, err
		}
		rows += n
		switch {
		case n < w.bounds.step:
		case w.upwards():
			part.to = min(part.to, edge+1)
		default:
			part.from = max(part.from, edge)
		}
	}
	w.budget -= max(w.bounds.least, rows)
	return part, nil
}

// edge tells how many rows of a table a step meets that reads at most so many, and the last of them.
func (q *Queries) edge(
	ctx context.Context, table string, span eventSpan, limit int, upwards bool,
) (rows int, last app.EventID, err error) {
	var edge *app.EventID
	end, order := "MIN", " DESC"
	if upwards {
		end, order = "MAX", ""
	}
	err = q.one(ctx, "SELECT COUNT(*), "+end+"(id) FROM (SELECT id FROM "+table+" WHERE id >= ? AND id < ? ORDER BY id"+order+
		limitTo(limit)+") step", []any{span.from, span.to}, &rows, &edge)
	if edge != nil {
		last = *edge
	}
	return rows, last, err
}

func (w *eventWalk) direction() string {
	if w.upwards() {
		return ""
	}
	return " DESC"
}

// read adds what a part holds.
func (w *eventWalk) read(ctx context.Context, part eventSpan) error {
	var found []app.Event
	limit := w.listing.Limit + 1 - len(w.found)
	for _, table := range eventTables {
		arguments := append([]any{part.from, part.to}, w.arguments...)
		err := w.each(ctx, "SELECT "+eventRead+" FROM "+table+" WHERE id >= ? AND id < ?"+w.where+" ORDER BY id"+
			w.direction()+limitToAtLeast(limit), arguments, scanEvents(&found))
		if err != nil {
			return err
		}
	}
	slices.SortFunc(found, func(a, b app.Event) int {
		if w.upwards() {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(b.ID, a.ID)
	})
	w.found = append(w.found, found[:min(limit, len(found))]...)
	return nil
}

// listEventsOfUser walks a user's events from one to the one before. A page that ends says in Next which of them comes next.
func (q *Queries) listEventsOfUser(ctx context.Context, listing EventListing) (EventPage, error) {
	var page EventPage
	if listing.After != 0 {
		return page, app.FailField(app.Malformed, "", "after")
	}
	user, err := q.UserByID(ctx, listing.Filter.UserID)
	if app.KindOf(err) == app.NotFound {
		return page, nil
	}
	if err != nil || user.AppID != listing.AppID {
		return page, err
	}
	id, span := user.LastEvent, listing.span()
	if known, err := q.event(ctx, listing.Before-1); err == nil && known.UserID == user.ID {
		id = known.ID // where the page before ended
	}
	for walked := 0; id >= max(span.from, 1); walked++ {
		if walked == eventsWalked || len(page.Events) == listing.Limit {
			page.Next, page.Stopped = id+1, len(page.Events) < listing.Limit
			return page, nil
		}
		event, err := q.event(ctx, id)
		if app.KindOf(err) == app.NotFound {
			return page, nil // older ones are past their keeping
		}
		if err != nil {
			return page, err
		}
		if id < span.to && listing.Filter.Matches(event) {
			page.Events = append(page.Events, event)
		}
		id = event.Previous
	}
	return page, nil
}

// EventsSince lists the events of an app after one of them, of users and of strangers, oldest first.
func (q *Queries) EventsSince(ctx context.Context, appID app.AppID, after app.EventID, limit int) ([]app.Event, error) {
	var events []app.Event
	for _, table := range eventTables {
		err := q.each(ctx, "SELECT "+eventRead+" FROM "+table+" WHERE id > ? AND app_id = ? ORDER BY id LIMIT ?",
			[]any{after, appID, limit}, scanEvents(&events))
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(events, func(a, b app.Event) int { return cmp.Compare(a.ID, b.ID) })
	return events[:min(limit, len(events))], nil
}

// NewestEvent is the id of the latest event of any app, 0 if there is none.
func (q *Queries) NewestEvent(ctx context.Context) (app.EventID, error) {
	kept, err := q.eventsKept(ctx)
	return max(kept.to-1, 0), err
}
