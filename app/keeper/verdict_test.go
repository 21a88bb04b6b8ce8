package keeper_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

const (
	keyGood = `{"errcode":0,"errmsg":"ok"}`
	keyDead = `{"errcode":87009,"errmsg":"invalid signature rid: 6541-dead"}`
)

// checked lets WeChat be asked in the background.
func checked(s *keeper.Settings) { s.ChecksPerMinute = 600 }

func (h *house) weChatSaysOfKeys(answer string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.check = func(string) string { return answer }
}

func (h *house) state(openid string) app.KeyState {
	return h.keys(openid)[0].Freshness(h.clock(), 24*time.Hour).State
}

// eventually waits for what happens in the background.
func (h *house) eventually(what string, happened func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); {
		if time.Now().After(deadline) {
			h.t.Fatalf("never happened: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func (h *house) probing() keeper.Probing {
	h.t.Helper()
	p, err := h.Probing(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// TestTheLifeOfAKey tells the whole story.
func TestTheLifeOfAKey(t *testing.T) {
	h := newHouse(t, checked)
	key := newKey(t)
	login := h.login("oA", key)
	expect := func(state app.KeyState, next app.Next) {
		t.Helper()
		session, err := h.Session(t.Context(), h.caller(), keeper.ByToken(login.Token.Reveal()))
		if err != nil || session.Key != state || session.Next != next {
			t.Fatalf("the key is %s, next %s, %v; want %s, %s", session.Key, session.Next, err, state, next)
		}
		counts, err := h.store.Read().KeyCounts(t.Context(), 1, h.clock(), 24*time.Hour)
		if err != nil || counts[h.state("oA")] != 1 {
			t.Fatalf("counts are %v, %v", counts, err)
		}
	}
	expect(app.KeyNew, app.NextOK)
	if _, err := h.open(login.Token, h.seal(key, profileOf("一"))); err != nil {
		t.Fatal(err)
	}
	expect(app.KeyConfirmed, app.NextOK)
	h.pass(24 * time.Hour)
	expect(app.KeyAging, app.NextLoginFirst)

	answered := make(chan struct{})
	h.lock.Lock()
	h.check = func(string) string { <-answered; return keyDead }
	h.lock.Unlock()
	if _, err := h.open(login.Token, h.seal(newKey(t), profileOf("二"))); app.KindOf(err) != app.SealedDataUnopened {
		t.Fatal(err)
	}
	expect(app.KeyAging, app.NextLoginFirst) // a client is told of no suspicion
	if state := h.state("oA"); state != app.KeySuspect {
		t.Errorf("the key is %s", state)
	}
	failed := h.lastEvent("oA")
	if failed.Reason != app.OpenNoKeyFits {
		t.Errorf("event is %s", failed.Reason)
	}
	close(answered)
	h.eventually("the verdict", func() bool { return h.lastEvent("oA").Reason == app.OpenKeyDead })
	expect(app.KeyDead, app.NextLoginFirst)
	if event := h.lastEvent("oA"); event.RequestID != failed.RequestID || event.Errcode != 87009 || event.Rid != "6541-dead" {
		t.Errorf("the outcome is %+v", event)
	}

	h.pass(time.Minute)
	key = newKey(t)
	login = h.login("oA", key)
	expect(app.KeyNew, app.NextOK)
	if _, err := h.open(login.Token, h.seal(key, profileOf("三"))); err != nil {
		t.Fatal(err)
	}
	expect(app.KeyConfirmed, app.NextOK)
}

func TestAGoodKeyMeansOtherData(t *testing.T) {
	h := newHouse(t, checked)
	login := h.login("oA", newKey(t))
	h.weChatSaysOfKeys(keyGood)
	h.pass(time.Minute)
	if _, err := h.open(login.Token, h.seal(newKey(t), profileOf("x"))); err == nil {
		t.Fatal("opened")
	}
	h.eventually("the verdict", func() bool { return h.lastEvent("oA").Reason == app.OpenOtherKey })
	if event := h.lastEvent("oA"); !event.Detail.KeyObtainedAt.Equal(start) {
		t.Errorf("the event does not say when the key changed: %+v", event.Detail)
	}
	if state := h.state("oA"); state != app.KeyConfirmed {
		t.Errorf("the key is %s", state)
	}
}

func TestAKeyKnownToBeDeadIsNotAskedAbout(t *testing.T) {
	h := newHouse(t, checked)
	login := h.login("oA", newKey(t))
	h.weChatSaysOfKeys(keyDead)
	if verdict, err := h.CheckNow(t.Context(), order, login.User); err != nil || verdict.State != app.KeyDead {
		t.Fatalf("%+v, %v", verdict, err)
	}
	calls := h.calls
	if _, err := h.open(login.Token, h.seal(newKey(t), profileOf("x"))); err == nil {
		t.Fatal("opened")
	}
	if event := h.lastEvent("oA"); event.Reason != app.OpenKeyDead {
		t.Errorf("event is %s", event.Reason)
	}
	if h.calls != calls {
		t.Error("WeChat was asked")
	}
}

func TestCheckNow(t *testing.T) {
	for name, test := range map[string]struct {
		answer  string
		confirm bool // by use, just before
		state   app.KeyState
		reason  app.Reason
		event   app.Reason
	}{
		"good":            {answer: keyGood, state: app.KeyConfirmed, reason: app.KeyConfirmedWeChat, event: app.LoginFirst},
		"dead":            {answer: keyDead, state: app.KeyDead, reason: app.KeyFoundDead, event: app.KeyFoundDead},
		"taken elsewhere": {answer: keyDead, confirm: true, state: app.KeyDead, reason: app.KeyTakenElsewhere, event: app.KeyTakenElsewhere},
		"no live key":     {answer: `{"errcode":87007,"errmsg":"session_key not existed rid: 6541-dead"}`, state: app.KeyDead, reason: app.KeyFoundDead, event: app.KeyFoundDead},
		"no verdict":      {answer: `{"errcode":45011,"errmsg":"api minute-quota rid: 6541-dead"}`, reason: app.KeyCheckFailed, event: app.KeyCheckFailed},
		"unknown openid":  {answer: `{"errcode":40003,"errmsg":"invalid openid rid: 6541-dead"}`, reason: app.KeyCheckFailed, event: app.KeyCheckFailed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			key := newKey(t)
			login := h.login("oA", key)
			if test.confirm {
				if _, err := h.open(login.Token, h.seal(key, profileOf("x"))); err != nil {
					t.Fatal(err)
				}
			}
			h.weChatSaysOfKeys(test.answer)
			verdict, err := h.CheckNow(t.Context(), order, login.User)
			if err != nil || verdict.State != test.state || verdict.Reason != test.reason {
				t.Errorf("verdict %+v, %v", verdict, err)
			}
			if event := h.lastEvent("oA"); event.Reason != test.event {
				t.Errorf("event is %s", event.Reason)
			}
			rows, err := h.store.Read().AuditRows(t.Context(), 0, 10)
			if err != nil || len(rows) != 1 || rows[0].Action != app.ActionCheck || rows[0].Reason != order.Reason {
				t.Errorf("audit is %+v, %v", rows, err)
			}
		})
	}
}

func TestALateVerdictNeverTouchesANewerKey(t *testing.T) {
	h := newHouse(t)
	old, fresh := newKey(t), newKey(t)
	login := h.login("oA", old)
	asked, release := make(chan struct{}), make(chan struct{})
	h.lock.Lock()
	h.check = func(string) string { close(asked); <-release; return keyDead }
	h.lock.Unlock()
	done := make(chan error)
	go func() {
		_, err := h.CheckNow(context.Background(), order, login.User)
		done <- err
	}()
	<-asked
	h.login("oA", fresh)
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, key := range h.keys("oA") {
		if !key.DeadAt.IsZero() {
			t.Errorf("key %s is dead", key.Fingerprint)
		}
	}
	if state := h.state("oA"); state != app.KeyNew {
		t.Errorf("the new key is %s", state)
	}
}

func TestReset(t *testing.T) {
	h := newHouse(t)
	old, made := newKey(t), newKey(t)
	login := h.login("oA", old)
	h.lock.Lock()
	h.reset = func(openid string) string {
		return fmt.Sprintf(`{"errcode":0,"errmsg":"ok","openid":%q,"session_key":%q}`, openid, made.Reveal())
	}
	h.lock.Unlock()
	h.pass(time.Second)
	verdict, err := h.Reset(t.Context(), order, login.User)
	if err != nil || verdict.Reason != app.KeyReset {
		t.Fatalf("%+v, %v", verdict, err)
	}
	keys := h.keys("oA")
	if len(keys) != 2 || keys[0].Fingerprint != h.ring.Fingerprint(made) || keys[0].ResetAt.IsZero() {
		t.Errorf("keys are %+v", keys)
	}
	if _, err := h.open(login.Token, h.seal(made, profileOf("新"))); err != nil {
		t.Errorf("data sealed under the new key: %v", err)
	}
	if _, err := h.Reset(t.Context(), order, login.User); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("a second reset: %v", err)
	}
	h.pass(25 * time.Hour)
	h.lock.Lock()
	h.reset = func(string) string { return `{"errcode":45011,"errmsg":"freq limit rid: 6541-abc"}` }
	h.lock.Unlock()
	if verdict, err := h.Reset(t.Context(), order, login.User); err != nil || verdict.Reason != app.KeyResetRefused || verdict.Errcode != 45011 {
		t.Errorf("refused: %+v, %v", verdict, err)
	}
	if event := h.lastEvent("oA"); event.Reason != app.KeyResetRefused {
		t.Errorf("event is %s", event.Reason)
	}
}

func TestFollowKeyEndsSessionsWithTheKey(t *testing.T) {
	h := newHouse(t, func(s *keeper.Settings) { s.FollowKey = true })
	login := h.login("oA", newKey(t))
	h.weChatSaysOfKeys(keyDead)
	if _, err := h.CheckNow(t.Context(), order, login.User); err != nil {
		t.Fatal(err)
	}
	if _, err := h.session(login.Token); app.KindOf(err) != app.InvalidToken {
		t.Errorf("error is %v", err)
	}
	events, err := h.store.Read().EventsOf(t.Context(), h.user("oA").LastEvent, 10)
	if err != nil || !slices.ContainsFunc(events, func(e app.Event) bool { return e.Reason == app.DeviceKeyDead }) {
		t.Errorf("events are %+v, %v", events, err)
	}
}

func TestProbeWalksTheLongestUnconfirmed(t *testing.T) {
	h := newHouse(t, func(s *keeper.Settings) { s.ChecksPerMinute = 10 })
	for i := range 25 {
		h.pass(time.Minute)
		h.login(fmt.Sprint("o", i), newKey(t))
	}
	var asked []string
	h.lock.Lock()
	h.check = func(openid string) string {
		h.lock.Lock()
		asked = append(asked, openid)
		h.lock.Unlock()
		if openid == "o3" {
			return keyDead
		}
		return keyGood
	}
	h.lock.Unlock()
	if err := h.Probe(t.Context()); err != nil || len(asked) != 0 {
		t.Fatalf("young keys were asked about: %v, %v", asked, err)
	}
	h.pass(25 * time.Hour)
	for turn := range 3 {
		if err := h.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.Probe(t.Context()); err != nil { // beyond the minute's budget
			t.Fatal(err)
		}
		if want := min(25, 10*(turn+1)); len(asked) != want {
			t.Errorf("turn %d: %d keys asked about, want %d", turn, len(asked), want)
		}
		h.pass(time.Minute)
	}
	for turn := range slices.Chunk(asked, 10) { // four at a time, so the order within a turn is not exact
		oldest := 25 - len(asked)
		asked = asked[len(turn):]
		for i := range turn {
			if openid := fmt.Sprint("o", oldest+i); !slices.Contains(turn, openid) {
				t.Errorf("%s is missing in a turn of %v", openid, turn)
			}
		}
	}
	if state := h.state("o3"); state != app.KeyDead {
		t.Errorf("o3 is %s", state)
	}
	if p := h.probing(); p.Checked != 25 || p.Dead != 1 || p.Failed != 0 {
		t.Errorf("progress is %+v", p)
	}
}

func TestProbePauses(t *testing.T) {
	const keys = 12
	for name, test := range map[string]struct {
		answer    string
		pause     time.Duration
		all       bool // no reason to stop asking
		againSoon bool // those asked in vain are asked again after the pause
	}{
		"day quota":      {answer: `{"errcode":45009,"errmsg":"reach max api daily quota limit rid: 6541-abc"}`, pause: 8 * time.Hour, againSoon: true}, // it is 8 in the morning, UTC
		"minute quota":   {answer: `{"errcode":45011,"errmsg":"api minute-quota rid: 6541-abc"}`, pause: time.Minute},
		"unknown openid": {answer: `{"errcode":40003,"errmsg":"invalid openid rid: 6541-abc"}`, all: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, checked)
			for i := range keys {
				h.login(fmt.Sprint("o", i), newKey(t))
			}
			h.pass(48 * time.Hour)
			asked := 0
			h.lock.Lock()
			h.check = func(string) string {
				h.lock.Lock()
				defer h.lock.Unlock()
				asked++
				return test.answer
			}
			h.lock.Unlock()
			if err := h.Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if inVain := asked; test.all != (inVain == keys) || inVain > keys || !test.all && inVain > keeper.Probers {
				t.Errorf("%d asked about", inVain)
			}
			if got := h.probing().PausedUntil.Sub(h.clock()); got != test.pause {
				t.Errorf("pauses for %v, want %v", got, test.pause)
			}
			h.weChatSaysOfKeys(keyGood)
			h.pass(test.pause)
			if err := h.Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			good := 0
			for i := range keys {
				if h.state(fmt.Sprint("o", i)) == app.KeyConfirmed {
					good++
				}
			}
			want := keys - asked
			if test.againSoon {
				want = keys
			}
			if good != want {
				t.Errorf("after the pause %d keys are confirmed, want %d", good, want)
			}
		})
	}
}

// listed counts the users that EachUserInState visits, and checks that each is in the state.
func (h *house) listed(state app.KeyState) (n int64) {
	h.t.Helper()
	err := h.EachUserInState(context.Background(), state, 24*time.Hour, func(number app.UserNumber) error {
		n++
		user, err := h.store.Read().UserByNumber(context.Background(), 1, number)
		if got := h.state(string(user.OpenID)); err == nil && got != state {
			h.t.Errorf("%s is %s, not %s", user.OpenID, got, state)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestCountsFollowEveryChange(t *testing.T) {
	h := newHouse(t) // without a budget, so that nothing changes behind the test's back
	h.weChatSaysOfKeys(keyDead)
	keys := map[string]app.SessionKey{}
	tokens := map[string]keeper.Login{}
	for step := range 120 {
		openid := fmt.Sprint("o", step%7)
		h.pass(97 * time.Minute)
		switch {
		case keys[openid].Secret == "" || step%5 == 0:
			keys[openid] = newKey(t)
			tokens[openid] = h.login(openid, keys[openid])
		case step%5 == 1:
			if _, err := h.CheckNow(t.Context(), order, tokens[openid].User); err != nil {
				t.Fatal(err)
			}
		case step%5 == 2:
			tokens[openid] = h.login(openid, keys[openid])
		case step%5 == 3:
			h.open(tokens[openid].Token, h.seal(keys[openid], payload{"nickName": "x"}))
		default:
			h.open(tokens[openid].Token, h.seal(newKey(t), payload{"nickName": "x"}))
		}
		want := map[app.KeyState]int64{}
		for openid := range keys {
			want[h.state(openid)]++
		}
		got, err := h.store.Read().KeyCounts(t.Context(), 1, h.clock(), 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range app.KeyStates() {
			if listed := h.listed(state); got[state] != want[state] || listed != want[state] {
				t.Fatalf("step %d: %s: listed %d, counted %v, want %v", step, state, listed, got, want)
			}
		}
	}
}
