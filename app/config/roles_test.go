package config_test

import (
	"slices"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/config"
)

func TestRolesWithOneTimeCodes(t *testing.T) {
	for text, want := range map[string][]app.Role{
		"": nil, " admin , operator,": {app.RoleAdmin, app.RoleOperator}, "viewer": {app.RoleViewer},
	} {
		told := config.Serve{Office: config.Office{Appid: "wx0123456789abcdef"}, TOTPRoles: text}
		cfg, err := told.Config(goodEnv())
		if err != nil || !slices.Equal(cfg.TOTPRoles, want) {
			t.Errorf("%q: %v, %v", text, cfg.TOTPRoles, err)
		}
	}
}
