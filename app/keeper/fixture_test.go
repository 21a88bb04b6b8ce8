package keeper_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const appid = app.Appid("wx0123456789abcdef")

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// house is a keeper with real storage, a WeChat of one handler, and a clock that stands still.
type house struct {
	*keeper.Keeper
	Options keeper.Options // what it was made of, to make another on the same data

	t      testing.TB
	folder string
	store  *db.DB
	ring   *db.KeyRing
	lock   sync.Mutex
	now    time.Time
	answer func(code string) string // what WeChat says
	calls  int
	check  func(openid string) string // what it says of a key
	reset  func(openid string) string
	phone  string // what it answers when asked for a phone number, or about a sealed one

	onPhone func() // called when it is asked for a phone number
}

func newHouse(t testing.TB, change ...func(*keeper.Settings)) *house {
	t.Helper()
	h := &house{t: t, now: start, folder: t.TempDir()}
	h.answer = func(string) string { return `{"errcode":40029,"errmsg":"invalid code, rid: 6541-abc"}` }
	weChat := httptest.NewServer(http.HandlerFunc(h.serveWeChat))
	t.Cleanup(weChat.Close)
	client, err := wechat.NewClient(wechat.Options{BaseURL: weChat.URL, Appid: appid, Secret: "planted-app-secret"})
	if err != nil {
		t.Fatal(err)
	}
	if h.store, err = db.Open(t.Context(), h.folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	if h.ring, err = h.store.EnsureKeyRing(t.Context(), [32]byte{1}, start); err != nil {
		t.Fatal(err)
	}
	one, err := h.store.EnsureApp(t.Context(), appid, start)
	if err != nil {
		t.Fatal(err)
	}
	settings := keeper.Settings{
		Sessions: app.SessionPolicy{Idle: 30 * 24 * time.Hour, MaxAge: 180 * 24 * time.Hour},
		KeyGrace: 10 * time.Minute, KeyAging: 24 * time.Hour, SealedMaxAge: 24 * time.Hour, EventsKeep: 30 * 24 * time.Hour, LimitFailures: true,
	}
	for _, one := range change {
		one(&settings)
	}
	h.Options = keeper.Options{
		App: one, Store: h.store, Ring: h.ring, WeChat: client, Settings: settings, Clock: h.clock,
		Log: slog.New(slog.DiscardHandler),
	}
	h.Keeper = keeper.New(h.Options)
	t.Cleanup(h.settle)
	return h
}

func (h *house) serveWeChat(w http.ResponseWriter, r *http.Request) {
	h.lock.Lock()
	h.calls++
	answer, check, reset, phone, onPhone := h.answer, h.check, h.reset, h.phone, h.onPhone
	h.lock.Unlock()
	query := r.URL.Query()
	switch r.URL.Path {
	case "/cgi-bin/stable_token":
		fmt.Fprint(w, `{"access_token":"planted-access-token","expires_in":7200}`)
	case "/wxa/checksession":
		fmt.Fprint(w, check(query.Get("openid")))
	case "/wxa/business/getuserphonenumber", "/wxa/business/checkencryptedmsg":
		if onPhone != nil {
			onPhone()
		}
		fmt.Fprint(w, phone)
	case "/wxa/resetusersessionkey":
		fmt.Fprint(w, reset(query.Get("openid")))
	default:
		fmt.Fprint(w, answer(query.Get("js_code")))
	}
}

func (h *house) clock() time.Time {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) weChatSays(answer func(code string) string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.answer = answer
}

// settle writes what the keeper records without being waited for. The keeper may be used on, but records no more.
func (h *house) settle() {
	if h.Keeper != nil {
		h.Close()
		h.Keeper = nil
	}
}

func (h *house) caller() app.Caller {
	return app.Caller{
		RequestID: app.NewRequestID(h.clock()), At: h.clock(),
		Client: app.Client{Appid: appid, Version: "12", Platform: app.PlatformIOS, Model: "iPhone", Address: "192.0.2.1"},
	}
}

func newKey(t testing.TB) app.SessionKey {
	t.Helper()
	bytes := make([]byte, app.SessionKeyBytes)
	rand.Read(bytes)
	key, err := app.NewSessionKey(base64.StdEncoding.EncodeToString(bytes))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// login logs a user in with whom WeChat shares a key.
func (h *house) login(openid string, key app.SessionKey) keeper.Login {
	h.t.Helper()
	login, err := h.tryLogin(openid, key)
	if err != nil {
		h.t.Fatal(err)
	}
	return login
}

func (h *house) tryLogin(openid string, key app.SessionKey) (keeper.Login, error) {
	h.weChatSays(func(string) string {
		return fmt.Sprintf(`{"openid":%q,"session_key":%q}`, openid, key.Reveal())
	})
	return h.Login(context.Background(), h.caller(), "code-"+rand.Text())
}

// payload is sealed data in the making.
type payload map[string]any

// seal seals a payload with a watermark of now.
func (h *house) seal(key app.SessionKey, fields payload) keeper.Sealed {
	h.t.Helper()
	if _, ok := fields["watermark"]; !ok {
		fields["watermark"] = payload{"appid": appid, "timestamp": h.clock().Unix()}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.sealText(key, string(text))
}

func (h *house) sealText(key app.SessionKey, text string) keeper.Sealed {
	h.t.Helper()
	iv := make([]byte, 16)
	rand.Read(iv)
	data, ivText, err := wechat.Seal(key, iv, []byte(text))
	if err != nil {
		h.t.Fatal(err)
	}
	return keeper.Sealed{EncryptedData: data, IV: ivText}
}

func (h *house) open(token app.Token, sealed keeper.Sealed) (keeper.Opened, error) {
	return h.Open(context.Background(), h.caller(), keeper.ByToken(token.Reveal()), sealed)
}

// user reads the stored user of an openid.
func (h *house) user(openid string) app.User {
	h.t.Helper()
	user, err := h.store.Read().UserByOpenID(context.Background(), 1, app.OpenID(openid))
	if err != nil {
		h.t.Fatal(err)
	}
	return user
}

// lastEvent reads the newest event of an openid.
func (h *house) lastEvent(openid string) app.Event {
	h.t.Helper()
	events, err := h.store.Read().EventsOf(context.Background(), h.user(openid).LastEvent, 1)
	if err != nil || len(events) != 1 {
		h.t.Fatalf("%d events, %v", len(events), err)
	}
	return events[0]
}

// strangers reads the failures without a user, newest first.
func (h *house) strangers() []app.Event {
	h.t.Helper()
	h.settle()
	events, err := h.store.Read().StrangerEvents(context.Background(), db.StrangerEventsKept)
	if err != nil {
		h.t.Fatal(err)
	}
	return events
}

func (h *house) keys(openid string) []app.KeyRecord {
	h.t.Helper()
	keys, err := h.store.Read().KeysOfUser(context.Background(), h.user(openid).ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return keys
}

// commits counts the commits that work makes.
func (h *house) commits(work func()) uint64 {
	before, _ := h.store.Written()
	work()
	after, _ := h.store.Written()
	return after - before
}

// sql changes rows in a way no method offers yet.
func (h *house) sql(statement string, arguments ...any) {
	h.t.Helper()
	handle, err := sql.Open("sqlite", filepath.Join(h.folder, "wxkeeper.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		h.t.Fatal(err)
	}
	defer handle.Close()
	if _, err := handle.Exec(statement, arguments...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) disable(openid string) {
	h.t.Helper()
	if err := h.Disable(context.Background(), order, h.user(openid).Number); err != nil {
		h.t.Fatal(err)
	}
}

// spoilKey changes one bit of a stored key.
func (h *house) spoilKey(openid string) {
	sealed := h.keys(openid)[0].Sealed
	sealed[len(sealed)-1] ^= 1
	h.sql("UPDATE session_keys SET sealed = ? WHERE user_id = ?", sealed, h.user(openid).ID)
}
