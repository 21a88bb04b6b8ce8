package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
	"wxkeeper/app/webhook"
	"wxkeeper/db"
)

var start = time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC)

// house has webhooks, and a back end that they call.
type house struct {
	*webhook.Webhooks
	t      *testing.T
	now    time.Time
	folder string
	log    *bytes.Buffer
	server *httptest.Server
	app    app.App
	user   app.User

	lock   sync.Mutex
	status int
	text   string // what the back end answers
	got    []call
}

type call struct {
	header http.Header
	body   string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, now: start, folder: t.TempDir(), log: &bytes.Buffer{}, status: http.StatusOK}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.lock.Lock()
		defer h.lock.Unlock()
		h.got = append(h.got, call{r.Header, string(body)})
		w.WriteHeader(h.status)
		io.WriteString(w, h.text)
	}))
	t.Cleanup(h.server.Close)
	store, err := db.Open(t.Context(), h.folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, start)
	if err != nil {
		t.Fatal(err)
	}
	if h.app, err = store.EnsureApp(t.Context(), "wx0123456789abcdef", start); err != nil {
		t.Fatal(err)
	}
	calls := outgoing.New(outgoing.Options{Private: true})
	t.Cleanup(calls.Close)
	h.Webhooks = webhook.New(webhook.Options{
		AppID: h.app.ID, Store: store, Ring: ring, Outgoing: calls, Clock: func() time.Time { return h.now },
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	h.user = app.User{ID: 7, AppID: h.app.ID, OpenID: "o-planted", UnionID: "u-planted", Number: 123456789, LastSeenAt: start}
	h.write(func(tx *db.Tx) error { return tx.InsertUser(h.user) })
	return h
}

func (h *house) write(fn func(*db.Tx) error) {
	h.t.Helper()
	if err := h.Store.Write(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) announce(what app.Happening) {
	h.t.Helper()
	h.write(func(tx *db.Tx) error { return tx.Announce(h.now, what, h.user, "") })
}

func (h *house) add() (app.Webhook, app.Secret) {
	h.t.Helper()
	secret, err := h.Add(h.t.Context(), "alice", "shop", app.Secret(h.server.URL+"/planted-path"))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.hook(), secret
}

func (h *house) hook() app.Webhook {
	h.t.Helper()
	hooks, err := h.List(h.t.Context())
	if err != nil || len(hooks) != 1 {
		h.t.Fatalf("%+v %v", hooks, err)
	}
	return hooks[0]
}

// deliver makes the due deliveries and gives the calls that came.
func (h *house) deliver() []call {
	h.t.Helper()
	if err := h.Deliver(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	got := h.got
	h.got = nil
	return got
}

func (h *house) answer(status int) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.status = status
}

// signed counts the signatures of a call that a secret made.
func signed(c call, secret app.Secret) int {
	id, stamp := c.header.Get("Webhook-Id"), c.header.Get("Webhook-Timestamp")
	n := 0
	for one := range strings.FieldsSeq(c.header.Get("Webhook-Signature")) {
		if one == signature(id, stamp, c.body, secret) {
			n++
		}
	}
	return n
}

func signature(id, stamp, body string, secret app.Secret) string {
	mac := hmac.New(sha256.New, outgoing.SigningKey(secret))
	io.WriteString(mac, id+"."+stamp+"."+body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestAHappeningIsDelivered(t *testing.T) {
	h := newHouse(t)
	h.announce(app.UserFirstLogin) // before anybody listens
	hook, secret := h.add()
	h.announce(app.UserProfileChanged)
	got := h.deliver()
	if len(got) != 1 || signed(got[0], secret) != 1 {
		t.Fatalf("%+v", got)
	}
	want := `{"type":"user.profile_changed","timestamp":"2026-11-23T04:30:00Z","data":{"appid":"wx0123456789abcdef","user":"123456789",` +
		`"openid":"o-planted","unionid":"u-planted"}}`
	if got[0].body != want {
		t.Errorf("%s", got[0].body)
	}
	if got := h.deliver(); len(got) != 0 {
		t.Errorf("again: %+v", got)
	}
	if hook = h.hook(); hook.Waiting != 0 || hook.SentAt.IsZero() {
		t.Errorf("%+v", hook)
	}
}

func TestFailuresAreTriedForThreeDaysAndReplayed(t *testing.T) {
	h := newHouse(t)
	h.add()
	h.answer(http.StatusInternalServerError)
	h.announce(app.UserFirstLogin)
	id, tries := "", 0
	for range 4 * 24 * 60 {
		for _, one := range h.deliver() {
			tries++
			if id == "" {
				id = one.header.Get("Webhook-Id")
			}
			if one.header.Get("Webhook-Id") != id {
				t.Error("another id at another try")
			}
		}
		if h.hook().Waiting == 0 {
			break
		}
		h.now = h.now.Add(10 * time.Minute)
	}
	if days := h.now.Sub(start).Hours() / 24; tries != 10 || days < 2.9 || days > 3.2 {
		t.Errorf("%d tries in %.2f days", tries, days)
	}
	given, err := h.Store.Read().Deliveries(t.Context(), app.DeliveryGivenUp, false, 0, 10)
	if err != nil || len(given) != 1 || given[0].Status != 500 {
		t.Fatalf("%+v %v", given, err)
	}
	h.answer(http.StatusNoContent)
	if err := h.Replay(t.Context(), "alice", given[0].ID); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.Wake():
	default:
		t.Error("a replay waits for the next minute")
	}
	if got := h.deliver(); len(got) != 1 || got[0].header.Get("Webhook-Id") != id {
		t.Errorf("%+v", got)
	}
	if done, err := h.Store.Read().Deliveries(t.Context(), app.DeliveryDone, false, 0, 10); err != nil || len(done) != 1 {
		t.Errorf("%+v %v", done, err)
	}
	if h.hook().Waiting != 0 {
		t.Errorf("%d wait", h.hook().Waiting)
	}
	for name, want := range map[string]int64{db.CountDelivered: 1, db.CountDeliveryFailed: 10, db.CountDeliveryGivenUp: 1} {
		if n, err := h.Store.Read().Counted(t.Context(), h.app.ID, name, start, h.now); err != nil || n != want {
			t.Errorf("%s: %d, %v; want %d", name, n, err, want)
		}
	}
}

func TestSecretsAreRenewed(t *testing.T) {
	h := newHouse(t)
	hook, old := h.add()
	fresh, err := h.NewSecret(t.Context(), "alice", hook.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after    time.Duration
		old, new int
	}{{0, 1, 1}, {23 * time.Hour, 1, 1}, {25 * time.Hour, 0, 1}} {
		h.now = start.Add(c.after)
		h.announce(app.UserFirstLogin)
		got := h.deliver()
		if len(got) != 1 || signed(got[0], old) != c.old || signed(got[0], fresh) != c.new {
			t.Errorf("after %v: %v", c.after, got)
		}
	}
	files, err := filepath.Glob(filepath.Join(h.folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		for _, secret := range []string{string(old), string(fresh), "planted-path"} {
			if err == nil && bytes.Contains(text, []byte(strings.TrimPrefix(secret, "whsec_"))) {
				t.Errorf("a secret stands in %s", file)
			}
		}
	}
	if strings.Contains(h.log.String(), "planted") {
		t.Error("the log tells a secret")
	}
}

// Whoever is erased is told to the back end, and then nothing of them stays.
func TestErasingLeavesNothing(t *testing.T) {
	h := newHouse(t)
	h.add()
	h.announce(app.UserFirstLogin)
	h.deliver()
	h.announce(app.UserProfileChanged) // waits
	h.write(func(tx *db.Tx) error {
		if err := tx.EraseUser(h.Ring, h.user, h.now); err != nil {
			return err
		}
		return tx.Announce(h.now, app.UserErased, h.user, "")
	})
	if h.hook().Waiting != 1 {
		t.Errorf("%d wait", h.hook().Waiting)
	}
	if got := h.deliver(); len(got) != 1 || !strings.Contains(got[0].body, `"user.erased"`) || !strings.Contains(got[0].body, "o-planted") {
		t.Errorf("%+v", got)
	}
	if err := h.Store.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(h.folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte("o-planted")) {
			t.Errorf("the openid stands in %s", file)
		}
	}
}

// A webhook whose deliveries pile up loses what comes next, and nothing else.
func TestOnlySoManyWait(t *testing.T) {
	h := newHouse(t)
	hook, _ := h.add()
	h.write(func(tx *db.Tx) error { return tx.CountWaiting(hook.ID, db.DeliveriesWaiting-1) })
	for range 3 {
		h.announce(app.UserFirstLogin)
	}
	if hook = h.hook(); hook.Waiting != db.DeliveriesWaiting || hook.Dropped != 2 {
		t.Errorf("%+v", hook)
	}
}

// Whom a back end may keep no longer it hears of, however much waits.
func TestErasuresAreKeptForAFullWebhook(t *testing.T) {
	h := newHouse(t)
	hook, _ := h.add()
	h.write(func(tx *db.Tx) error { return tx.CountWaiting(hook.ID, db.DeliveriesWaiting) })
	h.announce(app.UserProfileChanged)
	h.announce(app.UserConsentWithdraw)
	h.announce(app.UserErased)
	if hook = h.hook(); hook.Waiting != db.DeliveriesWaiting+2 || hook.Dropped != 1 {
		t.Errorf("%d wait, %d dropped", hook.Waiting, hook.Dropped)
	}
	if got := h.deliver(); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

// An answer is taken by its status: what stands in it is nobody's business.
func TestALongAnswerSaysYes(t *testing.T) {
	h := newHouse(t)
	h.text = strings.Repeat("x", 64<<10+1)
	h.add()
	h.announce(app.UserFirstLogin)
	if got := h.deliver(); len(got) != 1 || h.hook().Waiting != 0 || h.hook().Problem != "" {
		t.Errorf("%d calls, %+v", len(got), h.hook())
	}
	h.answer(http.StatusInternalServerError)
	h.announce(app.UserFirstLogin)
	if got := h.deliver(); len(got) != 1 || h.hook().Waiting != 1 || h.hook().Problem == "" {
		t.Errorf("%d calls, %+v", len(got), h.hook())
	}
}

// Deliveries name users: after 30 days they are forgotten, also those that nobody came for.
func TestOldDeliveriesAreForgotten(t *testing.T) {
	h := newHouse(t)
	hook, _ := h.add()
	h.write(func(tx *db.Tx) error {
		for range 2001 {
			hook, err := tx.Webhook(t.Context(), hook.ID)
			if err != nil {
				return err
			}
			err = tx.AnnounceTo(h.now, hook, app.Delivery{AppID: h.app.ID, What: app.UserErased, UserID: 7, OpenID: "o-planted"})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := h.Disable(t.Context(), "alice", hook.ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		days  time.Duration
		waits int64
	}{{29, 2001}, {31, 0}} {
		h.now = start.Add(c.days * 24 * time.Hour)
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		left, err := h.Store.Read().Deliveries(t.Context(), 0, true, 0, 3000)
		if err != nil || int64(len(left)) != c.waits || int64(h.hook().Waiting) != c.waits {
			t.Errorf("after %d days: %d are there, %d wait, %v", c.days, len(left), h.hook().Waiting, err)
		}
	}
	given, err := h.Store.Read().Counted(t.Context(), h.app.ID, db.CountDeliveryGivenUp, start, h.now)
	if err != nil || given != 2001 {
		t.Errorf("%d count as given up, %v", given, err)
	}
	deleted := func(tx *db.Tx) (err error) {
		n, err := tx.ForgetDeliveriesBefore(h.now.Add(time.Hour), h.now, 2)
		if n != 2 {
			t.Errorf("%d were forgotten at once", n)
		}
		return err
	}
	if err := h.Enable(t.Context(), "alice", hook.ID); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		h.announce(app.UserFirstLogin)
	}
	h.write(deleted)
}

func TestDisabledWebhooksHearNothing(t *testing.T) {
	h := newHouse(t)
	hook, _ := h.add()
	if err := h.Disable(t.Context(), "alice", hook.ID); err != nil {
		t.Fatal(err)
	}
	h.announce(app.UserFirstLogin)
	if err := h.Enable(t.Context(), "alice", hook.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.deliver(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if err := h.Test(t.Context(), "alice", hook.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.deliver(); len(got) != 1 || !strings.Contains(got[0].body, "webhook.test") {
		t.Errorf("%+v", got)
	}
	if err := h.Remove(t.Context(), "alice", hook.ID); err != nil {
		t.Fatal(err)
	}
	h.announce(app.UserFirstLogin)
	if left, err := h.Store.Read().Deliveries(t.Context(), 0, true, 0, 10); err != nil || len(left) != 0 {
		t.Errorf("%+v %v", left, err)
	}
}
