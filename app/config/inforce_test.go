package config

import (
	"strings"
	"testing"

	"wxkeeper/app"
)

func TestSettingsInForceAreAllOfThemWithoutSecrets(t *testing.T) {
	told := Serve{EnvName: " staging ", TokenIdle: "720h"}
	told.Appid = "wx5a9db0c0de000001"
	made := Config{Secret: "not to be shown", MasterKey: NewMasterKey(), PushToken: app.Secret("nor this")}
	found := map[string]InForce{}
	for _, setting := range SettingsInForce(told, made) {
		found[setting.Variable] = setting
		if strings.Contains(setting.Value, "not to be shown") || setting.Secret() && setting.Value != "" {
			t.Errorf("%s shows a secret", setting.Variable)
		}
	}
	if len(found) != len(Settings()) {
		t.Errorf("%d of %d settings", len(found), len(Settings()))
	}
	for _, want := range []struct {
		variable, value string
		set             bool
	}{
		{"WXKEEPER_ENV_NAME", "staging", true},
		{"WXKEEPER_APPID", "wx5a9db0c0de000001", true},
		{"WXKEEPER_TOKEN_IDLE", "720h", false},
		{"WXKEEPER_ADDR", "127.0.0.1:8000", false},
		{"WXKEEPER_SECRET", "", true},
		{"WXKEEPER_MASTER_KEY", "", true},
		{"WXKEEPER_PUSH_TOKEN", "", true},
		{"WXKEEPER_PUSH_AES_KEY", "", false},
	} {
		if got := found[want.variable]; got.Value != want.value || got.Set != want.set {
			t.Errorf("%s is %q, set: %v", want.variable, got.Value, got.Set)
		}
	}
}
