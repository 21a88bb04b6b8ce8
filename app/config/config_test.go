package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/config"
)

const (
	appSecret = "5ec7e75ec7e75ec7e75ec7e75ec7e75e"
	masterKey = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
)

const ageRecipient = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"

// goodEnv has both secrets and no files.
func goodEnv() config.Env {
	return config.Env{Vars: []string{"WXKEEPER_SECRET=" + appSecret, "WXKEEPER_MASTER_KEY=" + masterKey}, ReadFile: noFiles}
}

func noFiles(path string) ([]byte, fs.FileMode, error) {
	return nil, 0, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func TestDefaults(t *testing.T) {
	got, err := config.Serve{Office: config.Office{Appid: "wx0123456789abcdef"}}.Config(goodEnv())
	if err != nil {
		t.Fatal(err)
	}
	if got.Secret.Reveal() != appSecret || got.MasterKey.Reveal() != strings.ToLower(masterKey) {
		t.Error("the secrets are not those of the environment")
	}
	got.Secret, got.MasterKey = "", config.MasterKey{}
	want := config.Config{
		Data:      "data",
		Addr:      "127.0.0.1:8000",
		Appid:     "wx0123456789abcdef",
		WeChatURL: "https://api.weixin.qq.com",
		APIRate:   300, BackEndRate: 6000,
		Sessions:        app.SessionPolicy{Idle: 30 * 24 * time.Hour, MaxAge: 180 * 24 * time.Hour},
		KeyGrace:        10 * time.Minute,
		KeyAging:        24 * time.Hour,
		ChecksPerMinute: 300,
		SealedMaxAge:    24 * time.Hour,
		EventsKeep:      30 * 24 * time.Hour,
		LoginsWaiting:   1024,
		AlertHold:       2 * time.Minute,
		AlertSuccess:    80,
		AlertsPerHour:   20,
		BackupEvery:     24 * time.Hour,
		BackupKeep:      7,
		Location:        place(t, "Asia/Shanghai"),
		LogLevel:        slog.LevelInfo,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func place(t *testing.T, zone string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func TestEverythingSet(t *testing.T) {
	got, err := config.Serve{
		Office: config.Office{
			Appid: " sandbox-app \r", Store: config.Store{Folder: config.Folder{Data: "/srv/wxkeeper"}},
			WeChatURL: "http://127.0.0.1:9000/wechat/", TokenPolicy: "follow-key",
		},
		Addr:            "[::1]:0",
		AdminAddr:       "127.0.0.1:8080",
		PublicURL:       "https://example.com/keeper/",
		EnvName:         "预发布",
		TimeZone:        "Europe/Berlin",
		TrustedProxies:  "10.1.2.3/8, 192.0.2.7,::1,2001:db8::/32",
		APIRate:         "0",
		KeyAging:        "48h",
		ChecksPerMinute: "60",
		UsersKeep:       "8760h",
		VerifyOpenID:    "true",
		TokenIdle:       "1h",
		TokenMaxAge:     "1h",
		KeyGrace:        "0",
		SealedMaxAge:    "0s",
		EventsKeep:      "1h30m",
		LoginsWaiting:   "5000",
		Status200:       "yes",
		LogLevel:        "WARN",
		AlertHold:       "0",
		AlertSuccess:    "95",
		AlertsPerHour:   "5",
		OutgoingPrivate: "true",
		BackupDir:       "/mnt/backups",
		BackupEvery:     "6h",
		BackupKeep:      "30",
		Backups:         config.Backups{BackupAgeRecipients: ageRecipient + ", " + ageRecipient},
	}.Config(goodEnv())
	if err != nil {
		t.Fatal(err)
	}
	got.Secret, got.MasterKey = "", config.MasterKey{}
	want := config.Config{
		AlertSuccess:    95,
		AlertsPerHour:   5,
		OutgoingPrivate: true,
		BackupDir:       "/mnt/backups",
		BackupEvery:     6 * time.Hour,
		BackupKeep:      30,
		BackupTo:        []string{ageRecipient, ageRecipient},
		FollowKey:       true,
		KeyAging:        48 * time.Hour,
		ChecksPerMinute: 60,
		UsersKeep:       8760 * time.Hour,
		VerifyOpenID:    true,
		Data:            "/srv/wxkeeper",
		Addr:            "[::1]:0",
		AdminAddr:       "127.0.0.1:8080",
		PublicURL:       "https://example.com/keeper",
		EnvName:         "预发布",
		Location:        place(t, "Europe/Berlin"),
		Appid:           "sandbox-app",
		WeChatURL:       "http://127.0.0.1:9000/wechat",
		TrustedProxies: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"),
			netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("2001:db8::/32"),
		},
		Sessions:      app.SessionPolicy{Idle: time.Hour, MaxAge: time.Hour},
		EventsKeep:    90 * time.Minute,
		LoginsWaiting: 5000,
		Status200:     true,
		LogLevel:      slog.LevelWarn,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*config.Serve)
		setting string
		what    string
		do      string
	}{
		{"appid missing", func(s *config.Serve) { s.Appid = "" }, "APPID", "is missing", "wxkeeper sandbox"},
		{"appid with a blank", func(s *config.Serve) { s.Appid = "wx 1" }, "APPID", `"wx 1"`, "wx0123456789abcdef"},
		{"appid too long", func(s *config.Serve) { s.Appid = strings.Repeat("x", 65) }, "APPID", "no AppID", "mp.weixin.qq.com"},
		{"secret as appid", func(s *config.Serve) { s.Appid = appSecret }, "APPID", "looks like a secret", "mp.weixin.qq.com"},
		{"addr without port", func(s *config.Serve) { s.Addr = "127.0.0.1" }, "ADDR", "(--addr)", ":8000"},
		{"addr is a port", func(s *config.Serve) { s.Addr = "8000" }, "ADDR", "not host:port", ":8000"},
		{"addr with a named port", func(s *config.Serve) { s.Addr = ":http" }, "ADDR", "not host:port", ":8000"},
		{"addr with a high port", func(s *config.Serve) { s.Addr = ":65536" }, "ADDR", "not host:port", ":8000"},
		{"url without scheme", func(s *config.Serve) { s.WeChatURL = "api.weixin.qq.com" }, "WECHAT_URL", "HTTP server", "https://"},
		{"url of another scheme", func(s *config.Serve) { s.WeChatURL = "ftp://x" }, "WECHAT_URL", "HTTP server", "https://"},
		{"url without host", func(s *config.Serve) { s.WeChatURL = "https://:443/" }, "WECHAT_URL", "HTTP server", "https://"},
		{"url that is none", func(s *config.Serve) { s.WeChatURL = "https://%zz" }, "WECHAT_URL", "HTTP server", "https://"},
		{"url with a query", func(s *config.Serve) { s.WeChatURL = "https://x/?" }, "WECHAT_URL", "a query", "nothing behind"},
		{"url with a user", func(s *config.Serve) { s.WeChatURL = "https://u:p@x" }, "WECHAT_URL", "user name", "nothing behind"},
		{"site without scheme", func(s *config.Serve) { s.PublicURL = "keeper.example.com" }, "PUBLIC_URL", "not the address", "/keeper"},
		{"site under our own path", func(s *config.Serve) { s.PublicURL = "https://example.com/admin/x" }, "PUBLIC_URL", "from our own", "not /admin"},
		{"site under no plain path", func(s *config.Serve) { s.PublicURL = "https://example.com/a//b" }, "PUBLIC_URL", "from our own", "/keeper"},
		{"role that is none", func(s *config.Serve) { s.TOTPRoles = "admin, boss" }, "TOTP_REQUIRED_ROLES", "boss", "viewer, operator, admin"},
		{"proxy by name", func(s *config.Serve) { s.TrustedProxies = "::1,caddy" }, "TRUSTED_PROXIES", `"caddy"`, "10.0.0.0/24"},
		{"proxy range too wide", func(s *config.Serve) { s.TrustedProxies = "10.0.0.0/33" }, "TRUSTED_PROXIES", "CIDR", "10.0.0.5"},
		{"rate below zero", func(s *config.Serve) { s.APIRate = "-1" }, "API_RATE", `"-1"`, "from 0 to"},
		{"rate no number", func(s *config.Serve) { s.APIRate = "300/min" }, "API_RATE", "not a number", "whole number"},
		{"no policy", func(s *config.Serve) { s.TokenPolicy = "sliding" }, "TOKEN_POLICY", "no policy", "fixed"},
		{"idle zero", func(s *config.Serve) { s.TokenIdle = "0" }, "TOKEN_IDLE", "too short", "720h"},
		{"idle longer than max age", func(s *config.Serve) { s.TokenMaxAge = "24h" }, "TOKEN_IDLE", "longer than WXKEEPER_TOKEN_MAX_AGE (24h)", "lower TOKEN_IDLE"},
		{"max age in days", func(s *config.Serve) { s.TokenMaxAge = "180d" }, "TOKEN_MAX_AGE", `"180d"`, "4320h"},
		{"max age zero", func(s *config.Serve) { s.TokenMaxAge = "0s" }, "TOKEN_MAX_AGE", "too short", "720h"},
		{"grace without unit", func(s *config.Serve) { s.KeyGrace = "600" }, "KEY_GRACE", "not a duration", "10m"},
		{"grace below zero", func(s *config.Serve) { s.KeyGrace = "-1s" }, "KEY_GRACE", "too short", "10m"},
		{"age below zero", func(s *config.Serve) { s.SealedMaxAge = "-24h" }, "SEALED_MAX_AGE", "too short", "10m"},
		{"events not kept", func(s *config.Serve) { s.EventsKeep = "0" }, "EVENTS_KEEP", "too short", "720h"},
		{"too few logins", func(s *config.Serve) { s.LoginsWaiting = "1023" }, "LOGINS_WAITING", `"1023"`, "from 1024"},
		{"too many logins", func(s *config.Serve) { s.LoginsWaiting = "1000001" }, "LOGINS_WAITING", "(--logins-waiting)", "to 1000000"},
		{"more than all", func(s *config.Serve) { s.AlertSuccess = "101" }, "ALERT_SUCCESS", "no percentage", "from 0 to 100"},
		{"silent robots", func(s *config.Serve) { s.AlertsPerHour = "0" }, "ALERTS_PER_HOUR", `"0"`, "from 1"},
		{"perhaps", func(s *config.Serve) { s.Status200 = "perhaps" }, "STATUS_200", "neither yes nor no", "true or false"},
		{"no level", func(s *config.Serve) { s.LogLevel = "INFO+2" }, "LOG_LEVEL", "no level", "debug, info"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			settings := config.Serve{Office: config.Office{Appid: "wx0123456789abcdef"}}
			test.change(&settings)
			_, err := settings.Config(goodEnv())
			wantProblem(t, err, test.setting, test.what, test.do)
		})
	}
}

// wantProblem checks that err is exactly one problem, of that setting.
func wantProblem(t *testing.T, err error, setting, what, do string) {
	t.Helper()
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Fatalf("got %v, want one problem", err)
	}
	got := problems[0]
	if got.Setting != "WXKEEPER_"+setting || !strings.Contains(got.What, what) || !strings.Contains(got.Do, do) {
		t.Errorf("got %q %q, do %q\nwant %q ...%q..., do ...%q...", got.Setting, got.What, got.Do, setting, what, do)
	}
}

func TestAllProblemsTogether(t *testing.T) {
	_, err := config.Serve{Addr: "8000", TokenIdle: "30d", KeyGrace: "soon", LogLevel: "loud"}.
		Config(config.Env{ReadFile: noFiles})
	const want = `the configuration has 7 problems:
  WXKEEPER_APPID is missing.
      Set it to the AppID of the mini program (开发设置 at mp.weixin.qq.com), such as wx0123456789abcdef.
      Without a WeChat account, try: wxkeeper sandbox
  WXKEEPER_SECRET is missing.
      Copy the AppSecret of the mini program (开发设置 at mp.weixin.qq.com) into a file only you can read, then:
        export WXKEEPER_SECRET_FILE=/path/of/the/file
  WXKEEPER_MASTER_KEY is missing.
      Nothing secret is stored without it. Make one, once, and keep it as long as the data:
        umask 077; wxkeeper keygen > master.key
        export WXKEEPER_MASTER_KEY_FILE=master.key
  WXKEEPER_ADDR (--addr) is "8000", which is not host:port.
      Write 127.0.0.1:8000 for this machine only, or :8000 for every address of it.
  WXKEEPER_TOKEN_IDLE (--token-idle) is "30d", which is not a duration.
      Days are written in hours: 720h.
  WXKEEPER_KEY_GRACE (--key-grace) is "soon", which is not a duration.
      Write a number with a unit, such as 90s, 10m or 720h (30 days).
  WXKEEPER_LOG_LEVEL (--log-level) is "loud", which is no level.
      Write debug, info, warn or error.`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestWarnings(t *testing.T) {
	env := goodEnv()
	env.Vars = append(env.Vars, "WXKEEPER_ADR=:80", "WXKEEPER_ADDR=:80", "WXKEEPER_SECRET_FILE=", "HOME=/root")
	got, err := config.Serve{Office: config.Office{Appid: "wx1", WeChatURL: "http://proxy.example"}, TrustedProxies: "0.0.0.0/0"}.Config(env)
	if err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, got.Warnings, "plain http", "believes X-Forwarded-For of everybody", "WXKEEPER_ADR is set but is no setting")
}

func wantWarnings(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got warnings %q, want %d", got, len(want))
	}
	for i, text := range want {
		if !strings.Contains(got[i], text) {
			t.Errorf("got warning %q, want ...%q...", got[i], text)
		}
	}
}

func TestMetricsAddr(t *testing.T) {
	for addr, warnings := range map[string][]string{
		"": nil, "127.0.0.1:9464": nil, "[::1]:0": nil, "localhost:1": nil, ":9464": {"WXKEEPER_METRICS_ADDR can be reached"},
		"10.0.0.1:9464": {"firewall"},
	} {
		made, err := config.Serve{Office: config.Office{Appid: "wx1"}, MetricsAddr: addr}.Config(goodEnv())
		if err != nil || made.MetricsAddr != addr {
			t.Errorf("%s: %q, %v", addr, made.MetricsAddr, err)
		}
		wantWarnings(t, made.Warnings, warnings...)
	}
	for addr, what := range map[string]string{"9464": "not host:port", "127.0.0.1:8000": "other things", "127.0.0.1:7": "other things"} {
		_, err := config.Serve{Office: config.Office{Appid: "wx1"}, MetricsAddr: addr, AdminAddr: "127.0.0.1:7"}.Config(goodEnv())
		wantProblem(t, err, "METRICS_ADDR", what, "127.0.0.1")
	}
}

func TestSandbox(t *testing.T) {
	got, err := config.Sandbox{}.Config()
	if err != nil {
		t.Fatal(err)
	}
	if got.Addr != "127.0.0.1:8000" || got.Data != "" || got.KeyGrace != 10*time.Minute || got.LoginsWaiting != 1024 {
		t.Errorf("got %+v", got)
	}
	got, err = config.Sandbox{Addr: "localhost:0", Data: "play"}.Config()
	if err != nil || got.Addr != "localhost:0" || got.Data != "play" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, addr := range []string{":8000", "0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000", "example.com:8000"} {
		_, err := config.Sandbox{Addr: addr}.Config()
		wantProblem(t, err, "ADDR", "other machines can reach", "127.0.0.1:8000")
	}
	for lan, addr := range map[string]string{"192.168.1.20": "192.168.1.20:8000", "10.0.0.5": "10.0.0.5:8000", "fd00::5": "[fd00::5]:8000", "::ffff:10.0.0.5": "10.0.0.5:8000"} {
		got, err := config.Sandbox{LAN: lan}.Config()
		if err != nil || got.Addr != addr || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "log in as anybody") {
			t.Errorf("%s: %+v, %v", lan, got, err)
		}
	}
	for _, lan := range []string{"0.0.0.0", "::", "127.0.0.1", "8.8.8.8", "169.254.1.1", "2001:db8::1", "example.com", "192.168.1.20:80"} {
		_, err := config.Sandbox{LAN: lan}.Config()
		if err == nil || !strings.Contains(err.Error(), "--lan") || !strings.Contains(err.Error(), "no private address") {
			t.Errorf("%s: %v", lan, err)
		}
	}
	_, err = config.Sandbox{Addr: "8000"}.Config()
	wantProblem(t, err, "ADDR", "not host:port", ":8000")
}

func TestNoSecretIsEverPrinted(t *testing.T) {
	cfg, err := config.Serve{Office: config.Office{Appid: "wx1"}}.Config(goodEnv())
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", cfg, "key", cfg.MasterKey)
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	bytes := fmt.Sprint(cfg.MasterKey.Bytes())
	texts := []string{log.String(), string(encoded), cfg.MasterKey.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		texts = append(texts, fmt.Sprintf(verb, cfg), fmt.Sprintf(verb, cfg.MasterKey), fmt.Sprintf(verb, &cfg))
	}
	for _, text := range texts {
		lower := strings.ToLower(text)
		if strings.Contains(text, appSecret) || strings.Contains(lower, strings.ToLower(masterKey[:16])) ||
			strings.Contains(text, strings.Trim(bytes, "[]")) {
			t.Errorf("a secret is printed: %s", text)
		}
	}
}

func TestPushSettingsGoTogether(t *testing.T) {
	const key = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
	for name, test := range map[string]struct {
		vars []string
		says string
	}{
		"both":      {[]string{"WXKEEPER_PUSH_TOKEN=token", "WXKEEPER_PUSH_AES_KEY=" + key}, ""},
		"token":     {[]string{"WXKEEPER_PUSH_TOKEN=token"}, "go together"},
		"key":       {[]string{"WXKEEPER_PUSH_AES_KEY=" + key}, "go together"},
		"short key": {[]string{"WXKEEPER_PUSH_TOKEN=token", "WXKEEPER_PUSH_AES_KEY=short"}, "no EncodingAESKey"},
	} {
		env := goodEnv()
		env.Vars = append(env.Vars, test.vars...)
		cfg, err := config.Serve{Office: config.Office{Appid: "wx1"}}.Config(env)
		if test.says == "" && (err != nil || cfg.PushToken.Reveal() != "token" || cfg.PushAESKey.Reveal() != key) {
			t.Errorf("%s: %v", name, err)
		}
		if test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
