package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/db"
)

// addOperator stores an operator.
func addOperator(t *testing.T, store *db.DB, name string, role app.Role) app.Operator {
	t.Helper()
	operator := app.Operator{Name: name, Role: role, PasswordHash: app.Secret("hash of " + name)}
	write(t, store, func(tx *db.Tx) error {
		operator.ID = app.OperatorID(tx.NewID(start))
		return tx.InsertOperator(operator)
	})
	return operator
}

func TestOperatorRoundTrip(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	before := addOperator(t, store, "小王", app.RoleViewer)
	addOperator(t, store, "other", app.RoleViewer)
	after := before
	after.Role, after.PasswordHash = app.RoleAdmin, "another hash"
	after.DisabledAt, after.SignedInAt = start.Add(time.Hour).Local(), start.Add(time.Minute).Local()
	write(t, store, func(tx *db.Tx) error {
		for _, err := range []error{
			tx.SetOperatorRole(before, after.Role), tx.SetOperatorPassword(before, after.PasswordHash),
			tx.SetOperatorDisabled(before, after.DisabledAt), tx.NoteSignIn(before.ID, after.SignedInAt),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	byName, err := store.Read().OperatorByName(ctx, "小王")
	if err != nil {
		t.Fatal(err)
	}
	byID, err := store.Read().OperatorByID(ctx, before.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []app.Operator{byName, byID} {
		if got != after {
			t.Errorf("stored %+v, read %+v", after, got)
		}
	}
	if other, err := store.Read().OperatorByName(ctx, "other"); err != nil || other.Role != app.RoleViewer || other.Disabled() {
		t.Errorf("another operator changed too: %+v, %v", other, err)
	}
	if n, err := store.Read().Operators(ctx); err != nil || n != 2 {
		t.Errorf("%d operators, %v", n, err)
	}
}

func TestOperatorsChangeOnlyFromWhatWasRead(t *testing.T) {
	store, _ := open(t)
	read := addOperator(t, store, "alice", app.RoleViewer)
	changes := map[string]func(*db.Tx) error{
		"role":     func(tx *db.Tx) error { return tx.SetOperatorRole(read, app.RoleAdmin) },
		"password": func(tx *db.Tx) error { return tx.SetOperatorPassword(read, "another") },
		"disabled": func(tx *db.Tx) error { return tx.SetOperatorDisabled(read, start) },
	}
	for what, change := range changes {
		if err := store.Write(t.Context(), change); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := store.Write(t.Context(), change); app.KindOf(err) != app.NotFound {
			t.Errorf("%s, from what is not there any more: %v", what, err)
		}
	}
}

func TestOperatorNamesAreComparedByteByByte(t *testing.T) {
	store, _ := open(t)
	for _, name := range []string{"alice", "Alice", "小王", "alice2"} {
		addOperator(t, store, name, app.RoleAdmin)
	}
	again := func(tx *db.Tx) error { return tx.InsertOperator(app.Operator{ID: 1, Name: "小王"}) }
	if err := store.Write(t.Context(), again); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("a name twice: %v", err)
	}
	if _, err := store.Read().OperatorByName(t.Context(), "ALICE"); app.KindOf(err) != app.NotFound {
		t.Errorf("another case: %v", err)
	}
	var names []string
	for _, after := range []string{"", "alice"} {
		page, err := store.Read().OperatorsByName(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page {
			names = append(names, one.Name)
		}
	}
	if diff := cmp.Diff([]string{"Alice", "alice", "alice2", "小王"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestEnabledAdmins(t *testing.T) {
	store, _ := open(t)
	want := func(n int) {
		t.Helper()
		if got, err := store.Read().EnabledAdmins(t.Context()); err != nil || got != n {
			t.Errorf("%d admins, %v, want %d", got, err, n)
		}
	}
	want(0)
	admin := addOperator(t, store, "a", app.RoleAdmin)
	addOperator(t, store, "b", app.RoleAdmin)
	addOperator(t, store, "c", app.RoleOperator)
	want(2)
	write(t, store, func(tx *db.Tx) error { return tx.SetOperatorDisabled(admin, start) })
	want(1)
}

func TestAuditingBeginsWithTheFirstKeys(t *testing.T) {
	store, _ := open(t)
	for _, want := range []bool{false, true} {
		if can, err := store.Read().CanAudit(t.Context()); err != nil || can != want {
			t.Errorf("%v, %v, want %v", can, err, want)
		}
		ring(t, store, 1)
	}
}
