package app

import (
	"regexp"
	"time"
)

// Appid is WeChat's name for one mini program, such as wx0123456789abcdef.
type Appid string

var (
	appidForm     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	secretLooks   = regexp.MustCompile(`^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$`)
	appSecretForm = regexp.MustCompile(`^[!-~]{1,128}$`)
)

// Usable says whether a text can be an appid. It is wider than WeChat's wx and 16 hex digits, since stand-ins for WeChat use names of their
// own, but no AppSecret, which people paste in its place.
func (a Appid) Usable() bool {
	return appidForm.MatchString(string(a)) && !secretLooks.MatchString(string(a))
}

// UsableAppSecret says whether a text can be an AppSecret. It is wider than WeChat's 32 hex digits: stand-ins use texts of their own.
func UsableAppSecret(text Secret) bool { return appSecretForm.MatchString(text.Reveal()) }

// AppID numbers an app in our own tables, from 1. It stands in every row that belongs to the app.
type AppID int64

// App is one mini program this server keeps keys for.
type App struct {
	ID    AppID
	Appid Appid
}

// TokenPolicy is what ends a session.
type TokenPolicy string

// The token policies.
const (
	PolicyServer    TokenPolicy = ""           // as the server's settings say
	PolicyFixed     TokenPolicy = "fixed"      // time alone
	PolicyFollowKey TokenPolicy = "follow-key" // also WeChat's word that the session key is dead
)

// AppRecord is an app with everything that is stored of it.
type AppRecord struct {
	App
	Name       string // for people; may be empty
	Policy     TokenPolicy
	Sealed     AppSecrets[[]byte]
	DisabledAt time.Time // zero: it is served
	Revision   int64     // of the record, counting its changes
}

// Disabled says whether the app's users are turned away.
func (r AppRecord) Disabled() bool { return !r.DisabledAt.IsZero() }

// AppSecrets are an app's credentials, in clear or sealed; empty ones are not set. Push's two are set together.
type AppSecrets[T any] struct {
	Secret, PushToken, PushKey T
}

// AppsAtMost is how many apps one server serves.
const AppsAtMost = 100
