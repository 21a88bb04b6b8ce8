package db

import (
	"context"
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

// Count adds to a counter in the hour of at. Every event is counted under its reason without being asked.
func (t *Tx) Count(appID app.AppID, name string, at time.Time, n int64) {
	t.counts = append(t.counts, count{appID, name, hourOf(at), n})
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

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

// Counted sums a counter over the hours from the one of from to the one of to, both included.
func (q *Queries) Counted(ctx context.Context, appID app.AppID, name string, from, to time.Time) (int64, error) {
	var n int64
	err := q.one(ctx, `SELECT COALESCE(SUM(n), 0) FROM counters WHERE app_id = ? AND name = ? AND hour BETWEEN ? AND ?`,
		[]any{appID, name, hourOf(from), hourOf(to)}, &n)
	return n, err
}
