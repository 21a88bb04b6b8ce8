package backend_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/backend"
	"wxkeeper/db"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// desk is a register on real storage, with a clock that stands still.
type desk struct {
	*backend.Register
	t     testing.TB
	store *db.DB
	ring  *db.KeyRing

	lock sync.Mutex
	now  time.Time
}

func newDesk(t *testing.T, perMinute int) *desk {
	t.Helper()
	d := &desk{t: t, now: noon}
	var err error
	if d.store, err = db.Open(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	if d.ring, err = d.store.EnsureKeyRing(t.Context(), [32]byte{1}, noon); err != nil {
		t.Fatal(err)
	}
	d.Register = d.another(perMinute)
	return d
}

// another is what another process on the same data has.
func (d *desk) another(perMinute int) *backend.Register {
	made := backend.New(backend.Options{
		Store: d.store, Ring: d.ring, PerMinute: perMinute, Clock: d.clock, Log: slog.New(slog.DiscardHandler),
	})
	d.t.Cleanup(made.Close)
	return made
}

func (d *desk) clock() time.Time {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.now
}

func (d *desk) pass(length time.Duration) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.now = d.now.Add(length)
}

func (d *desk) add(name string, of app.AppID) app.BackEndSecret {
	d.t.Helper()
	secret, err := d.Add(context.Background(), "alice", name, of)
	if err != nil {
		d.t.Fatal(err)
	}
	return secret
}

func TestWhoIsLetIn(t *testing.T) {
	d := newDesk(t, 0)
	orders, everywhere := d.add("orders", 1), d.add("everywhere", 0)
	if orders == everywhere || !strings.HasPrefix(orders.Reveal(), "wxk_") || len(orders.Reveal()) != 47 {
		t.Errorf("secrets are %q and %q", orders.Reveal(), everywhere.Reveal())
	}
	for _, test := range []struct {
		of     app.AppID
		name   string
		secret app.BackEndSecret
		in     bool
	}{
		{1, "orders", orders, true},
		{2, "orders", orders, false},
		{1, "everywhere", everywhere, true},
		{2, "everywhere", everywhere, true},
		{1, "orders", everywhere, false},
		{1, "ORDERS", orders, false},
		{1, "orders", app.BackEndSecret{Secret: app.Secret(orders.Reveal() + "x")}, false},
		{1, "orders", app.BackEndSecret{}, false},
		{1, "nobody", orders, false},
		{1, "", orders, false},
		{1, "' OR 1=1 --", orders, false},
	} {
		known, err := d.Authenticate(t.Context(), test.of, test.name, test.secret)
		if test.in && (err != nil || known.Name != test.name) || !test.in && (app.KindOf(err) != app.InvalidToken || known.ID != 0) {
			t.Errorf("%q for app %d: %+v, %v", test.name, test.of, known, err)
		}
	}
}

// TestRevokedMeansRevoked: here and in another process, with the next request.
func TestRevokedMeansRevoked(t *testing.T) {
	d := newDesk(t, 0)
	other := d.another(0)
	secret := d.add("orders", 1)
	for _, register := range []*backend.Register{d.Register, other} {
		if _, err := register.Authenticate(t.Context(), 1, "orders", secret); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Revoke(t.Context(), "bob", "orders"); err != nil {
		t.Fatal(err)
	}
	for _, register := range []*backend.Register{d.Register, other} {
		if _, err := register.Authenticate(t.Context(), 1, "orders", secret); app.KindOf(err) != app.InvalidToken {
			t.Errorf("a revoked secret: %v", err)
		}
	}
	if err := d.Revoke(t.Context(), "bob", "orders"); app.KindOf(err) != app.NotFound {
		t.Errorf("revoked again: %v", err)
	}
	again := d.add("orders", 1)
	if _, err := d.Authenticate(t.Context(), 1, "orders", secret); app.KindOf(err) != app.InvalidToken {
		t.Errorf("the old secret of a new back end: %v", err)
	}
	if _, err := d.Authenticate(t.Context(), 1, "orders", again); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	rows, err := d.store.Read().AuditRows(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range rows {
		told = append(told, fmt.Sprint(row.Operator, " ", row.Action, " ", row.Detail, " ", row.AppID))
		if strings.Contains(fmt.Sprintf("%+v", row), secret.Reveal()) {
			t.Error("the secret is in the audit log")
		}
	}
	want := []string{"alice backends.add orders 1", "bob backends.revoke orders 1", "alice backends.add orders 1"}
	if strings.Join(told, "\n") != strings.Join(want, "\n") {
		t.Errorf("audit rows are %q", told)
	}
}

func TestNames(t *testing.T) {
	d := newDesk(t, 0)
	d.add("a", 1)
	for _, name := range []string{"", "A", "a:b", "-a", ".a", "a b", "订单", strings.Repeat("a", 64)} {
		if _, err := d.Add(t.Context(), "alice", name, 1); app.KindOf(err) != app.Malformed {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := d.Add(t.Context(), "alice", "a", 0); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("a name that is taken: %v", err)
	}
	for i := 1; i < app.BackEndsKept; i++ {
		d.add(fmt.Sprint("b", i), 1)
	}
	if _, err := d.Add(t.Context(), "alice", "one-too-many", 1); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("one more than %d: %v", app.BackEndsKept, err)
	}
}

func TestEachHasALimitOfItsOwn(t *testing.T) {
	d := newDesk(t, 60)
	orders, _ := d.Authenticate(t.Context(), 1, "orders", d.add("orders", 1))
	mail, _ := d.Authenticate(t.Context(), 1, "mail", d.add("mail", 1))
	for i := range 60 {
		if wait := d.Wait(orders); wait != 0 {
			t.Fatalf("call %d waits %s", i, wait)
		}
	}
	for range 3 { // a refused call takes nothing
		if wait := d.Wait(orders); wait != time.Second {
			t.Errorf("the next call waits %s", wait)
		}
	}
	if wait := d.Wait(mail); wait != 0 {
		t.Errorf("another back end waits %s", wait)
	}
	d.pass(time.Second)
	if wait := d.Wait(orders); wait != 0 {
		t.Errorf("a second later it waits %s", wait)
	}
	free := d.another(0)
	for range 1000 {
		if wait := free.Wait(orders); wait != 0 {
			t.Fatalf("without a limit it waits %s", wait)
		}
	}
}

// TestUseIsCounted: calls by hour and kind, the last use coarsely, and all of it in a few commits.
func TestUseIsCounted(t *testing.T) {
	d := newDesk(t, 0)
	secret := d.add("orders", 1)
	before, _ := d.store.Written()
	use := func(register *backend.Register, what string) {
		known, err := register.Authenticate(t.Context(), 1, "orders", secret)
		if err != nil {
			t.Fatal(err)
		}
		register.Note(known, 1, what)
	}
	for range 1000 {
		use(d.Register, "sign")
	}
	use(d.Register, "login")
	d.Close()
	after, _ := d.store.Written()
	if after-before > 20 {
		t.Errorf("%d commits for 1001 calls", after-before)
	}
	wantUsed := func(at time.Time) {
		t.Helper()
		known, err := d.store.Read().BackEndByName(t.Context(), "orders")
		if err != nil || !known.UsedAt.Equal(at) {
			t.Errorf("last used %s, %v; want %s", known.UsedAt, err, at)
		}
	}
	wantUsed(noon)
	for _, step := range []time.Duration{9 * time.Minute, 9 * time.Minute} {
		d.pass(step)
		later := d.another(0)
		use(later, "sign")
		later.Close()
	}
	wantUsed(noon.Add(18 * time.Minute))
	counts, err := d.store.Read().CountedByGroup(t.Context(), 1, db.CountsByBackEnd, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	known, _ := d.store.Read().BackEndByName(t.Context(), "orders")
	want := map[string]int64{"sign": 1002, "login": 1}
	for _, one := range counts {
		if one.Name != fmt.Sprint(int64(known.ID)) || one.N != want[one.What] {
			t.Errorf("counted %+v", one)
		}
		delete(want, one.What)
	}
	if len(want) != 0 {
		t.Errorf("not counted: %v", want)
	}
}

// TestCallsWithoutRoomAreTold: a call that cannot be counted is answered, and metrics tell how many there were.
func TestCallsWithoutRoomAreTold(t *testing.T) {
	d := newDesk(t, 0)
	d.Close() // what waits is not written any more
	const room = 10_000
	for what := range room + 3 {
		d.Note(app.BackEnd{ID: 1}, 1, fmt.Sprint(what))
	}
	d.Note(app.BackEnd{ID: 1}, 1, "0")
	for _, n := range d.LimitHits().Each() {
		if n != 3 {
			t.Errorf("%d had no room", n)
		}
	}
}
