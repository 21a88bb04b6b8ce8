package db_test

import (
	"fmt"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// fill writes a number of pages and then what wakes the checkpointer.
func fill(t *testing.T, store *db.DB, pages int) {
	t.Helper()
	held, _ := db.LogState(t, store)
	for want := held + pages; held < want; {
		write(t, store, (*db.Tx).FillProbe)
		before := held
		if held, _ = db.LogState(t, store); held < before { // begun anew
			return
		}
	}
}

// shortens waits until further writes find a log that was begun anew.
func shortens(t *testing.T, store *db.DB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		before, _ := db.LogState(t, store)
		write(t, store, (*db.Tx).FillProbe)
		if held, _ := db.LogState(t, store); held < before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log has grown to %d pages", before)
		}
	}
}

func TestTheLogStaysShort(t *testing.T) {
	store, _ := open(t)
	for range 3 {
		fill(t, store, db.LogPages)
		shortens(t, store)
	}
}

func TestALongReaderPutsTheCheckpointOff(t *testing.T) {
	store, _ := open(t)
	write(t, store, (*db.Tx).FillProbe)
	end := db.ReadOn(t, store)
	fill(t, store, 2*db.LogPages) // no write waits for the reader
	if held, moved := db.LogState(t, store); moved == held {
		t.Errorf("all %d pages were moved under a reader's feet", held)
	}
	end()
	shortens(t, store)
	if health, err := store.Health(t.Context()); err != nil || health.LogBytes > logFileLimit {
		t.Errorf("the log's file keeps %d bytes, %v", health.LogBytes, err)
	}
}

// logFileLimit is what the log's file goes back to once a burst is over.
const logFileLimit = 20 << 20

func TestEmptyingTheLogWaitsForAReader(t *testing.T) {
	store, one := open(t)
	end := db.ReadOn(t, store)
	addUser(t, store, newUser(one, "openid", 1))
	emptied := make(chan error)
	go func() { emptied <- store.Checkpoint(t.Context()) }()
	for n := range 20 { // writes pass meanwhile
		addUser(t, store, newUser(one, fmt.Sprintf("openid-%d", n), app.UserNumber(100+n)))
	}
	end()
	if err := <-emptied; err != nil {
		t.Fatal(err)
	}
	if held, _ := db.LogState(t, store); held != 0 {
		t.Errorf("%d pages are left in the log", held)
	}
}
