package keeper_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

func TestMattersWaitForAPerson(t *testing.T) {
	s := newScene(t)
	matters := func() []app.Matter {
		t.Helper()
		found, err := s.Matters(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	s.pushed(wechat.EventUserRevoked, wechat.RevokedPhone, 99)
	s.pushed(wechat.EventUserRevoked, 99) // the same message again
	user := s.user("oA")
	want := app.Matter{
		EventID: user.LastEvent, AppID: 1, UserID: user.ID, User: user.Number, Reason: app.ConsentUnknown, Problem: "99",
	}
	if diff := cmp.Diff([]app.Matter{want}, matters()); diff != "" {
		t.Fatal(diff)
	}
	if event := s.lastEvent("oA"); event.ID != want.EventID || event.Reason != app.ConsentUnknown || !want.At().Equal(s.clock()) {
		t.Errorf("the event is %+v", event)
	}
	if err := s.Settle(t.Context(), order, want.EventID); err != nil {
		t.Fatal(err)
	}
	s.wantAudited(app.ActionSettle, user.ID, "consent.unknown 99")
	if left := matters(); len(left) != 0 {
		t.Errorf("left are %+v", left)
	}
	s.wantNothingAudited(func() {
		if err := s.Settle(t.Context(), order, want.EventID); app.KindOf(err) != app.NotFound {
			t.Errorf("settled twice: %v", err)
		}
	})
}

func TestErasedUsersLeaveNoMatter(t *testing.T) {
	s := newScene(t)
	s.pushed(wechat.EventUserRevoked, 99)
	if err := s.Erase(t.Context(), order, s.login.User); err != nil {
		t.Fatal(err)
	}
	s.house.login("oB", s.key)
	s.sql("UPDATE matters SET user_id = (SELECT id FROM users)") // whatever is left would be told of now
	if left, err := s.Matters(t.Context(), 10); err != nil || len(left) != 0 {
		t.Errorf("left are %+v, %v", left, err)
	}
}
