package db_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wxkeeper/app"
	"wxkeeper/db"
)

// counted is one counter of one hour.
type counted struct {
	group      db.CounterGroup
	name, what string
	hour       time.Time
}

// recount counts events by the words of the counters' documentation.
func recount(events []app.Event) map[counted]int64 {
	counts := map[counted]int64{}
	for _, event := range events {
		hour := event.At().Truncate(time.Hour)
		add := func(group db.CounterGroup, name, what string) { counts[counted{group, name, what, hour}]++ }
		add("", string(event.Reason), "")
		if event.Errcode != 0 {
			add(db.CountsByErrcode, fmt.Sprint(event.Errcode), "")
		}
		explains := event.Reason == app.OpenKeyDead && event.Errcode != 0
		if explains {
			add("", db.CountExplained, "")
		}
		if outcome := event.Reason.Outcome(); outcome != app.OtherOutcome && !explains {
			version, platform := event.Client.Version, event.Client.Platform
			if version == "" {
				version = app.Unknown
			}
			if platform == "" {
				platform = app.Unknown
			}
			add(db.CountsByVersion, version, string(outcome))
			add(db.CountsByPlatform, string(platform), string(outcome))
		}
	}
	return counts
}

func readCounts(t *rapid.T, store *db.DB, from, to time.Time) map[counted]int64 {
	counts := map[counted]int64{}
	add := func(group db.CounterGroup, some []db.HourCount, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range some {
			counts[counted{group, one.Name, one.What, one.Hour.UTC()}] += one.N
		}
	}
	names := []string{db.CountExplained}
	for _, reason := range app.Reasons() {
		names = append(names, string(reason))
	}
	some, err := store.Read().CountedByHour(t.Context(), 1, names, from, to)
	add("", some, err)
	for _, group := range []db.CounterGroup{db.CountsByVersion, db.CountsByPlatform, db.CountsByErrcode} {
		some, err := store.Read().CountedByGroup(t.Context(), 1, group, from, to)
		add(group, some, err)
	}
	return counts
}

func TestCountersEqualARecountOfEvents(t *testing.T) {
	store, _ := open(t)
	rapid.Check(t, func(t *rapid.T) {
		emptyTables(t, store, "events", "stranger_events", "counters")
		events := storeEvents(t, store, someEvents(t))
		from := start.Add(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "from")) * time.Minute)
		to := from.Add(time.Duration(rapid.IntRange(0, 60*60).Draw(t, "to")) * time.Minute)
		var meant []app.Event
		for _, event := range events {
			hour := event.At().Truncate(time.Hour)
			if event.AppID == 1 && !hour.Before(from.Truncate(time.Hour)) && !hour.After(to) {
				meant = append(meant, event)
			}
		}
		if diff := cmp.Diff(recount(meant), readCounts(t, store, from, to), cmp.AllowUnexported(counted{})); diff != "" {
			t.Fatalf("-recounted +read\n%s", diff)
		}
	})
}

func TestAWriteThatFailsIsNotCounted(t *testing.T) {
	store, one := open(t)
	add := func(tx *db.Tx) { tx.AddEvent(start, app.Event{AppID: one.ID, UserID: 1, Reason: app.OpenOK}) }
	for _, failing := range []func(*db.Tx) error{
		func(tx *db.Tx) error { add(tx); return errOurs },
		func(tx *db.Tx) error { add(tx); return errors.Join(tx.NextGenerationOfApp(one.ID), errOurs) },
	} {
		gather(t, store, failing, func(tx *db.Tx) error { add(tx); return nil })
	}
	if n, err := store.Read().Counted(t.Context(), one.ID, string(app.OpenOK), start, start); err != nil || n != 2 {
		t.Errorf("counted %d, %v", n, err)
	}
}

// versionsAt gives what was counted by version in an hour.
func versionsAt(t *testing.T, store *db.DB, one app.App, at time.Time) map[string]int64 {
	t.Helper()
	counts, err := store.Read().CountedByGroup(t.Context(), one.ID, db.CountsByVersion, at, at)
	if err != nil {
		t.Fatal(err)
	}
	byVersion := map[string]int64{}
	for _, one := range counts {
		byVersion[one.Name] += one.N
	}
	return byVersion
}

func TestStrangersCannotMakeCountersWithoutEnd(t *testing.T) {
	store, one := open(t)
	event := func(reason app.Reason, version string) app.Event {
		return app.Event{AppID: one.ID, Reason: reason, Client: app.Client{Version: version}}
	}
	store1 := func(at time.Time, events ...app.Event) {
		write(t, store, func(tx *db.Tx) error {
			for _, event := range events {
				tx.AddEvent(at, event)
			}
			return nil
		})
	}
	var claims []app.Event
	for i := range 500 {
		claims = append(claims, event(app.LoginCodeInvalid, fmt.Sprint(2000+i)))
	}
	store1(start, event(app.LoginNewKey, "101"), event(app.LoginCodeInvalid, ""), event(app.LoginCodeInvalid, "1234567"))
	store1(start, claims...)
	first := versionsAt(t, store, one, start)
	if len(first) != 52 || first["101"] != 1 || first[app.Unknown] != 1 || first[db.VersionOther] != 452 {
		t.Errorf("%d versions: %v", len(first), first)
	}
	later := start.Add(time.Hour)
	store1(later, claims...)
	store1(later, event(app.LoginNewKey, "101"), event(app.LoginNewKey, "102"))
	second := versionsAt(t, store, one, later)
	if len(second) != 51 || second["101"] != 1 || second["102"] != 0 || second[db.VersionOther] != 452 {
		t.Errorf("an hour later %d versions: %v", len(second), second)
	}
}

func TestRescuedOpeningsAreCountedByVersion(t *testing.T) {
	store, one := open(t)
	write(t, store, func(tx *db.Tx) error {
		for _, reason := range []app.Reason{app.OpenOK, app.OpenOKPrevious, app.OpenOKPrevious} {
			tx.AddEvent(start, app.Event{AppID: one.ID, UserID: 1, Reason: reason, Client: app.Client{Version: "101"}})
		}
		return nil
	})
	counts, err := store.Read().CountedByGroup(t.Context(), one.ID, db.CountsByVersion, start, start)
	got := map[string]int64{}
	for _, one := range counts {
		got[one.Name+" "+one.What] = one.N
	}
	if diff := cmp.Diff(map[string]int64{"101 open.ok": 3, "101 open.rescued": 2}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}
