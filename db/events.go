package db

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"wxkeeper/app"
)

const (
	eventColumns = `id, app_id, user_id, previous, request_id, reason, fingerprint, errcode, rid, detail,
		client_appid, client_version, platform, model, wechat_version, address`
	eventColumnCount = 16

	// The calling mini program is nearly always the event's own app, and then stored as an empty text.
	clientAppid = `CASE WHEN client_appid = '' THEN (SELECT a.appid FROM apps a WHERE a.id = app_id) ELSE client_appid END`

	// StrangerEventsKept is how many failures without a user are kept; older ones make room.
	StrangerEventsKept = 10_000
)

// eventRead are eventColumns as they are read.
var eventRead = strings.Replace(eventColumns, "client_appid", clientAppid, 1)

// AddEvent records what happened to a user, or to a stranger when the event names none, and counts it. It gives the
// event's id, which the caller stores as the user's last event. An event with a user names the one before it in Previous.
func (t *Tx) AddEvent(at time.Time, event app.Event) app.EventID {
	event.ID = app.EventID(t.NewID(at))
	t.AddNumberedEvent(event)
	return event.ID
}

// AddNumberedEvent is AddEvent of an event whose id NewID has given already.
func (t *Tx) AddNumberedEvent(event app.Event) { t.events = append(t.events, event) }

// insertEvents writes the events of the whole transaction with few statements.
func (t *Tx) insertEvents() error {
	var users, strangers []app.Event
	for _, event := range t.events {
		switch {
		case event.UserID == 0:
			strangers = append(strangers, event)
		case !slices.Contains(t.erased, event.UserID):
			users = append(users, event)
		}
	}
	if err := t.insertEventsInto("events", users); err != nil {
		return err
	}
	if len(strangers) == 0 {
		return nil
	}
	if err := t.insertEventsInto("stranger_events", strangers); err != nil {
		return err
	}
	return t.dropOldestStrangerEvents()
}

func (t *Tx) insertEventsInto(table string, events []app.Event) error {
	for rows := range inChunks(events) {
		arguments := make([]any, 0, len(rows)*eventColumnCount)
		for _, event := range rows {
			own, err := t.appidOf(event.AppID)
			if err != nil {
				return err
			}
			values, err := eventValues(event, own)
			if err != nil {
				return err
			}
			arguments = append(arguments, values...)
		}
		statement := "INSERT INTO " + table + " (" + eventColumns + ") VALUES " + rowsOf(eventColumnCount, len(rows))
		if _, err := t.change(statement, arguments...); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) dropOldestStrangerEvents() error {
	var oldestKept int64
	err := t.one(context.Background(), `SELECT id FROM stranger_events ORDER BY id DESC LIMIT 1 OFFSET ?`,
		[]any{StrangerEventsKept - 1}, &oldestKept)
	if app.KindOf(err) == app.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = t.change(`DELETE FROM stranger_events WHERE id < ?`, oldestKept)
	return err
}

// EventsOf lists a user's events, newest first: each names the one before, so the walk begins at the user's last event, or
// where an earlier page ended (the Previous of its last event).
func (q *Queries) EventsOf(ctx context.Context, newest app.EventID, limit int) ([]app.Event, error) {
	var events []app.Event
	for id := newest; id != 0 && len(events) < limit; {
		event, err := q.event(ctx, id)
		if app.KindOf(err) == app.NotFound {
			return events, nil // older ones are past their keeping
		}
		if err != nil {
			return nil, err
		}
		events = append(events, event)
		id = event.Previous
	}
	return events, nil
}

func (q *Queries) event(ctx context.Context, id app.EventID) (app.Event, error) {
	var event app.Event
	var scan eventScan
	err := q.one(ctx, "SELECT "+eventRead+" FROM events WHERE id = ?", []any{id}, scan.into(&event)...)
	if err != nil {
		return event, err
	}
	return event, scan.apply(&event)
}

// EventsOfRequest finds the events of a support code, of users and of strangers, oldest first. A support code says the second
// in which the request arrived; its events are written within the time a request may take.
func (q *Queries) EventsOfRequest(ctx context.Context, request app.RequestID, now, oldest time.Time) ([]app.Event, error) {
	var found []app.Event
	for _, arrived := range request.Times(now, oldest) {
		for _, table := range []string{"events", "stranger_events"} {
			events, err := q.eventsBetween(ctx, table, request, arrived, arrived.Add(longestRequest))
			if err != nil {
				return nil, err
			}
			found = append(found, events...)
		}
	}
	return found, nil
}

// longestRequest is how long after its arrival a request may still write events.
const longestRequest = time.Minute

func (q *Queries) eventsBetween(
	ctx context.Context, table string, request app.RequestID, from, to time.Time,
) ([]app.Event, error) {
	var events []app.Event
	err := q.each(ctx,
		"SELECT "+eventRead+" FROM "+table+" WHERE id >= ? AND id < ? AND request_id = ? ORDER BY id LIMIT 100",
		[]any{app.FirstID(from), app.FirstID(to), string(request)}, scanEvents(&events))
	return events, err
}

// StrangerEvents lists the newest failures without a user, newest first.
func (q *Queries) StrangerEvents(ctx context.Context, limit int) ([]app.Event, error) {
	var events []app.Event
	err := q.each(ctx, "SELECT "+eventRead+" FROM stranger_events ORDER BY id DESC LIMIT ?", []any{limit},
		scanEvents(&events))
	return events, err
}

// DeleteEventsBefore deletes at most limit events older than a time, of users and of strangers each. It tells the larger of the two numbers.
func (t *Tx) DeleteEventsBefore(at time.Time, limit int) (int64, error) {
	users, err := t.deleteEventsBefore("events", at, limit)
	if err != nil {
		return users, err
	}
	strangers, err := t.deleteEventsBefore("stranger_events", at, limit)
	return max(users, strangers), err
}

func (t *Tx) deleteEventsBefore(table string, at time.Time, limit int) (int64, error) {
	last := app.FirstID(at)
	var boundary int64
	err := t.one(context.Background(), "SELECT id FROM "+table+" WHERE id < ? ORDER BY id LIMIT 1 OFFSET ?",
		[]any{last, limit}, &boundary)
	if err == nil {
		last = app.ID(boundary)
	} else if app.KindOf(err) != app.NotFound {
		return 0, err
	}
	return t.change("DELETE FROM "+table+" WHERE id < ?", last)
}

func eventValues(event app.Event, own app.Appid) ([]any, error) {
	detail, err := json.Marshal(event.Detail)
	if err != nil {
		return nil, err
	}
	if string(detail) == "{}" {
		detail = nil
	}
	caller := textOrNull(string(event.Client.Appid))
	if caller != nil && event.Client.Appid == own {
		caller = ""
	}
	return []any{
		event.ID, event.AppID, event.UserID, event.Previous, string(event.RequestID), string(event.Reason),
		fingerprintValue(event.Fingerprint), event.Errcode, textOrNull(event.Rid), textOrNull(string(detail)),
		caller, textOrNull(event.Client.Version), textOrNull(string(event.Client.Platform)),
		textOrNull(event.Client.Model), textOrNull(event.Client.WeChatVersion), textOrNull(event.Client.Address),
	}, nil
}

// eventScan holds what a row has in another form than the event.
type eventScan struct {
	fingerprint                                                []byte
	rid, detail, appid, version, platform, model, wechat, addr *string
}

func (s *eventScan) into(event *app.Event) []any {
	return []any{
		&event.ID, &event.AppID, &event.UserID, &event.Previous, &event.RequestID, &event.Reason, &s.fingerprint,
		&event.Errcode, &s.rid, &s.detail, &s.appid, &s.version, &s.platform, &s.model, &s.wechat, &s.addr,
	}
}

func (s *eventScan) apply(event *app.Event) error {
	copy(event.Fingerprint[:], s.fingerprint)
	event.Rid = orEmpty(s.rid)
	event.Client = app.Client{
		Appid: app.Appid(orEmpty(s.appid)), Version: orEmpty(s.version), Platform: app.Platform(orEmpty(s.platform)),
		Model: orEmpty(s.model), WeChatVersion: orEmpty(s.wechat), Address: orEmpty(s.addr),
	}
	if s.detail == nil {
		return nil
	}
	return json.Unmarshal([]byte(*s.detail), &event.Detail)
}

func scanEvents(events *[]app.Event) func(func(...any) error) error {
	return func(scan func(...any) error) error {
		var event app.Event
		var row eventScan
		if err := scan(row.into(&event)...); err != nil {
			return err
		}
		if err := row.apply(&event); err != nil {
			return err
		}
		*events = append(*events, event)
		return nil
	}
}

func fingerprintValue(fingerprint app.Fingerprint) []byte {
	if fingerprint == (app.Fingerprint{}) {
		return nil
	}
	return fingerprint[:]
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// rowsOf writes the placeholders of a multi-row insert.
func rowsOf(columns, rows int) string {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	return row + strings.Repeat(", "+row, rows-1)
}

// inChunks splits rows into chunks of few different lengths, so that few statements are prepared.
func inChunks[T any](rows []T) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(rows) > 0 {
			length := 1
			for length*4 <= len(rows) && length < 64 {
				length *= 4
			}
			if !yield(rows[:length]) {
				return
			}
			rows = rows[length:]
		}
	}
}
