package db_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wxkeeper/app"
	"wxkeeper/db"
)

var (
	someReasons   = []app.Reason{app.OpenOK, app.LoginNewKey, app.OpenKeyDead, app.LoginCodeUsed, app.KeyFoundDead, app.TokenUnknown}
	someVersions  = []string{"", "0", "100", "101", "devtools"}
	somePlatforms = []app.Platform{app.PlatformUnknown, app.PlatformIOS, app.PlatformAndroid}
	someErrcodes  = []int{0, 0, 0, -1, 40163, 87009}
	someAddresses = []string{"", "192.0.2.1", "192.0.2.2"}
)

// someEvents draws events of users and strangers, of two apps, in the order of their times.
func someEvents(t *rapid.T) []app.Event {
	at := start
	var events []app.Event
	for range rapid.IntRange(0, 60).Draw(t, "events") {
		if rapid.IntRange(0, 5).Draw(t, "gap") == 0 {
			at = at.Add(time.Duration(rapid.IntRange(1, 5*60).Draw(t, "minutes")) * time.Minute)
		}
		at = at.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "ms")) * time.Millisecond)
		events = append(events, app.Event{
			ID:      app.EventID(app.FirstID(at)), // the time alone; the real id is made when it is stored
			AppID:   app.AppID(rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "app")),
			UserID:  app.UserID(rapid.IntRange(0, 2).Draw(t, "user")),
			Reason:  rapid.SampledFrom(someReasons).Draw(t, "reason"),
			Errcode: rapid.SampledFrom(someErrcodes).Draw(t, "errcode"),
			Client: app.Client{
				Version:  rapid.SampledFrom(someVersions).Draw(t, "version"),
				Platform: rapid.SampledFrom(somePlatforms).Draw(t, "platform"),
				Address:  rapid.SampledFrom(someAddresses).Draw(t, "address"),
			},
		})
	}
	return events
}

func someFilter(t *rapid.T, last time.Time) app.EventFilter {
	var filter app.EventFilter
	moment := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" given") {
			return time.Time{}
		}
		return start.Add(time.Duration(rapid.Int64Range(0, int64(last.Sub(start)/time.Millisecond)+1).Draw(t, name)) * time.Millisecond)
	}
	filter.From, filter.To = moment("from"), moment("to")
	filter.Reasons = rapid.SliceOfN(rapid.SampledFrom(append(someReasons, "unheard.of")), 0, 3).Draw(t, "reasons")
	filter.Version = rapid.SampledFrom([]string{"", "", "", app.Unknown, "101", "7"}).Draw(t, "wanted version")
	filter.Platform = rapid.SampledFrom([]app.Platform{"", "", "", app.Unknown, app.PlatformIOS}).Draw(t, "wanted platform")
	filter.Errcode = rapid.SampledFrom([]int{0, 0, 0, 87009, 5}).Draw(t, "wanted errcode")
	filter.Address = rapid.SampledFrom([]string{"", "", "192.0.2.1"}).Draw(t, "wanted address")
	return filter
}

// storeEvents replaces all events and counters, and gives the events with their ids.
func storeEvents(t *rapid.T, store *db.DB, events []app.Event) []app.Event {
	stored := slices.Clone(events)
	err := store.Write(t.Context(), func(tx *db.Tx) error {
		for i, event := range events {
			stored[i].ID = tx.AddEvent(event.At(), event)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func emptyTables(t *rapid.T, store *db.DB, tables ...string) {
	for _, table := range tables {
		if err := db.ExecOnWriter(store, "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEventListEqualsReadingAll(t *testing.T) {
	store, _ := open(t)
	rapid.Check(t, func(t *rapid.T) {
		emptyTables(t, store, "events", "stranger_events", "counters")
		events := storeEvents(t, store, someEvents(t))
		last := start
		if len(events) > 0 {
			last = events[len(events)-1].At()
		}
		listing := db.EventListing{AppID: 1, Filter: someFilter(t, last), Limit: rapid.IntRange(1, 7).Draw(t, "limit")}
		var want []app.EventID
		for _, event := range events {
			if event.AppID == 1 && listing.Filter.Matches(event) {
				want = append(want, event.ID)
			}
		}
		upwards := rapid.Bool().Draw(t, "upwards")
		if upwards {
			listing.After = 1
		} else {
			slices.Reverse(want)
		}
		rows, step := rapid.IntRange(1, 30).Draw(t, "rows"), rapid.IntRange(1, 10).Draw(t, "step")
		hours := rapid.Int64Range(1, 40).Draw(t, "hours")
		var got []app.EventID
		for {
			page, err := db.ListEventsReading(t.Context(), store, listing, rows, step, hours)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.IsSortedFunc(page.Events, func(a, b app.Event) int { return cmp.Compare(b.ID, a.ID) }) {
				t.Fatalf("the newest is not the first: %v", page.Events)
			}
			if full := len(page.Events) == listing.Limit; full && page.Stopped || page.Stopped && page.Next == 0 {
				t.Fatalf("%d of %d events, next %d, stopped %v", len(page.Events), listing.Limit, page.Next, page.Stopped)
			}
			ids := idsOf(page.Events)
			if upwards {
				slices.Reverse(ids)
			}
			got = append(got, ids...)
			if page.Next == 0 {
				break
			}
			if upwards {
				if page.Next <= listing.After {
					t.Fatalf("from %d on to %d", listing.After, page.Next)
				}
				listing.After = page.Next
			} else {
				if listing.Before != 0 && page.Next >= listing.Before {
					t.Fatalf("from %d on to %d", listing.Before, page.Next)
				}
				listing.Before = page.Next
			}
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("-all read +listed\n%s", diff)
		}
	})
}

func idsOf(events []app.Event) []app.EventID {
	var ids []app.EventID
	for _, event := range events {
		ids = append(ids, event.ID)
	}
	return ids
}

func TestEventsOfOneUserAreListed(t *testing.T) {
	store, one := open(t)
	user := addUser(t, store, newUser(one, "oSYNTH", 1))
	var events []app.Event
	for i := range 1200 {
		write(t, store, func(tx *db.Tx) error {
			event := app.Event{AppID: one.ID, UserID: user.ID, Previous: user.LastEvent, Reason: app.OpenOK}
			if i%400 == 0 {
				event.Reason = app.OpenKeyDead
			}
			before := user
			event.ID = tx.AddEvent(start.Add(time.Duration(i)*time.Second), event)
			events, user.LastEvent = append(events, event), event.ID
			return updateUser(tx, before, user)
		})
	}
	for name, filter := range map[string]app.EventFilter{
		"all":     {UserID: user.ID},
		"rare":    {UserID: user.ID, Reasons: []app.Reason{app.OpenKeyDead}},
		"between": {UserID: user.ID, From: start.Add(time.Minute), To: start.Add(2 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			var want []app.EventID
			for _, event := range slices.Backward(events) {
				if filter.Matches(event) {
					want = append(want, event.ID)
				}
			}
			var got []app.EventID
			listing := db.EventListing{AppID: one.ID, Filter: filter, Limit: 50}
			for {
				page, err := store.Read().ListEvents(t.Context(), listing)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, idsOf(page.Events)...)
				if listing.Before = page.Next; page.Next == 0 {
					break
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("-all +listed\n%s", diff)
			}
		})
	}
	for name, listing := range map[string]db.EventListing{
		"nobody":      {AppID: one.ID, Filter: app.EventFilter{UserID: 5}},
		"another app": {AppID: one.ID + 1, Filter: app.EventFilter{UserID: user.ID}},
	} {
		if page, err := store.Read().ListEvents(t.Context(), listing); err != nil || len(page.Events) > 0 || page.Next != 0 {
			t.Errorf("%s: %v, %v", name, page, err)
		}
	}
	upwards := db.EventListing{AppID: one.ID, Filter: app.EventFilter{UserID: user.ID}, After: 1}
	if _, err := store.Read().ListEvents(t.Context(), upwards); app.KindOf(err) != app.Malformed {
		t.Errorf("upwards: %v", err)
	}
}

func TestEventsSince(t *testing.T) {
	store, one := open(t)
	if newest, err := store.Read().NewestEvent(t.Context()); err != nil || newest != 0 {
		t.Errorf("newest of none: %d, %v", newest, err)
	}
	var ids []app.EventID
	write(t, store, func(tx *db.Tx) error {
		ids = nil
		for i := range 10 {
			ids = append(ids, tx.AddEvent(start, app.Event{AppID: one.ID, UserID: app.UserID(i % 2), Reason: app.OpenOK}))
		}
		tx.AddEvent(start, app.Event{AppID: one.ID + 1, Reason: app.OpenOK})
		return nil
	})
	for _, test := range []struct {
		after app.EventID
		limit int
		want  []app.EventID
	}{
		{0, 100, ids}, {0, 3, ids[:3]}, {ids[2], 4, ids[3:7]}, {ids[9], 5, nil},
	} {
		events, err := store.Read().EventsSince(t.Context(), one.ID, test.after, test.limit)
		if err != nil || !slices.Equal(idsOf(events), test.want) {
			t.Errorf("after %d, %d: %s, %v", test.after, test.limit, fmt.Sprint(idsOf(events)), err)
		}
	}
	if newest, err := store.Read().NewestEvent(t.Context()); err != nil || newest <= ids[9] {
		t.Errorf("newest: %d, %v", newest, err)
	}
}
