package keeper_test

import (
	"context"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

// audited gives the newest row of the audit log, and how many there are.
func (h *house) audited() (app.AuditRow, int) {
	h.t.Helper()
	rows, err := h.store.Read().AuditRows(context.Background(), 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(rows) == 0 {
		return app.AuditRow{}, 0
	}
	return rows[len(rows)-1], len(rows)
}

// wantAudited wants the newest row of the audit log to tell this of an order.
func (h *house) wantAudited(action app.Action, user app.UserID, detail string) {
	h.t.Helper()
	row, _ := h.audited()
	if row.Action != action || row.UserID != user || row.Detail != detail || row.Operator != order.Operator || row.Reason != order.Reason {
		h.t.Errorf("the newest row is %+v", row)
	}
}

// wantNothingAudited wants work to leave no row.
func (h *house) wantNothingAudited(work func()) {
	h.t.Helper()
	_, before := h.audited()
	work()
	if row, after := h.audited(); after != before {
		h.t.Errorf("there is a row %+v", row)
	}
}

func TestDisabledUsersAreRefused(t *testing.T) {
	s := newScene(t)
	verify := func() error {
		_, err := s.Verify(t.Context(), s.caller(), s.login.Token.Reveal())
		return err
	}
	all := func() []error {
		_, login := s.tryLogin("oA", s.key)
		_, session := s.session(s.login.Token)
		_, open := s.open(s.login.Token, s.seal(s.key, profileOf("x")))
		return []error{login, session, open, verify()}
	}
	if err := verify(); err != nil { // remembered from now on
		t.Fatal(err)
	}
	if err := s.Disable(t.Context(), order, s.login.User); err != nil {
		t.Fatal(err)
	}
	s.wantAudited(app.ActionDisable, s.user("oA").ID, "")
	if at := s.user("oA").DisabledAt; !at.Equal(s.clock()) {
		t.Errorf("disabled at %v", at)
	}
	for i, err := range all() {
		if app.KindOf(err) != app.UserDisabled {
			t.Errorf("call %d ends with %v", i, err)
		}
	}
	if err := s.Enable(t.Context(), order, s.login.User); err != nil {
		t.Fatal(err)
	}
	s.wantAudited(app.ActionEnable, s.user("oA").ID, "")
	for i, err := range all() {
		if err != nil {
			t.Errorf("call %d of the enabled user ends with %v", i, err)
		}
	}
}

// TestOrdersThatChangeNothing: what has nothing to do leaves no row.
func TestOrdersThatChangeNothing(t *testing.T) {
	const nobody = app.UserNumber(1)
	for name, test := range map[string]struct {
		before func(*scene)
		order  func(*scene) error
		kind   app.Kind
	}{
		"disable twice": {
			func(s *scene) { s.disable("oA") },
			func(s *scene) error { return s.Disable(context.Background(), order, s.login.User) }, app.AlreadyExists,
		},
		"enable": {
			nil, func(s *scene) error { return s.Enable(context.Background(), order, s.login.User) }, app.AlreadyExists,
		},
		"disable nobody": {
			nil, func(s *scene) error { return s.Disable(context.Background(), order, nobody) }, app.NotFound,
		},
		"enable nobody": {
			nil, func(s *scene) error { return s.Enable(context.Background(), order, nobody) }, app.NotFound,
		},
		"disable for no reason": {
			nil, func(s *scene) error {
				return s.Disable(context.Background(), keeper.Order{Operator: "小王"}, s.login.User)
			},
			app.MissingParameter,
		},
		"another user's device": {
			func(s *scene) { s.house.login("oB", s.key) },
			func(s *scene) error {
				return s.EndDevice(context.Background(), order, s.user("oB").Number, s.devices()[0].ID)
			}, app.NotFound,
		},
		"a device that is gone": {
			func(s *scene) { s.Logout(context.Background(), s.caller(), s.login.Token.Reveal()) },
			func(s *scene) error { return s.EndDevice(context.Background(), order, s.login.User, 1) }, app.NotFound,
		},
		"the phone number of nobody": {
			nil, func(s *scene) error { return revealing(s, order, nobody) }, app.NotFound,
		},
		"no phone number": {
			nil, func(s *scene) error { return revealing(s, order, s.login.User) }, app.NotFound,
		},
		"a phone number for no reason": {
			func(s *scene) { s.fill("oA", "小明") },
			func(s *scene) error { return revealing(s, keeper.Order{Operator: "小王"}, s.login.User) }, app.MissingParameter,
		},
		"pause twice": {
			func(s *scene) { s.PauseChecks(context.Background(), order) },
			func(s *scene) error { return s.PauseChecks(context.Background(), order) }, app.AlreadyExists,
		},
		"resume what is not paused": {
			nil, func(s *scene) error { return s.ResumeChecks(context.Background(), order) }, app.NotFound,
		},
		"settle nothing": {
			nil, func(s *scene) error { return s.Settle(context.Background(), order, s.user("oA").LastEvent) }, app.NotFound,
		},
		"cancel nothing": {
			nil, func(s *scene) error { return s.CancelBulk(context.Background(), order, 1) }, app.NotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if test.before != nil {
				test.before(s)
			}
			before := s.user("oA")
			s.wantNothingAudited(func() {
				if err := test.order(s); app.KindOf(err) != test.kind {
					t.Errorf("error is %v", err)
				}
			})
			if after := s.user("oA"); after.LastEvent != before.LastEvent || !after.DisabledAt.Equal(before.DisabledAt) {
				t.Errorf("the user is %+v", after)
			}
		})
	}
}

func revealing(s *scene, order keeper.Order, number app.UserNumber) error {
	_, err := s.RevealPhone(context.Background(), order, number)
	return err
}
