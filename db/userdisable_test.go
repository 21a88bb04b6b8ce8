package db_test

import (
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestUserIsDisabledOnce(t *testing.T) {
	store, one := open(t)
	user := addUser(t, store, newUser(one, "oA", 1))
	addUser(t, store, newUser(one, "oB", 2))
	disable := func(at time.Time) func(*db.Tx) error {
		return func(tx *db.Tx) error { return tx.DisableUser(user, at) }
	}
	enable := func(tx *db.Tx) error { return tx.EnableUser(user) }
	for i, step := range []struct {
		change func(*db.Tx) error
		fails  bool
		at     time.Time
	}{
		{enable, true, time.Time{}}, {disable(start), false, start}, {disable(start.Add(time.Hour)), true, start},
		{enable, false, time.Time{}}, {enable, true, time.Time{}},
	} {
		err := store.Write(t.Context(), step.change)
		if (err != nil) != step.fails || err != nil && app.KindOf(err) != app.AlreadyExists {
			t.Errorf("step %d: %v", i, err)
		}
		now, err := store.Read().UserByID(t.Context(), user.ID)
		if err != nil || !now.DisabledAt.Equal(step.at) {
			t.Errorf("step %d: disabled at %v, %v", i, now.DisabledAt, err)
		}
	}
	if other, err := store.Read().UserByNumber(t.Context(), one.ID, 2); err != nil || other.Disabled() {
		t.Errorf("another user: %+v, %v", other, err)
	}
}
