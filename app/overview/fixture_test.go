package overview_test

import (
	"cmp"
	"log/slog"
	"slices"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/overview"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const appid = app.Appid("wx0123456789abcdef")

var china = time.FixedZone("CST", 8*60*60)

// noon is when every test takes place: half past noon in China, a Monday.
var noon = time.Date(2026, 11, 23, 12, 30, 0, 0, china)

// house is an overview of an app of its own. Nothing in it calls WeChat.
type house struct {
	overview.Overview
	t    testing.TB
	ring *db.KeyRing
	app  app.App
	past []past // not stored yet
}

// past is an event that happened some time before noon.
type past struct {
	ago   time.Duration
	event app.Event
}

func newHouse(t testing.TB) *house {
	t.Helper()
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, noon)
	if err != nil {
		t.Fatal(err)
	}
	one, err := store.EnsureApp(t.Context(), appid, noon)
	if err != nil {
		t.Fatal(err)
	}
	client, err := wechat.NewClient(wechat.Options{BaseURL: "http://127.0.0.1:9", Appid: appid, Secret: "planted-app-secret"})
	if err != nil {
		t.Fatal(err)
	}
	keys := keeper.New(keeper.Options{
		App: one, Store: store, Ring: ring, WeChat: client, Log: slog.New(slog.DiscardHandler),
		Clock:    func() time.Time { return noon },
		Settings: keeper.Settings{KeyAging: 24 * time.Hour, ChecksPerMinute: 60},
	})
	t.Cleanup(keys.Close)
	return &house{Overview: overview.Overview{Store: store, Keeper: keys, WeChat: client}, t: t, ring: ring, app: one}
}

// happen lets n events of one kind happen at once, so long ago.
func (h *house) happen(ago time.Duration, n int, event app.Event) {
	event.AppID = h.app.ID
	for range n {
		h.past = append(h.past, past{ago, event})
	}
}

// reasons lets n events of a reason happen.
func (h *house) reasons(ago time.Duration, n int, reason app.Reason) {
	h.happen(ago, n, app.Event{Reason: reason, UserID: 1})
}

// store stores what has happened, in its order: ids only grow.
func (h *house) store() {
	h.t.Helper()
	slices.SortStableFunc(h.past, func(a, b past) int { return cmp.Compare(b.ago, a.ago) })
	h.write(func(tx *db.Tx) error {
		for _, one := range h.past {
			tx.AddEvent(noon.Add(-one.ago), one.event)
		}
		return nil
	})
	h.past = nil
}

func (h *house) write(fn func(*db.Tx) error) {
	h.t.Helper()
	if err := h.Store.Write(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}
