package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// eventsSorted is how many rows of a table are counted by minute.
const eventsSorted = 10_000

// MinuteCount is how many events of one kind fell into one minute.
type MinuteCount struct {
	Minute  time.Time // when it began
	Reason  app.Reason
	Errcode int
	Value   string // the version or platform, app.Unknown where none was told; "" if not asked for
	N       int64
}

// CountedByMinute counts the events of an app minute by minute, from one time to before another, and by version or by platform if
// a group says so (CountsByVersion, CountsByPlatform, or ""). It counts the newest events and gives up where there are too many:
// complete says from when on the counts are complete.
func (q *Queries) CountedByMinute(
	ctx context.Context, appID app.AppID, group CounterGroup, from, to time.Time,
) (counts []MinuteCount, complete time.Time, err error) {
	return q.countedByMinute(ctx, appID, group, from, to, eventsSorted)
}

func (q *Queries) countedByMinute(
	ctx context.Context, appID app.AppID, group CounterGroup, from, to time.Time, mayRead int,
) (counts []MinuteCount, complete time.Time, err error) {
	complete = from
	span := eventSpan{app.EventID(app.FirstID(from)), app.EventID(app.FirstID(to))}
	for _, table := range eventTables {
		rows, edge, err := q.edge(ctx, table, span, mayRead, false)
		if err != nil {
			return nil, complete, err
		}
		if rows == mayRead {
			span.from = edge
			complete = app.ID(edge).Time().Add(time.Millisecond) // of that very millisecond there may be more
		}
	}
	width := app.FirstID(from.Add(time.Minute)) - app.FirstID(from)
	value := map[CounterGroup]string{CountsByVersion: "COALESCE(client_version, '')", CountsByPlatform: "COALESCE(platform, '')"}[group]
	if value == "" {
		value = "''"
	}
	for _, table := range eventTables {
		err := q.each(ctx, "SELECT id - id % ? AS began, reason, errcode, "+value+" AS value, COUNT(*) FROM "+table+
			" WHERE id >= ? AND id < ? AND app_id = ? GROUP BY began, reason, errcode, value",
			[]any{width, span.from, span.to, appID}, func(scan func(...any) error) error {
				var one MinuteCount
				var began app.ID
				err := scan(&began, &one.Reason, &one.Errcode, &one.Value, &one.N)
				one.Minute = began.Time()
				if group != "" {
					one.Value = orUnknown(one.Value)
				}
				counts = append(counts, one)
				return err
			})
		if err != nil {
			return nil, complete, err
		}
	}
	return counts, complete, nil
}
