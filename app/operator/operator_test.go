package operator_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/db"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

const password = app.Secret("correct horse")

// desk is Accounts with real storage and a clock that stands still.
type desk struct {
	*operator.Accounts

	t      *testing.T
	folder string
	store  *db.DB
	ring   *db.KeyRing
	log    *bytes.Buffer

	lock sync.Mutex
	now  time.Time
}

// newDesk is a desk on a data folder that was served before.
func newDesk(t *testing.T) *desk {
	t.Helper()
	d := newFolder(t)
	d.serve()
	return d
}

// newFolder is a desk on a data folder that was never served. Hashing takes time: its test runs beside others.
func newFolder(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	d := &desk{t: t, folder: t.TempDir(), now: start, log: &bytes.Buffer{}}
	var err error
	if d.store, err = db.Open(t.Context(), d.folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	d.open()
	return d
}

// serve makes the keys of the folder, as the first serve does.
func (d *desk) serve() {
	d.t.Helper()
	var err error
	if d.ring, err = d.store.EnsureKeyRing(d.t.Context(), [32]byte{1}, start); err != nil {
		d.t.Fatal(err)
	}
	d.open()
}

func (d *desk) open() {
	log := slog.New(slog.NewTextHandler(d.log, nil))
	d.Accounts = operator.New(operator.Options{Store: d.store, Ring: d.ring, Clock: d.clock, Log: log})
}

func (d *desk) clock() time.Time {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.now
}

func (d *desk) pass(by time.Duration) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.now = d.now.Add(by)
}

// by is an order of the admin 王.
var by = operator.Order{Operator: "王", Reason: "测试"}

// add makes an account with the password of all tests.
func (d *desk) add(name string, role app.Role) {
	d.t.Helper()
	if err := d.Add(d.t.Context(), by, name, role, password); err != nil {
		d.t.Fatal(err)
	}
}

// attempt is how somebody signs in from one address.
func attempt(name string, secret app.Secret) operator.Attempt {
	return operator.Attempt{Name: name, Password: secret, Address: "192.0.2.1", Browser: "Firefox/140"}
}

// signIn signs an account in and gives its cookie.
func (d *desk) signIn(name string) app.Secret {
	d.t.Helper()
	_, cookie, err := d.SignIn(d.t.Context(), attempt(name, password))
	if err != nil {
		d.t.Fatal(err)
	}
	return cookie
}

// present gives who is signed in by a cookie, which must be good.
func (d *desk) present(cookie app.Secret) operator.Present {
	d.t.Helper()
	present, err := d.Session(d.t.Context(), cookie)
	if err != nil {
		d.t.Fatal(err)
	}
	return present
}

// wantSignedIn wants a cookie to be good or not.
func (d *desk) wantSignedIn(what string, cookie app.Secret, want bool) {
	d.t.Helper()
	_, err := d.Session(d.t.Context(), cookie)
	if want && err != nil || !want && app.KindOf(err) != app.InvalidToken {
		d.t.Errorf("%s: signed in should be %v: %v", what, want, err)
	}
}

func (d *desk) stored(name string) app.Operator {
	d.t.Helper()
	found, err := d.store.Read().OperatorByName(d.t.Context(), name)
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}

// audited lists what was recorded, oldest first, and wants the chain to hold.
func (d *desk) audited() []app.AuditRow {
	d.t.Helper()
	rows, err := d.store.Read().AuditRows(d.t.Context(), 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	if broken, err := d.store.Read().BrokenAudit(d.t.Context(), d.ring); err != nil || broken != 0 {
		d.t.Errorf("the chain is broken at %d, %v", broken, err)
	}
	return rows
}

// recorded lists what work adds to the audit log.
func (d *desk) recorded(work func()) []app.AuditRow {
	d.t.Helper()
	before := len(d.audited())
	work()
	return d.audited()[before:]
}

// wantRecorded wants work to add exactly these rows, given as "action by operator, reason: detail".
func (d *desk) wantRecorded(what string, work func(), want ...string) {
	d.t.Helper()
	var got []string
	for _, row := range d.recorded(work) {
		got = append(got, string(row.Action)+" by "+row.Operator+", "+row.Reason+": "+row.Detail)
		if row.AppID != 0 || row.UserID != 0 || !row.At.Equal(d.clock()) {
			d.t.Errorf("%s: recorded %+v", what, row)
		}
	}
	if len(got) != len(want) {
		d.t.Errorf("%s: recorded %q, want %q", what, got, want)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			d.t.Errorf("%s: recorded %q, want %q", what, got[i], want[i])
		}
	}
}

// sql changes rows in a way no method offers.
func (d *desk) sql(statement string, arguments ...any) {
	d.t.Helper()
	handle, err := sql.Open("sqlite", filepath.Join(d.folder, "wxkeeper.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		d.t.Fatal(err)
	}
	defer handle.Close()
	if _, err := handle.Exec(statement, arguments...); err != nil {
		d.t.Fatal(err)
	}
}

// readColumn reads one value about the stored sessions.
func readColumn(d *desk, column string) (value string) {
	d.t.Helper()
	handle, err := sql.Open("sqlite", filepath.Join(d.folder, "wxkeeper.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		d.t.Fatal(err)
	}
	defer handle.Close()
	if err := handle.QueryRow("SELECT " + column + " FROM operator_sessions").Scan(&value); err != nil {
		d.t.Fatal(err)
	}
	return value
}

// second gives the error of two results.
func second[T any](_ T, err error) error { return err }
