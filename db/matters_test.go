package db_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestMatterRoundTrip(t *testing.T) {
	store, one := open(t)
	user := addUser(t, store, newUser(one, "oA", 123456789))
	var want []app.Matter
	for i, problem := range []string{"99", "77", "0"} {
		want = append(want, app.Matter{
			EventID: app.EventID(i + 1), AppID: one.ID, UserID: user.ID, User: user.Number, Reason: app.ConsentUnknown, Problem: problem,
		})
	}
	for _, matter := range []app.Matter{want[2], want[0], want[1]} {
		write(t, store, func(tx *db.Tx) error { return tx.AddMatter(matter) })
	}
	list := func(appID app.AppID, limit int) []app.Matter {
		t.Helper()
		got, err := store.Read().Matters(t.Context(), appID, limit)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if diff := cmp.Diff(want, list(one.ID, 10)); diff != "" {
		t.Errorf("-stored +read\n%s", diff)
	}
	if got := list(one.ID, 2); len(got) != 2 {
		t.Errorf("%d listed", len(got))
	}
	if got := list(one.ID+1, 10); len(got) != 0 {
		t.Errorf("another app has %+v", got)
	}
	if _, err := store.Read().Matter(t.Context(), one.ID+1, 1); app.KindOf(err) != app.NotFound {
		t.Errorf("another app's: %v", err)
	}
	write(t, store, func(tx *db.Tx) error { return tx.SettleMatter(want[1]) })
	err := store.Write(t.Context(), func(tx *db.Tx) error { return tx.SettleMatter(want[1]) })
	if app.KindOf(err) != app.NotFound {
		t.Errorf("settled twice: %v", err)
	}
	if got := list(one.ID, 10); len(got) != 2 || got[1].EventID != 3 {
		t.Errorf("left are %+v", got)
	}
}
