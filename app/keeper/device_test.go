package keeper_test

import (
	"context"
	"testing"

	"wxkeeper/app"
)

// devices reads the user's sessions, newest first.
func (s *scene) devices() []app.Session {
	s.t.Helper()
	sessions, err := s.store.Read().SessionsOfUser(context.Background(), s.user("oA").ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return sessions
}

func (s *scene) removeDevice(device app.Session) {
	s.t.Helper()
	if err := s.EndDevice(context.Background(), order, s.login.User, device.ID); err != nil {
		s.t.Error(err)
	}
}

func TestOneDeviceIsRemoved(t *testing.T) {
	s := newScene(t)
	other := s.house.login("oA", s.key)
	for _, token := range []app.Token{s.login.Token, other.Token} { // remembered from now on
		if _, err := s.Verify(t.Context(), s.caller(), token.Reveal()); err != nil {
			t.Fatal(err)
		}
	}
	s.removeDevice(s.devices()[1])
	s.wantAudited(app.ActionEndDevice, s.user("oA").ID, "")
	event := s.lastEvent("oA")
	if event.Reason != app.DeviceRemoved || event.Client.Model != "iPhone" || event.RequestID != "" {
		t.Errorf("event is %+v", event)
	}
	if _, err := s.Verify(t.Context(), s.caller(), s.login.Token.Reveal()); app.KindOf(err) != app.InvalidToken {
		t.Errorf("the removed device: %v", err)
	}
	if _, err := s.Verify(t.Context(), s.caller(), other.Token.Reveal()); err != nil {
		t.Errorf("the other device: %v", err)
	}
}
