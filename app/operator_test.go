package app_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wxkeeper/app"
)

func TestRoles(t *testing.T) {
	for have, allowed := range map[app.Role][]bool{ // viewer, operator, admin, no role, another
		app.RoleViewer:   {true, false, false, false, false},
		app.RoleOperator: {true, true, false, false, false},
		app.RoleAdmin:    {true, true, true, false, false},
		"":               {false, false, false, false, false},
		"root":           {false, false, false, false, false},
		"Admin":          {false, false, false, false, false},
	} {
		for i, needed := range append(app.Roles(), "", "root") {
			if got := have.Allows(needed); got != allowed[i] {
				t.Errorf("%q allows %q: %v", have, needed, got)
			}
		}
	}
}

func TestOperatorSessionsHoldNoHostileText(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	session := app.NewOperatorSession(7, at, "192.0.2.1\r\nx"+strings.Repeat("y", 100), "火狐\x00\x1b[31m\xff"+strings.Repeat("王", 200))
	if session.OperatorID != 7 || !session.SeenAt.Equal(at) || !strings.HasPrefix(session.Address, "192.0.2.1xyy") || len(session.Address) > 64 {
		t.Errorf("%+v", session)
	}
	if !strings.HasPrefix(session.Browser, "火狐[31m王王") || len(session.Browser) > 256 || !utf8.ValidString(session.Browser) {
		t.Errorf("browser %q", session.Browser)
	}
}
