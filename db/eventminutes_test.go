package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestMinutesEqualARecountOfEvents(t *testing.T) {
	store, _ := open(t)
	rapid.Check(t, func(t *rapid.T) {
		emptyTables(t, store, "events", "stranger_events", "counters")
		events := storeEvents(t, store, someEvents(t))
		from := start.Add(time.Duration(rapid.IntRange(0, 10*60).Draw(t, "from")) * time.Second)
		to := from.Add(time.Duration(rapid.IntRange(0, 60*60*3).Draw(t, "to")) * time.Second)
		group := rapid.SampledFrom([]db.CounterGroup{"", db.CountsByVersion, db.CountsByPlatform}).Draw(t, "group")
		rows := rapid.IntRange(1, 60).Draw(t, "rows")
		counts, complete, err := db.CountedByMinuteReading(t.Context(), store, 1, group, from, to, rows)
		if err != nil {
			t.Fatal(err)
		}
		if complete.Before(from) {
			t.Fatalf("complete since %v, asked from %v", complete, from)
		}
		whole := func(minute time.Time) bool { return !minute.Before(complete) || complete.Equal(from) }
		want, got := map[db.MinuteCount]int64{}, map[db.MinuteCount]int64{}
		for _, event := range events {
			minute := event.At().Truncate(time.Minute)
			if event.AppID != 1 || event.At().Before(from) || !event.At().Before(to) || !whole(minute) {
				continue
			}
			key := db.MinuteCount{Minute: minute, Reason: event.Reason, Errcode: event.Errcode}
			switch group {
			case db.CountsByVersion:
				key.Value = event.Client.Version
			case db.CountsByPlatform:
				key.Value = string(event.Client.Platform)
			}
			if group != "" && key.Value == "" {
				key.Value = app.Unknown
			}
			want[key]++
		}
		for _, one := range counts {
			key := one
			key.N = 0
			if whole(one.Minute) {
				got[key] += one.N
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-recounted +read\n%s", diff)
		}
	})
}
