package operator_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/operator"
)

func TestSessionsEndByTime(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	idle := d.signIn("李")
	d.pass(30*time.Minute - time.Millisecond)
	d.wantSignedIn("just before idle", idle, true)
	d.pass(30*time.Minute - time.Millisecond)
	d.wantSignedIn("used meanwhile", idle, true)
	d.pass(30 * time.Minute)
	d.wantSignedIn("idle", idle, false)
	d.wantSignedIn("idle, looked at twice", idle, false)

	used := d.signIn("李")
	for range 12*4 - 1 {
		d.pass(15 * time.Minute)
		d.wantSignedIn("in use", used, true)
	}
	d.pass(15*time.Minute - time.Millisecond)
	d.wantSignedIn("just before 12 hours", used, true)
	d.pass(time.Millisecond)
	d.wantSignedIn("after 12 hours", used, false)
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	cookie := d.signIn("李")
	writes := func(work func()) uint64 {
		_, before := d.store.Written()
		work()
		_, after := d.store.Written()
		return after - before
	}
	for step, want := range []uint64{0, 0, 1, 0, 0, 1} { // each half a minute later
		if got := writes(func() { d.present(cookie) }); got != want {
			t.Errorf("use %d wrote %d times, want %d", step, got, want)
		}
		d.pass(30 * time.Second)
		if step == 3 {
			d.pass(-30 * time.Second)
		}
	}
	d.pass(29 * time.Minute)
	if got := writes(func() {
		if _, err := d.Peek(t.Context(), cookie); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("peeking wrote %d times", got)
	}
	d.pass(time.Minute)
	d.wantSignedIn("peeked at only", cookie, false)
}

func TestUseThatCannotBeNotedIsNoRefusal(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	cookie := d.signIn("李")
	d.pass(2 * time.Minute)
	d.sql("CREATE TRIGGER full BEFORE UPDATE ON operator_sessions BEGIN SELECT RAISE(ABORT, 'no room'); END")
	d.wantSignedIn("on a full disk", cookie, true)
	if !strings.Contains(d.log.String(), "not noted") {
		t.Errorf("logged %q", d.log)
	}
	d.pass(28 * time.Minute)
	d.wantSignedIn("idle on a full disk", cookie, false)

	ended := d.signIn("李")
	d.pass(2 * time.Minute)
	d.sql("DROP TRIGGER full")
	d.sql("CREATE TRIGGER gone BEFORE UPDATE ON operator_sessions BEGIN SELECT RAISE(IGNORE); END") // as if it ended meanwhile
	d.wantSignedIn("ended between reading and noting", ended, false)
}

func TestSignOut(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	here, elsewhere := d.signIn("李"), d.signIn("李")
	present := d.present(here)
	d.wantRecorded("sign out", func() {
		for range 2 {
			if err := d.SignOut(t.Context(), present); err != nil {
				t.Error(err)
			}
		}
	}, "operators.sign_out by 李, : 192.0.2.1")
	d.wantSignedIn("here", here, false)
	d.wantSignedIn("elsewhere", elsewhere, true)
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	d.add("王", app.RoleAdmin)
	d.add("李", app.RoleOperator)
	stranger := d.signIn("王")
	over := d.signIn("李")
	d.pass(29 * time.Minute)
	d.present(stranger)
	cookies := []app.Secret{d.signIn("李"), d.signIn("李"), d.signIn("李"), d.signIn("李")}
	d.pass(time.Minute)
	sessions, err := d.Sessions(ctx, "李")
	if err != nil || len(sessions) != len(cookies) {
		t.Fatalf("%d sessions, %v", len(sessions), err)
	}
	counts, err := d.SessionCounts(ctx)
	if err != nil || len(counts) != 2 || counts[d.present(cookies[0]).Operator.ID] != len(cookies) || counts[d.present(stranger).Operator.ID] != 1 {
		t.Errorf("counted %v, %v", counts, err)
	}
	for i, cookie := range cookies {
		if present := d.present(cookie); present.Session.ID != sessions[len(cookies)-1-i].ID {
			t.Errorf("session %d is listed elsewhere", i)
		}
	}
	d.wantSignedIn("not listed any more", over, false)

	d.wantRecorded("one", func() {
		if err := d.EndSession(ctx, by, "李", d.present(cookies[1]).Session.ID); err != nil {
			t.Error(err)
		}
	}, "operators.end_sessions by 王, 测试: 李: 1")
	d.wantRecorded("another's", func() {
		if err := d.EndSession(ctx, by, "李", d.present(stranger).Session.ID); app.KindOf(err) != app.NotFound {
			t.Errorf("another's session: %v", err)
		}
	})
	d.wantSignedIn("the one ended", cookies[1], false)
	d.wantSignedIn("one left", cookies[0], true)

	d.wantRecorded("all but one", func() {
		ended, err := d.EndSessions(ctx, by, "李", d.present(cookies[3]).Session.ID)
		if err != nil || ended != 3 { // with the one that is over
			t.Errorf("ended %d, %v", ended, err)
		}
	}, "operators.end_sessions by 王, 测试: 李: 3")
	d.wantSignedIn("ended with all others", cookies[0], false)
	d.wantSignedIn("the one kept", cookies[3], true)
	if ended, err := d.EndSessions(ctx, by, "李", 0); err != nil || ended != 1 {
		t.Errorf("ended %d, %v", ended, err)
	}
	d.wantSignedIn("ended at last", cookies[3], false)
	d.wantSignedIn("somebody else", stranger, true)
	for what, err := range map[string]error{"sessions": second(d.Sessions(ctx, "nobody")), "end": second(d.EndSessions(ctx, by, "nobody", 0))} {
		if app.KindOf(err) != app.NotFound {
			t.Errorf("%s of nobody: %v", what, err)
		}
	}
}

func TestSweepDeletesWhatIsOver(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	rows := func() string { return readColumn(d, "COUNT(*)") }
	idle, used := d.signIn("李"), d.signIn("李")
	for range 3 {
		d.pass(20 * time.Minute)
		d.present(used)
	}
	if err := d.Sweep(t.Context()); err != nil || rows() != "1" {
		t.Errorf("%s rows left, %v", rows(), err)
	}
	d.wantSignedIn("swept", idle, false)
	d.wantSignedIn("in use", used, true)
	for range 34 {
		d.pass(20 * time.Minute)
		d.sql("UPDATE operator_sessions SET seen_at = ?", d.clock().UnixMilli())
	}
	if err := d.Sweep(t.Context()); err != nil || rows() != "0" {
		t.Errorf("%s rows left after 12 hours of use, %v", rows(), err)
	}
}

func TestValuesAreSealedAndBound(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	d.add("李", app.RoleOperator)
	one, other := d.present(d.signIn("李")), d.present(d.signIn("李"))
	if values, err := d.LoadValues(ctx, one.Session); err != nil || len(values) != 0 {
		t.Errorf("a new session remembers %q, %v", values, err)
	}
	for _, values := range []string{"密钥已重置", "", "another\x00value", strings.Repeat("x", 8<<10)} {
		if err := d.SaveValues(ctx, one.Session, []byte(values)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.LoadValues(ctx, one.Session); err != nil || string(got) != values {
			t.Errorf("remembers %.20q, %v", got, err)
		}
		if stored := readColumn(d, "MAX(sealed_values)"); values != "" && strings.Contains(stored, values) {
			t.Error("values stand in clear")
		}
	}
	if values, err := d.LoadValues(ctx, other.Session); err != nil || len(values) != 0 {
		t.Errorf("another session remembers %q, %v", values, err)
	}
	if err := d.SaveValues(ctx, one.Session, bytes.Repeat([]byte("x"), 8<<10+1)); app.KindOf(err) != app.Malformed {
		t.Errorf("more than 8 KiB: %v", err)
	}
	d.sql("UPDATE operator_sessions SET sealed_values = (SELECT MAX(sealed_values) FROM operator_sessions)")
	if values, err := d.LoadValues(ctx, other.Session); err == nil {
		t.Errorf("values opened in another row: %.20q", values)
	}
	if err := d.SignOut(ctx, one); err != nil {
		t.Fatal(err)
	}
	if err := d.SaveValues(ctx, one.Session, []byte("x")); app.KindOf(err) != app.InvalidToken {
		t.Errorf("saved after the end: %v", err)
	}
	if _, err := d.LoadValues(ctx, one.Session); app.KindOf(err) != app.InvalidToken {
		t.Errorf("loaded after the end: %v", err)
	}
}

func TestASessionEndsInEveryProcess(t *testing.T) {
	d := newDesk(t)
	d.add("王", app.RoleAdmin)
	d.add("李", app.RoleOperator)
	cookie := d.signIn("李")
	d.wantSignedIn("here", cookie, true)
	beside := operator.New(operator.Options{Store: d.store, Ring: d.ring, Clock: d.clock})
	if err := beside.Disable(t.Context(), by, "李"); err != nil {
		t.Fatal(err)
	}
	d.wantSignedIn("after another process disabled the account", cookie, false)
}
