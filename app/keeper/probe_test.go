package keeper_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

// raceDetector says whether this test was built with -race, which makes it several times slower.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// howMany keys can be walked in time. Each verdict is flushed to the disk by itself, and this is no test of the disk: where the
// system has a folder in memory the data is there.
func howMany(t *testing.T) int {
	const memory = "/dev/shm"
	info, err := os.Stat(memory)
	inMemory := err == nil && info.IsDir()
	if inMemory {
		t.Setenv("TMPDIR", memory)
	}
	switch {
	case raceDetector():
		t.Log("with the race detector only 10,000 keys are walked")
		return 10_000
	case !inMemory:
		t.Logf("without %s only 20,000 keys are walked", memory)
		return 20_000
	}
	return 100_000
}

// fillWith stores users who logged in one after the other and were never heard of again.
func (h *house) fillWith(users int) {
	h.t.Helper()
	const together = 100
	key := newKey(h.t) // one text for all: only rows and places differ
	for first := 0; first < users; first += together {
		h.pass(time.Second)
		err := h.store.Write(context.Background(), func(tx *db.Tx) error {
			for i := first; i < min(first+together, users); i++ {
				if err := h.insert(tx, i, key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) insert(tx *db.Tx, i int, key app.SessionKey) error {
	now, openid := h.clock(), app.OpenID(fmt.Sprintf("o-%06d", i))
	user := app.User{
		ID: app.UserID(tx.NewID(now)), AppID: 1, OpenID: openid, Number: app.UserNumber(100_000_000 + i), LastSeenAt: now,
	}
	if err := tx.InsertUser(user); err != nil {
		return err
	}
	id := app.KeyID(tx.NewID(now))
	return tx.InsertKey(1, app.KeyRecord{
		ID: id, UserID: user.ID, AskedAt: now, Fingerprint: h.ring.Fingerprint(key),
		Sealed: h.ring.Seal(db.KeyPlace(1, id, openid), []byte(key.Reveal())),
	})
}

// census is a WeChat that says of every key that it is good, and notes who was asked about and when.
type census struct {
	clock func() time.Time

	lock   sync.Mutex
	asked  map[string]int
	minute map[time.Time]int
	order  []string
	stopAt int // calls this after so many questions
	stop   func()
}

func newCensus(clock func() time.Time) *census {
	return &census{clock: clock, asked: map[string]int{}, minute: map[time.Time]int{}}
}

func (c *census) answer(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/checksession") {
		return answers(r, `{"access_token":"planted-access-token","expires_in":7200}`)
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	openid := r.URL.Query().Get("openid")
	c.asked[openid]++
	c.order = append(c.order, openid)
	c.minute[c.clock().Truncate(time.Minute)]++
	if len(c.order) == c.stopAt {
		c.stop()
	}
	return answers(r, keyGood)
}

// TestProbeOfAHundredThousandKeys walks them all, a minute's budget at a time, with a restart in the middle of a turn.
func TestProbeOfAHundredThousandKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("it walks 100,000 keys, which takes seconds: not with -short")
	}
	users := howMany(t)
	budget := users/16 + 1 // so that the last turn is not full
	h := newHouse(t, func(s *keeper.Settings) { s.ChecksPerMinute = budget })
	began := time.Now()
	h.fillWith(users)
	t.Logf("%d users stored after %v", users, time.Since(began).Round(time.Millisecond))
	h.pass(25 * time.Hour)

	c := newCensus(h.clock)
	ctx, cancel := context.WithCancel(t.Context())
	c.stop, c.stopAt = cancel, users/2
	first := h.over(c.answer, nil)
	for ctx.Err() == nil {
		h.turn(ctx, first, c, budget)
	}
	first.Close()
	if got := len(c.order); got < users/2 || got >= users/2+keeper.Probers {
		t.Fatalf("stopped after %d questions, not %d and those under way", got, users/2)
	}

	second := h.over(c.answer, nil)
	for turns := 0; len(c.asked) < users; turns++ {
		if turns > 16 {
			t.Fatalf("after %d turns only %d of %d keys were asked about", turns, len(c.asked), users)
		}
		h.turn(t.Context(), second, c, budget)
	}
	h.turn(t.Context(), second, c, budget) // there is nothing left to ask
	c.wantEachOnce(t, users)
	counts, err := h.store.Read().KeyCounts(t.Context(), 1, h.clock(), 24*time.Hour)
	if err != nil || counts[app.KeyConfirmed] != int64(users) {
		t.Errorf("in the end keys are %v, %v", counts, err)
	}
	t.Logf("all asked about after %v", time.Since(began).Round(time.Millisecond))
}

// turn is a minute: the job's turn and one more, which finds the budget used up.
func (h *house) turn(ctx context.Context, k *keeper.Keeper, c *census, budget int) {
	h.t.Helper()
	h.pass(time.Minute)
	for range 2 {
		if err := k.Probe(ctx); err != nil && ctx.Err() == nil {
			h.t.Fatal(err)
		}
	}
	if n := c.minute[h.clock().Truncate(time.Minute)]; n > budget {
		h.t.Fatalf("%d questions in one minute, with a budget of %d", n, budget)
	}
}

// wantEachOnce wants everybody asked about, the longest unconfirmed first, and nobody twice but those that were being asked
// about when the first process stopped: their answers may not have been written.
func (c *census) wantEachOnce(t *testing.T, users int) {
	t.Helper()
	if len(c.asked) != users || len(c.order) > users+keeper.Probers {
		t.Errorf("%d of %d keys were asked about, with %d questions", len(c.asked), users, len(c.order))
	}
	roughly := max(1000, users/10) // several are under way at once, one may dawdle, and those under way at the stop are asked about again
	for i, openid := range c.order {
		var number int
		fmt.Sscanf(openid, "o-%d", &number)
		if distance := i - number; distance < -roughly || distance > roughly {
			t.Fatalf("question %d was about %s", i, openid)
		}
	}
}

// TestProbeGoesOnPastADamagedKey: one row that does not open must not hold up everybody behind it.
func TestProbeGoesOnPastADamagedKey(t *testing.T) {
	h := newHouse(t, checked)
	for i := range 3 {
		h.login(fmt.Sprint("o", i), newKey(t))
	}
	h.spoilKey("o0")
	h.weChatSaysOfKeys(keyGood)
	h.pass(25 * time.Hour)
	for range 2 {
		h.Probe(t.Context()) // it may complain
		h.pass(time.Minute)
	}
	for _, openid := range []string{"o1", "o2"} {
		if state := h.state(openid); state != app.KeyConfirmed {
			t.Errorf("%s is %s", openid, state)
		}
	}
}
