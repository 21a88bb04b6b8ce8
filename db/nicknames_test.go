package db_test

import (
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// renaming gives a user another nickname, with an event, as an opening does.
func renaming(t *testing.T, id app.UserID, nickname string) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		before, err := tx.UserByID(t.Context(), id)
		if err != nil {
			return err
		}
		after := before
		after.Profile.Nickname = nickname
		after.LastEvent = tx.AddEvent(start, app.Event{AppID: before.AppID, UserID: id, Reason: app.OpenOK, Previous: before.LastEvent})
		_, err = tx.UpdateUser(before, after)
		return err
	}
}

func indexed(t *testing.T, store *db.DB) int {
	t.Helper()
	n, err := db.Column[int](store, "SELECT COUNT(*) FROM nickname_grams")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNicknamesOfOneCommitAreIndexed(t *testing.T) {
	store, one := open(t)
	first, second, third := newUser(one, "first", 1), newUser(one, "second", 2), newUser(one, "third", 3)
	first.Profile.Nickname, second.Profile.Nickname = "小明", "小红"
	// What a damaged index has already, or lacks, harms nobody.
	if err := db.ExecOnWriter(store, "INSERT INTO nickname_grams (app_id, gram, user_id) VALUES (?, '花', ?)", one.ID, third.ID); err != nil {
		t.Fatal(err)
	}
	errs := gather(t, store,
		inserting(first), inserting(second), inserting(third),
		renaming(t, first.ID, "王小明"), renaming(t, first.ID, "小明"),
		renaming(t, second.ID, "小红花"),
		renaming(t, third.ID, "花"),
		func(tx *db.Tx) error {
			if err := renaming(t, third.ID, "没有")(tx); err != nil {
				return err
			}
			return errOurs
		})
	for i, err := range errs {
		if (err != nil) != (i == len(errs)-1) {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	for id, want := range map[app.UserID]string{first.ID: "小明", second.ID: "小红花", third.ID: "花"} {
		user, err := store.Read().UserByID(t.Context(), id)
		if err != nil || user.Profile.Nickname != want {
			t.Errorf("%q is called %q, %v", want, user.Profile.Nickname, err)
		}
		if whole, err := store.Read().NicknameIndexed(t.Context(), user); err != nil || !whole {
			t.Errorf("%q is not indexed: %v", want, err)
		}
	}
	if n := indexed(t, store); n != 3+5+1 {
		t.Errorf("%d entries", n)
	}
}

func TestErasingLeavesNothingOfTheSameCommit(t *testing.T) {
	store, one := open(t)
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, start)
	if err != nil {
		t.Fatal(err)
	}
	user, other := newUser(one, "gone", 1), newUser(one, "stays", 2)
	for _, err := range gather(t, store, inserting(user), inserting(other), renaming(t, user.ID, "小明"), renaming(t, other.ID, "小红")) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range gather(t, store, renaming(t, user.ID, "王小明"), renaming(t, other.ID, "小红花"), func(tx *db.Tx) error {
		known, err := tx.UserByID(t.Context(), user.ID)
		if err != nil {
			return err
		}
		return tx.EraseUser(ring, known, start.Add(time.Second))
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"events", "nickname_grams"} {
		n, err := db.Column[int](store, "SELECT COUNT(*) FROM "+table+" WHERE user_id = ?", user.ID)
		if err != nil || n != 0 {
			t.Errorf("%d rows of %s are left, %v", n, table, err)
		}
	}
	if n, err := db.Column[int](store, "SELECT COUNT(*) FROM events WHERE user_id = ?", other.ID); err != nil || n != 2 {
		t.Errorf("the other has %d events, %v", n, err)
	}
	if n := indexed(t, store); n != 5 {
		t.Errorf("%d entries", n)
	}
}
