package config

import (
	"log/slog"
	"net/netip"
	"time"

	"wxkeeper/app"
)

// Config is a checked configuration. Printing it shows no secret.
type Config struct {
	Data            string // empty, in the sandbox only: a throw-away folder
	Addr            string
	Appid           app.Appid
	Secret          app.Secret
	MasterKey       MasterKey
	WeChatURL       string // without a slash at its end
	AdminAddr       string // empty: the dashboard is at Addr
	MetricsAddr     string // empty: no metrics
	PublicURL       string // without a slash at its end, perhaps with a path; empty: not known
	EnvName         string
	Location        *time.Location // of the dashboard
	TrustedProxies  []netip.Prefix
	TOTPRoles       []app.Role // that must sign in with one-time codes
	APIRate         int        // failures a minute one address may make; 0: no limit on the API at all
	BackEndRate     int        // calls a minute one back end may make; 0: no limit
	Sessions        app.SessionPolicy
	FollowKey       bool // a session also ends with its session key
	KeyGrace        time.Duration
	KeyAging        time.Duration
	ChecksPerMinute int           // 0: no background check
	SealedMaxAge    time.Duration // 0: any age
	EventsKeep      time.Duration
	UsersKeep       time.Duration // 0: for ever
	LoginsWaiting   int
	PhoneData       string // text or bytes: how WeChat is asked about a sealed phone number; "": it is not
	Status200       bool
	VerifyOpenID    bool
	PushToken       app.Secret // "": no message push
	PushAESKey      app.Secret
	AlertHold       time.Duration
	AlertSuccess    int // percent; 0: never
	AlertsPerHour   int
	OutgoingPrivate bool
	BackupDir       string // "": no scheduled backups
	BackupEvery     time.Duration
	BackupKeep      int
	BackupTo        []string // age's public keys; none: backups are not encrypted
	LogLevel        slog.Level
	Warnings        []string // what works but should not stay so, to be logged at the start
}

// Config checks everything the server was told and reads its secrets. It fails with all Problems at once.
func (s Serve) Config(env Env) (Config, error) {
	trim(&s)
	var r report
	cfg := r.office(s.Office, env)
	cfg.PushToken, cfg.PushAESKey = r.push("PUSH_TOKEN", "PUSH_AES_KEY", env)
	r.plain(&cfg, s)
	r.unknown(env)
	cfg.Warnings = r.warnings
	return cfg, r.err()
}

// Config checks what is needed to ask WeChat about users, and nothing else. It fails with all Problems at once.
func (o Office) Config(env Env) (Config, error) {
	trim(&o)
	var r report
	cfg := r.office(o, env)
	cfg.Data = o.Data
	return cfg, r.err()
}

func (r *report) office(o Office, env Env) Config {
	return Config{
		Appid:     r.appid("APPID", o.Appid),
		Secret:    r.appSecret("SECRET", env),
		MasterKey: r.masterKey("MASTER_KEY", env, o.Data),
		WeChatURL: r.weChatURL("WECHAT_URL", o.WeChatURL),
		FollowKey: r.followsKey("TOKEN_POLICY", o.TokenPolicy),
	}
}

// Config checks what the sandbox was told. Appid, secret, master key and WeChat's address are left to the emulator.
func (s Sandbox) Config() (Config, error) {
	rest := Serve{Addr: s.Addr}
	trim(&rest)
	trim(&s)
	var r report
	var cfg Config
	r.plain(&cfg, rest)
	r.loopback("ADDR", rest.Addr)
	if s.LAN != "" {
		cfg.Addr = r.private(s.LAN, rest.Addr)
		r.warn("whoever is in the network of %s can log in as anybody here, and play WeChat; do not leave it running", s.LAN)
	}
	cfg.OutgoingPrivate = true // the back end that is being written runs beside it
	cfg.Warnings = r.warnings
	cfg.Data = s.Data
	return cfg, r.err()
}

// Open gives the data folder and the master key that opens what is encrypted in it. It fails with Problems.
func (s Store) Open(env Env) (string, MasterKey, error) {
	trim(&s)
	var r report
	key := r.masterKey("MASTER_KEY", env, s.Data)
	return s.Data, key, r.err()
}

// Path gives the data folder.
func (f Folder) Path() string {
	trim(&f)
	return f.Data
}

// plain checks the settings that are no secret and not needed by the sandbox's emulator.
func (r *report) plain(cfg *Config, s Serve) {
	cfg.Data = s.Data
	cfg.Addr = r.addr("ADDR", s.Addr)
	if s.AdminAddr != "" {
		cfg.AdminAddr = r.addr("ADMIN_ADDR", s.AdminAddr)
	}
	cfg.MetricsAddr = r.metricsAddr("METRICS_ADDR", s)
	cfg.PublicURL = r.publicURL("PUBLIC_URL", s.PublicURL)
	cfg.EnvName = r.name("ENV_NAME", s.EnvName)
	cfg.Location = r.location("TIME_ZONE", s.TimeZone)
	cfg.TrustedProxies = r.prefixes("TRUSTED_PROXIES", s.TrustedProxies)
	cfg.TOTPRoles = r.roles("TOTP_REQUIRED_ROLES", s.TOTPRoles)
	cfg.APIRate = r.number("API_RATE", s.APIRate, 0)
	if cfg.BackEndRate = r.number("BACKEND_RATE", s.BackEndRate, 0); cfg.APIRate == 0 {
		cfg.BackEndRate = 0
	}
	cfg.Sessions = r.sessions(s)
	cfg.KeyGrace = r.duration("KEY_GRACE", s.KeyGrace, 0)
	cfg.KeyAging = r.duration("KEY_AGING", s.KeyAging, 1)
	cfg.ChecksPerMinute = r.number("CHECKS_PER_MINUTE", s.ChecksPerMinute, 0)
	cfg.UsersKeep = r.duration("USERS_KEEP", s.UsersKeep, 0)
	cfg.VerifyOpenID = r.boolean("VERIFY_OPENID", string(s.VerifyOpenID))
	cfg.SealedMaxAge = r.duration("SEALED_MAX_AGE", s.SealedMaxAge, 0)
	cfg.EventsKeep = r.duration("EVENTS_KEEP", s.EventsKeep, 1)
	cfg.LoginsWaiting = r.number("LOGINS_WAITING", s.LoginsWaiting, 1024)
	cfg.PhoneData = r.phoneData("PHONE_DATA", s.PhoneData)
	cfg.Status200 = r.boolean("STATUS_200", string(s.Status200))
	cfg.AlertHold = r.duration("ALERT_HOLD", s.AlertHold, 0)
	cfg.AlertSuccess = r.percent("ALERT_SUCCESS", s.AlertSuccess)
	cfg.AlertsPerHour = r.number("ALERTS_PER_HOUR", s.AlertsPerHour, 1)
	cfg.OutgoingPrivate = r.boolean("OUTGOING_PRIVATE", string(s.OutgoingPrivate))
	cfg.BackupDir = r.backupDir("BACKUP_DIR", s.BackupDir, s.Data)
	cfg.BackupEvery = r.duration("BACKUP_EVERY", s.BackupEvery, time.Minute)
	cfg.BackupKeep = r.number("BACKUP_KEEP", s.BackupKeep, 1)
	cfg.BackupTo = r.ageRecipients("BACKUP_AGE_RECIPIENTS", s.BackupAgeRecipients)
	cfg.LogLevel = r.level("LOG_LEVEL", s.LogLevel)
}

// DefaultApp gives the mini program of the server's settings and its secret, as far as this environment tells them; "" is what it does
// not tell. It fails with Problems.
func DefaultApp(env Env) (app.Appid, app.Secret, error) {
	var r report
	secret, _ := r.secret("SECRET", env)
	return app.Appid(env.get(prefix + "APPID")), app.Secret(secret), r.err()
}
