package db_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"wxkeeper/app"
	"wxkeeper/db"
)

// gather lets writes wait until all of them are in the queue, then lets them go at once.
func gather(t *testing.T, store *db.DB, writes ...func(*db.Tx) error) []error {
	t.Helper()
	resume := db.Pause(store)
	errs := make([]error, len(writes))
	var all sync.WaitGroup
	for i, fn := range writes {
		before := db.Waiting(store)
		all.Go(func() { errs[i] = store.Write(context.Background(), fn) })
		for db.Waiting(store) == before {
			runtime.Gosched()
		}
	}
	resume()
	all.Wait()
	return errs
}

func inserting(user app.User) func(*db.Tx) error {
	return func(tx *db.Tx) error { return tx.InsertUser(user) }
}

func stored(t *testing.T, store *db.DB, user app.User) bool {
	t.Helper()
	_, err := store.Read().UserByID(t.Context(), user.ID)
	if err != nil && app.KindOf(err) != app.NotFound {
		t.Fatal(err)
	}
	return err == nil
}

func TestWaitingWritesShareOneCommit(t *testing.T) {
	store, one := open(t)
	before, _ := store.Written()
	var writes []func(*db.Tx) error
	for i := range 50 {
		writes = append(writes, inserting(newUser(one, "openid-"+string(rune('a'+i)), app.UserNumber(100000000+i))))
	}
	for _, err := range gather(t, store, writes...) {
		if err != nil {
			t.Fatal(err)
		}
	}
	after, carried := store.Written()
	if after-before != 2 { // the pause, then all fifty
		t.Errorf("%d commits", after-before)
	}
	if carried < 50 {
		t.Errorf("%d writes carried", carried)
	}
}

func TestFailingWriteHarmsNoNeighbour(t *testing.T) {
	for name, failing := range map[string]func(*db.Tx, app.User) error{
		"after a change": func(tx *db.Tx, user app.User) error {
			return errors.Join(tx.InsertUser(user), errOurs)
		},
		"before any change": func(*db.Tx, app.User) error { return errOurs },
		"panic after a change": func(tx *db.Tx, user app.User) error {
			if err := tx.InsertUser(user); err != nil {
				return err
			}
			panic(errOurs)
		},
		"duplicate": func(tx *db.Tx, user app.User) error {
			return errors.Join(tx.InsertUser(user), tx.InsertUser(user))
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, one := open(t)
			first, bad, last := newUser(one, "first", 1), newUser(one, "bad", 2), newUser(one, "last", 3)
			event := func(tx *db.Tx) { tx.AddEvent(start, app.Event{AppID: one.ID, UserID: 7, Reason: app.OpenOK}) }
			errs := gather(t, store, inserting(first),
				func(tx *db.Tx) error { event(tx); return failing(tx, bad) },
				func(tx *db.Tx) error { event(tx); return tx.InsertUser(last) })
			if errs[0] != nil || errs[1] == nil || errs[2] != nil {
				t.Fatalf("errors are %v", errs)
			}
			if !stored(t, store, first) || stored(t, store, bad) || !stored(t, store, last) {
				t.Error("wrong users stored")
			}
			if n, err := db.Column[int](store, "SELECT COUNT(*) FROM events"); err != nil || n != 1 {
				t.Errorf("%d events, %v; want the good write's alone", n, err)
			}
			if n, err := store.Read().Counted(t.Context(), one.ID, string(app.OpenOK), start, start); err != nil || n != 1 {
				t.Errorf("counted %d, %v", n, err)
			}
		})
	}
}

func TestCancelledWriteDoesNotBegin(t *testing.T) {
	store, one := open(t)
	user := newUser(one, "openid", 1)
	ctx, cancel := context.WithCancel(t.Context())
	resume := db.Pause(store)
	result := make(chan error)
	go func() { result <- store.Write(ctx, inserting(user)) }()
	for db.Waiting(store) == 0 {
		runtime.Gosched()
	}
	cancel()
	resume()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if stored(t, store, user) {
		t.Error("a cancelled write was stored")
	}
}

func TestFullQueueRefuses(t *testing.T) {
	store, _ := open(t)
	resume := db.Pause(store)
	var all sync.WaitGroup
	for range db.QueueLength {
		all.Go(func() { store.Write(context.Background(), func(*db.Tx) error { return nil }) })
	}
	for db.Waiting(store) < db.QueueLength {
		runtime.Gosched()
	}
	var failure *app.Error
	err := store.Write(t.Context(), func(*db.Tx) error { return nil })
	if app.KindOf(err) != app.StorageUnavailable || !errors.As(err, &failure) || failure.RetryAfter <= 0 {
		t.Errorf("error is %v", err)
	}
	resume()
	all.Wait()
	commits, writes := store.Written()
	if writes < db.QueueLength || commits > 3+db.QueueLength/db.BatchLength {
		t.Errorf("%d writes in %d commits", writes, commits)
	}
}

func TestCloseCarriesOutWhatWaits(t *testing.T) {
	folder := t.TempDir()
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	one, err := store.EnsureApp(t.Context(), "wx1", start)
	if err != nil {
		t.Fatal(err)
	}
	user := newUser(one, "openid", 1)
	resume := db.Pause(store)
	result := make(chan error, 1)
	go func() { result <- store.Write(context.Background(), inserting(user)) }()
	for db.Waiting(store) == 0 {
		runtime.Gosched()
	}
	go resume()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if err := store.Write(t.Context(), inserting(user)); app.KindOf(err) != app.StorageUnavailable {
		t.Errorf("write after close: %v", err)
	}
	store, err = db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if !stored(t, store, user) {
		t.Error("an accepted write was lost by closing")
	}
}

func TestBrokenTransactionLeavesTheWriterWell(t *testing.T) {
	store, one := open(t)
	// A page limit makes SQLite fail like a full disk, which ends its transaction.
	if _, err := db.Column[int](store, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	restore := db.LimitPages(t, store)
	var failed error
	for i := range 2000 {
		user := newUser(one, "full-"+string(rune(0x4e00+i)), app.UserNumber(200000000+i))
		user.UnionID = app.UnionID(make([]byte, 4000))
		if failed = store.Write(t.Context(), inserting(user)); failed != nil {
			break
		}
	}
	if app.KindOf(failed) != app.StorageUnavailable {
		t.Fatalf("a full disk gave %v", failed)
	}
	restore()
	user := newUser(one, "after", 300000000)
	if err := store.Write(t.Context(), inserting(user)); err != nil {
		t.Fatalf("after the disk had room again: %v", err)
	}
}
