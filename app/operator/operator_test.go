package operator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/db"
)

func accounts(t *testing.T) operator.Accounts {
	t.Helper()
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return operator.Accounts{Store: store, Clock: time.Now}
}

func TestPasswordsAreStoredAsHashes(t *testing.T) {
	a := accounts(t)
	const first, second = "correct horse", "battery staple 电池"
	if err := a.Add(t.Context(), "小王", app.RoleAdmin, first); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(t.Context(), "小王", app.RoleViewer, second); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("added twice: %v", err)
	}
	if err := a.SetPassword(t.Context(), "小王", second); err != nil {
		t.Fatal(err)
	}
	stored, err := a.Store.Read().OperatorByName(t.Context(), "小王")
	if err != nil || stored.Role != app.RoleAdmin {
		t.Fatalf("%+v, %v", stored, err)
	}
	if strings.Contains(stored.PasswordHash, second) || !strings.HasPrefix(stored.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored as %s", stored.PasswordHash)
	}
	for password, want := range map[string]bool{first: false, second: true} {
		if fits, err := argon2id.ComparePasswordAndHash(password, stored.PasswordHash); err != nil || fits != want {
			t.Errorf("%q fits: %v, %v", password, fits, err)
		}
	}
	if err := a.SetPassword(t.Context(), "nobody", first); app.KindOf(err) != app.NotFound {
		t.Errorf("password of nobody: %v", err)
	}
}

func TestUnfitAccountsAreRefused(t *testing.T) {
	a := accounts(t)
	for name, test := range map[string]struct {
		name     string
		role     app.Role
		password app.Secret
		says     string
	}{
		"no name":        {"", app.RoleViewer, "long enough", "name"},
		"space around":   {" wang", app.RoleViewer, "long enough", "name"},
		"control":        {"wa\nng", app.RoleViewer, "long enough", "name"},
		"long name":      {strings.Repeat("王", 65), app.RoleViewer, "long enough", "name"},
		"role":           {"wang", "root", "long enough", "role"},
		"short password": {"wang", app.RoleViewer, "seven77", "8 characters"},
		"long password":  {"wang", app.RoleViewer, app.Secret(strings.Repeat("x", 257)), "bytes at most"},
		"own name":       {"wangwang", app.RoleViewer, "WangWang", "not the operator's name"},
	} {
		err := a.Add(t.Context(), test.name, test.role, test.password)
		if app.KindOf(err) != app.Malformed || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := a.Store.Read().Operators(t.Context()); err != nil || n != 0 {
		t.Errorf("%d operators, %v", n, err)
	}
	if err := a.Add(t.Context(), strings.Repeat("王", 64), app.RoleViewer, app.Secret(strings.Repeat("长", 64))); err != nil {
		t.Errorf("64 characters each: %v", err)
	}
}
