package db_test

import (
	"testing"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestWorkIsPausedOnce(t *testing.T) {
	store, one := open(t)
	pause := func(operator string) error {
		return store.Write(t.Context(), func(tx *db.Tx) error { return tx.PauseWork(one.ID, db.CheckingKeys, operator, start) })
	}
	resume := func() error {
		return store.Write(t.Context(), func(tx *db.Tx) error { return tx.ResumeWork(one.ID, db.CheckingKeys) })
	}
	if err := resume(); app.KindOf(err) != app.NotFound {
		t.Errorf("resumed before any pause: %v", err)
	}
	if err := pause("小王"); err != nil {
		t.Fatal(err)
	}
	if err := pause("小李"); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("paused twice: %v", err)
	}
	operator, since, err := store.Read().Pause(t.Context(), one.ID, db.CheckingKeys)
	if err != nil || operator != "小王" || !since.Equal(start) {
		t.Errorf("paused by %s since %v, %v", operator, since, err)
	}
	if _, _, err := store.Read().Pause(t.Context(), one.ID+1, db.CheckingKeys); app.KindOf(err) != app.NotFound {
		t.Errorf("another app: %v", err)
	}
	if err := resume(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Read().Pause(t.Context(), one.ID, db.CheckingKeys); app.KindOf(err) != app.NotFound {
		t.Errorf("after the pause: %v", err)
	}
}
