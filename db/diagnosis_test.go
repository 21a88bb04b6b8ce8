package db_test

import (
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestEventsOfRid(t *testing.T) {
	store, one := open(t)
	const many = 20_500
	write(t, store, func(tx *db.Tx) error {
		for i := range many {
			event := app.Event{AppID: one.ID, UserID: 7, Reason: app.OpenOK}
			if i == 10 || i == many-10 {
				event.Rid = "66f1c0a2-1b2c3d4e-5f6a7b8c"
			}
			tx.AddEvent(start.Add(time.Duration(i)*time.Second), event)
		}
		tx.AddEvent(start.Add(many*time.Second), app.Event{AppID: one.ID, Reason: app.LoginCodeUsed, Rid: "66f1c0a2-1b2c3d4e-5f6a7b8c"})
		tx.AddEvent(start.Add(many*time.Second), app.Event{AppID: one.ID + 1, Reason: app.LoginCodeUsed, Rid: "66f1c0a2-1b2c3d4e-5f6a7b8c"})
		return nil
	})
	for name, test := range map[string]struct {
		from, to int // seconds
		found    int
		all      bool
	}{
		"everything is too much": {0, many + 1, 2, false},
		"the beginning":          {0, 1000, 1, true},
		"the end":                {many - 1000, many + 1, 2, true},
		"the middle":             {1000, 2000, 0, true},
	} {
		from := start.Add(time.Duration(test.from) * time.Second)
		events, looked, err := store.Read().EventsOfRid(t.Context(), one.ID, "66f1c0a2-1b2c3d4e-5f6a7b8c", from,
			start.Add(time.Duration(test.to)*time.Second))
		if err != nil || len(events) != test.found || looked.Equal(from) != test.all {
			t.Errorf("%s: %d found, looked back to %v, %v", name, len(events), looked, err)
		}
	}
}

func TestStrangersFromAddresses(t *testing.T) {
	store, one := open(t)
	write(t, store, func(tx *db.Tx) error {
		for i, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"} {
			tx.AddEvent(start.Add(time.Duration(i)*time.Minute), app.Event{
				AppID: one.ID, Reason: app.LoginCodeUsed, Client: app.Client{Address: address},
			})
		}
		return nil
	})
	for name, test := range map[string]struct {
		addresses []string
		minutes   int
		limit     int
		found     int
	}{
		"nowhere":      {nil, 10, 10, 0},
		"one address":  {[]string{"192.0.2.1"}, 10, 10, 2},
		"two":          {[]string{"192.0.2.1", "192.0.2.2"}, 10, 10, 3},
		"not so many":  {[]string{"192.0.2.1", "192.0.2.2"}, 10, 1, 1},
		"not so long":  {[]string{"192.0.2.1"}, 3, 10, 1},
		"an other one": {[]string{"192.0.2.9"}, 10, 10, 0},
	} {
		events, err := store.Read().StrangerEventsFrom(t.Context(), one.ID, test.addresses, start,
			start.Add(time.Duration(test.minutes)*time.Minute), test.limit)
		if err != nil || len(events) != test.found {
			t.Errorf("%s: %d found, %v", name, len(events), err)
		}
		if len(events) == 3 && events[0].ID < events[2].ID {
			t.Errorf("%s: not newest first", name)
		}
	}
}

func TestStrangersKeptSince(t *testing.T) {
	store, one := open(t)
	fill := func(n int) {
		write(t, store, func(tx *db.Tx) error {
			for i := range n {
				tx.AddEvent(start.Add(time.Duration(i)*time.Second), app.Event{AppID: one.ID, Reason: app.LoginCodeUsed})
			}
			return nil
		})
	}
	fill(100)
	if since, err := store.Read().StrangersKeptSince(t.Context()); err != nil || !since.IsZero() {
		t.Errorf("nothing was dropped, but kept since %v, %v", since, err)
	}
	fill(db.StrangerEventsKept)
	if since, err := store.Read().StrangersKeptSince(t.Context()); err != nil || since.Before(start) {
		t.Errorf("kept since %v, %v", since, err)
	}
}
