package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// StrangerEventsFrom lists failures without a user that came from any of a few addresses in [from, to), newest first.
func (q *Queries) StrangerEventsFrom(
	ctx context.Context, appID app.AppID, addresses []string, from, to time.Time, limit int,
) ([]app.Event, error) {
	var events []app.Event
	if len(addresses) == 0 {
		return nil, nil
	}
	arguments := append(inArguments([]any{app.FirstID(from), app.FirstID(to), appID}, addresses), limit)
	err := q.each(ctx, "SELECT "+eventRead+" FROM stranger_events WHERE id >= ? AND id < ? AND app_id = ? AND address IN "+
		inList(len(addresses))+" ORDER BY id DESC LIMIT ?", arguments, scanEvents(&events))
	return events, err
}

// StrangersKeptSince is the time back to which the failures without a user are kept: the zero time if none has been dropped in
// favour of newer ones.
func (q *Queries) StrangersKeptSince(ctx context.Context) (time.Time, error) {
	var oldest int64
	err := q.one(ctx, `SELECT id FROM stranger_events ORDER BY id DESC LIMIT 1 OFFSET ?`, []any{StrangerEventsKept - 1}, &oldest)
	if err != nil {
		if app.KindOf(err) == app.NotFound {
			err = nil
		}
		return time.Time{}, err
	}
	return app.ID(oldest).Time(), nil
}

// ridRowsRead is how many rows of a table are read in search of a rid.
const ridRowsRead = 20_000

// EventsOfRid finds the events with WeChat's id of an answer among those of [from, to), newest first, of users and of
// strangers. It reads a bounded number of rows, and tells back to when it has looked: to from if it has read all.
func (q *Queries) EventsOfRid(
	ctx context.Context, appID app.AppID, rid string, from, to time.Time,
) (found []app.Event, looked time.Time, err error) {
	looked = from
	for _, table := range eventTables {
		oldest := app.FirstID(from)
		var edge int64
		err := q.one(ctx, "SELECT id FROM "+table+" WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1 OFFSET ?",
			[]any{oldest, app.FirstID(to), ridRowsRead}, &edge)
		if err == nil {
			oldest = app.ID(edge)
			if at := oldest.Time(); at.After(looked) {
				looked = at
			}
		} else if app.KindOf(err) != app.NotFound {
			return nil, looked, err
		}
		err = q.each(ctx, "SELECT "+eventRead+" FROM "+table+" WHERE id >= ? AND id < ? AND rid = ? AND app_id = ? ORDER BY id DESC LIMIT 100",
			[]any{oldest, app.FirstID(to), rid, appID}, scanEvents(&found))
		if err != nil {
			return nil, looked, err
		}
	}
	return found, looked, nil
}
