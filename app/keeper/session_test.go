package keeper_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

func (h *house) session(token app.Token) (time.Duration, error) {
	session, err := h.Session(context.Background(), h.caller(), keeper.ByToken(token.Reveal()))
	return session.ExpiresIn, err
}

func TestSessionSlidesAndEnds(t *testing.T) {
	h := newHouse(t)
	const day = 24 * time.Hour
	login := h.login("oA", newKey(t))
	if login.ExpiresIn != 30*day {
		t.Errorf("a new session ends in %v", login.ExpiresIn)
	}
	for range 7 { // 175 days in use
		h.pass(25 * day)
		if _, err := h.session(login.Token); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := h.session(login.Token); err != nil || left.Round(time.Second) != 5*day {
		t.Errorf("after 175 days: %v left, %v", left, err)
	}
	h.pass(5 * day)
	for range 2 {
		if _, err := h.session(login.Token); app.KindOf(err) != app.InvalidToken {
			t.Errorf("after 180 days: %v", err)
		}
	}
	if event := h.lastEvent("oA"); event.Reason != app.DeviceMaxAge {
		t.Errorf("event is %s", event.Reason)
	}
}

func TestIdleSessionEndsWithOneEvent(t *testing.T) {
	h := newHouse(t)
	login := h.login("oA", newKey(t))
	h.pass(30 * 24 * time.Hour)
	for range 3 {
		if _, err := h.session(login.Token); app.KindOf(err) != app.InvalidToken {
			t.Errorf("error is %v", err)
		}
	}
	events, err := h.store.Read().EventsOf(t.Context(), h.user("oA").LastEvent, 10)
	if err != nil || len(events) != 2 || events[0].Reason != app.DeviceIdle {
		t.Errorf("events are %+v, %v", events, err)
	}
}

func TestLogoutEndsOneSession(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	first, second := h.login("oA", key), h.login("oA", key)
	if err := h.Logout(t.Context(), h.caller(), first.Token.Reveal()); err != nil {
		t.Fatal(err)
	}
	if event := h.lastEvent("oA"); event.Reason != app.DeviceLogout {
		t.Errorf("event is %s", event.Reason)
	}
	if _, err := h.open(first.Token, h.seal(key, profileOf("x"))); app.KindOf(err) != app.InvalidToken {
		t.Errorf("the ended session: %v", err)
	}
	if err := h.Logout(t.Context(), h.caller(), first.Token.Reveal()); app.KindOf(err) != app.InvalidToken {
		t.Errorf("second logout: %v", err)
	}
	if _, err := h.session(second.Token); err != nil {
		t.Errorf("the other session: %v", err)
	}
}

func TestStrangersNeverMakeUsFlush(t *testing.T) {
	h := newHouse(t)
	h.login("oA", newKey(t))
	unknown := []string{app.NewToken().Reveal(), "", "short", "token\x00", string(make([]byte, 1000)), app.NewToken().Reveal()}
	commits := h.commits(func() {
		for _, token := range unknown {
			if _, err := h.Session(t.Context(), h.caller(), keeper.ByToken(token)); app.KindOf(err) != app.InvalidToken {
				t.Errorf("%q: %v", token, err)
			}
		}
	})
	if commits > 1 { // the recorder's own turn may fall into it
		t.Errorf("%d commits", commits)
	}
	events := h.strangers()
	if len(events) != len(unknown) || events[0].Reason != app.TokenUnknown {
		t.Errorf("events are %+v", events)
	}
}

func TestFloodOfStrangersIsCountedAndBounded(t *testing.T) {
	h := newHouse(t)
	const calls, kept = 3000, 1000
	held, release := make(chan struct{}), make(chan struct{})
	go h.store.Write(t.Context(), func(*db.Tx) error {
		close(held)
		<-release
		return nil
	})
	<-held
	for range calls {
		h.Session(t.Context(), h.caller(), keeper.ByToken("unknown"))
	}
	close(release)
	events := h.strangers()
	if len(events) > 2*kept || len(events) < kept { // what was being written, and what waited behind it
		t.Errorf("%d events", len(events))
	}
	n, err := h.store.Read().Counted(t.Context(), 1, string(app.TokenUnknown), start, start)
	if err != nil || n != calls {
		t.Errorf("counted %d, %v; want %d", n, err, calls)
	}
}

func TestSweepDeletesWhatIsPastItsKeeping(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	h.login("oA", key)
	h.pass(20 * 24 * time.Hour)
	kept := h.login("oA", key)
	h.pass(11 * 24 * time.Hour)
	for range 2 {
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sessions, err := h.store.Read().SessionsOfUser(t.Context(), h.user("oA").ID)
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	if _, err := h.session(kept.Token); err != nil {
		t.Errorf("the session in use: %v", err)
	}
	events, err := h.store.Read().EventsOf(t.Context(), h.user("oA").LastEvent, 10)
	if err != nil || len(events) != 2 || events[0].Reason != app.DeviceIdle || events[1].Reason != app.LoginSameKey {
		t.Errorf("events are %+v, %v", events, err)
	}
}

func TestASessionInUseNeverIdles(t *testing.T) {
	for _, idle := range []time.Duration{6 * time.Second, 11 * time.Minute, 100 * time.Minute} {
		h := newHouse(t, func(s *keeper.Settings) { s.Sessions.Idle = idle })
		login := h.login("oA", newKey(t))
		for range 40 {
			h.pass(idle * 8 / 10)
			if _, err := h.session(login.Token); err != nil {
				t.Fatalf("idle %v: a session in use ended: %v", idle, err)
			}
		}
		h.pass(idle)
		if _, err := h.session(login.Token); app.KindOf(err) != app.InvalidToken {
			t.Errorf("idle %v: an idle session lives: %v", idle, err)
		}
	}
}

func TestARefusalChangesNoUserAndNoSession(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	h.pass(2 * time.Hour)
	sessionOf := func() app.Session {
		sessions, err := h.store.Read().SessionsOfUser(t.Context(), h.user("oA").ID)
		if err != nil || len(sessions) != 1 {
			t.Fatalf("%d sessions, %v", len(sessions), err)
		}
		return sessions[0]
	}
	user, session := h.user("oA"), sessionOf()
	for kind, sealed := range map[app.Kind]keeper.Sealed{
		app.Malformed:          {EncryptedData: "AAAA", IV: "AAAA"},
		app.SealedDataUnopened: h.seal(newKey(t), profileOf("x")),
	} {
		if _, err := h.open(login.Token, sealed); app.KindOf(err) != kind {
			t.Fatal(err)
		}
	}
	after := h.user("oA")
	after.LastEvent = user.LastEvent
	if diff := cmp.Diff(user, after); diff != "" {
		t.Errorf("the user changed: %s", diff)
	}
	if diff := cmp.Diff(session, sessionOf()); diff != "" {
		t.Errorf("the session changed: %s", diff)
	}
}

func TestStrangersEventsAreNotKeptForEver(t *testing.T) {
	h := newHouse(t)
	h.Session(t.Context(), h.caller(), keeper.ByToken("unknown"))
	keeping := h.Keeper
	if events := h.strangers(); len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	h.pass(31 * 24 * time.Hour)
	if err := keeping.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if events := h.strangers(); len(events) != 0 {
		t.Errorf("%d events left", len(events))
	}
}
