package config

import (
	"strings"

	"github.com/alecthomas/kong"
)

// Folder is the setting every command needs: where all state is. Commands that touch no secret need nothing else.
type Folder struct {
	Data string `env:"WXKEEPER_DATA" default:"data" help:"Folder that holds all state: the database and its lock. Made when missing, readable by its owner only."`
}

// Store is what a command needs to read what is encrypted at rest.
type Store struct {
	Folder
	MasterKey onlyByEnvironment `kong:"-" env:"WXKEEPER_MASTER_KEY" help:"Required. The key that encrypts everything secret at rest: 64 hex digits, as wxkeeper keygen prints. Keep it outside the data folder and as long as the data: nothing opens without it."`
}

// Office is what a command needs to ask WeChat about users.
type Office struct {
	Appid  string            `env:"WXKEEPER_APPID" placeholder:"APPID" help:"Required. AppID of the mini program, from the development settings (开发设置) at mp.weixin.qq.com."`
	Secret onlyByEnvironment `kong:"-" env:"WXKEEPER_SECRET" help:"Required. AppSecret of the mini program, from the same page."`
	Store
	TokenPolicy string `env:"WXKEEPER_TOKEN_POLICY" default:"fixed" help:"What ends a session. fixed: time alone, by TOKEN_IDLE and TOKEN_MAX_AGE. follow-key: also WeChat's word that the user's session key is dead."`
	WeChatURL   string `name:"wechat-url" env:"WXKEEPER_WECHAT_URL" default:"https://api.weixin.qq.com" help:"Where WeChat's server API is: WeChat itself, a proxy of yours, or the sandbox."`
}

// Backups is what a command needs to encrypt backups.
type Backups struct {
	BackupAgeRecipients string `name:"backup-age-recipients" env:"WXKEEPER_BACKUP_AGE_RECIPIENTS" placeholder:"AGE1..." help:"Public keys of age, such as age1…, separated by commas: backups are encrypted to them. Empty: they are not."`
}

// Rotation is what a command needs to put a new master key in the old one's place.
type Rotation struct {
	Store
	NewMasterKey onlyByEnvironment `kong:"-" env:"WXKEEPER_NEW_MASTER_KEY" help:"Required. The new master key, as wxkeeper keygen prints it. WXKEEPER_MASTER_KEY is the one it replaces."`
}

// Serve is everything the server can be told. Its texts are raw: Config checks them.
type Serve struct {
	Office
	Addr            string            `env:"WXKEEPER_ADDR" default:"127.0.0.1:8000" help:"Address to listen on. Put a reverse proxy with TLS in front of it."`
	AdminAddr       string            `env:"WXKEEPER_ADMIN_ADDR" placeholder:"HOST:PORT" help:"Address to serve the dashboard at, and nowhere else. Empty: it is at ADDR, under /admin/."`
	MetricsAddr     string            `env:"WXKEEPER_METRICS_ADDR" placeholder:"HOST:PORT" help:"Address to serve metrics for Prometheus at, under /metrics: one that only it can reach, such as 127.0.0.1:9464. Empty: nowhere."`
	PublicURL       string            `name:"public-url" env:"WXKEEPER_PUBLIC_URL" placeholder:"URL" help:"Where people and mini programs reach this server, such as https://keeper.example.com, or https://example.com/keeper where a proxy takes the path away. With https the cookies of the dashboard never travel in clear."`
	EnvName         string            `env:"WXKEEPER_ENV_NAME" placeholder:"NAME" help:"Name of this installation, such as staging: the dashboard shows it on every page."`
	TimeZone        string            `env:"WXKEEPER_TIME_ZONE" default:"Asia/Shanghai" help:"Time zone of the dashboard."`
	TrustedProxies  string            `env:"WXKEEPER_TRUSTED_PROXIES" placeholder:"CIDR,..." help:"Reverse proxies whose X-Forwarded-For is believed: addresses or CIDR ranges, separated by commas. Empty: nobody's."`
	TOTPRoles       string            `name:"totp-required-roles" env:"WXKEEPER_TOTP_REQUIRED_ROLES" placeholder:"ROLE,.." help:"Roles that sign in with one-time codes: viewer, operator, admin, separated by commas. Whoever has such a role sets them up before anything else. Empty: whoever wants to."`
	APIRate         string            `name:"api-rate" env:"WXKEEPER_API_RATE" default:"300" help:"Failures a minute that one address may make. 0: no limit on the API at all."`
	BackEndRate     string            `name:"backend-rate" env:"WXKEEPER_BACKEND_RATE" default:"6000" help:"Calls a minute that one business server with credentials may make. 0, or API_RATE 0: any number."`
	TokenIdle       string            `env:"WXKEEPER_TOKEN_IDLE" default:"720h" help:"A session unused for so long ends."`
	TokenMaxAge     string            `env:"WXKEEPER_TOKEN_MAX_AGE" default:"4320h" help:"A session so old ends, used or not."`
	KeyGrace        string            `env:"WXKEEPER_KEY_GRACE" default:"10m" help:"How long a session key that a login replaced still opens data sealed under it; the two before the current one do."`
	KeyAging        string            `env:"WXKEEPER_KEY_AGING" default:"24h" help:"A session key unconfirmed for so long counts as aging: it may be good or not."`
	ChecksPerMinute string            `env:"WXKEEPER_CHECKS_PER_MINUTE" default:"300" help:"How many session keys a minute the background check may ask WeChat about. 0: none."`
	SealedMaxAge    string            `env:"WXKEEPER_SEALED_MAX_AGE" default:"24h" help:"Sealed data older than this is refused. 0: any age is accepted."`
	EventsKeep      string            `env:"WXKEEPER_EVENTS_KEEP" default:"720h" help:"How long events are kept."`
	UsersKeep       string            `env:"WXKEEPER_USERS_KEEP" default:"0" help:"A user not seen for so long is erased. 0: never."`
	LoginsWaiting   string            `env:"WXKEEPER_LOGINS_WAITING" default:"1024" help:"How many logins may wait for WeChat at once, at least 1024. One more is told to try again later."`
	PhoneData       string            `env:"WXKEEPER_PHONE_DATA" default:"off" help:"Ask WeChat whether it made a sealed phone number that was opened (checkEncryptedData). text: by the hash of its base64 text. bytes: by that of the bytes behind it. off: take it."`
	Status200       Switch            `name:"status-200" env:"WXKEEPER_STATUS_200" default:"false" help:"Answer failures of the API with HTTP status 200, for clients that read only the body."`
	VerifyOpenID    Switch            `name:"verify-openid" env:"WXKEEPER_VERIFY_OPENID" default:"false" help:"Tell the openid at /verify/ too, for a back end that needs it."`
	PushToken       onlyByEnvironment `kong:"-" env:"WXKEEPER_PUSH_TOKEN" help:"Token of WeChat's message push (消息推送), whose address is /wechat/push/ here. Empty: no message push."`
	PushAESKey      onlyByEnvironment `kong:"-" env:"WXKEEPER_PUSH_AES_KEY" help:"EncodingAESKey of the message push, for its secure mode (安全模式)."`
	AlertHold       string            `env:"WXKEEPER_ALERT_HOLD" default:"2m" help:"How long something must hold, or be over, before robots are told. The dashboard shows it at once."`
	AlertSuccess    string            `env:"WXKEEPER_ALERT_SUCCESS" default:"80" help:"Percent of logins, and of openings, in 15 minutes below which the overview and robots say so. 0: never."`
	AlertsPerHour   string            `env:"WXKEEPER_ALERTS_PER_HOUR" default:"20" help:"Messages that one robot gets in an hour at most."`
	OutgoingPrivate Switch            `env:"WXKEEPER_OUTGOING_PRIVATE" default:"false" help:"Let plain webhooks go to private networks and this machine, without TLS too. Their addresses are typed in by admins of the dashboard."`
	BackupDir       string            `env:"WXKEEPER_BACKUP_DIR" placeholder:"FOLDER" help:"Folder for scheduled backups, best on another disk. Empty: none are taken."`
	BackupEvery     string            `env:"WXKEEPER_BACKUP_EVERY" default:"24h" help:"How often a scheduled backup is taken."`
	BackupKeep      string            `env:"WXKEEPER_BACKUP_KEEP" default:"7" help:"How many scheduled backups are kept; older ones are deleted."`
	Backups
	LogLevel string `env:"WXKEEPER_LOG_LEVEL" default:"info" help:"What is logged: debug, info, warn or error and everything above it."`
}

// Sandbox is what the emulator can be told; everything else has its default. Without a folder it uses a throw-away one.
type Sandbox struct {
	Addr string `env:"WXKEEPER_ADDR" default:"127.0.0.1:8000" help:"Address to listen on, on this machine only."`
	Data string `env:"WXKEEPER_DATA" placeholder:"FOLDER" help:"Folder to keep the state in. Empty: a throw-away folder."`
	LAN  string `name:"lan" placeholder:"ADDRESS" help:"Private address of this machine, such as 192.168.1.20, to listen on instead, for real phones (真机调试). Whoever is in that network can log in as anybody."`
}

// onlyByEnvironment stands where a secret stands in the order of settings. It holds nothing and has no flag: the secret is
// read from its variable, or from the file its _FILE variable names.
type onlyByEnvironment struct{}

// Switch is yes or no, still as text, so that a bad value is reported together with all other problems.
type Switch string

// Decode takes kong's token: a flag without a value means true.
func (s *Switch) Decode(ctx *kong.DecodeContext) error {
	*s = "true"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		*s = Switch(strings.TrimSpace(ctx.Scan.Pop().String()))
	}
	return nil
}

// IsBool tells kong that the flag needs no value.
func (*Switch) IsBool() bool { return true }

// Help tells kong what no flag can tell: the secrets.
func (Serve) Help() string { return secretsHelp(Serve{}) }

// Help tells kong what no flag can tell: the secrets.
func (Office) Help() string { return secretsHelp(Office{}) }

// Help tells kong what no flag can tell: the master keys.
func (Rotation) Help() string { return secretsHelp(Rotation{}) }

// Help tells kong what no flag can tell: the master key.
func (Store) Help() string { return secretsHelp(Store{}) }
