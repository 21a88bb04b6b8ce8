package app

import "time"

// Reason is the stable id of what happened. It stands in events, counters, filters in addresses and CSV columns.
type Reason string

// Reasons of logins.
const (
	LoginFirst             Reason = "login.first"
	LoginNewKey            Reason = "login.new_key"
	LoginSameKey           Reason = "login.same_key"
	LoginDuplicate         Reason = "login.duplicate"
	LoginLateAnswer        Reason = "login.late_answer"
	LoginPrefetch          Reason = "login.prefetch"
	LoginCodeInvalid       Reason = "login.code_invalid"
	LoginAppidMismatch     Reason = "login.appid_mismatch"
	LoginCodeUsed          Reason = "login.code_used"
	LoginCodeMock          Reason = "login.code_mock"
	LoginCodeMalformed     Reason = "login.code_malformed"
	LoginBlocked           Reason = "login.blocked"
	LoginDisabled          Reason = "login.disabled"
	LoginLimited           Reason = "login.limited"
	LoginLimitedWeChat     Reason = "login.limited_wechat"
	LoginWeChatBusy        Reason = "login.wechat_busy"
	LoginWeChatTimeout     Reason = "login.wechat_timeout"
	LoginWeChatUnreachable Reason = "login.wechat_unreachable"
	LoginWeChatOdd         Reason = "login.wechat_odd"
	LoginConfig            Reason = "login.config"
	LoginWaitingFull       Reason = "login.waiting_full"
	LoginStorage           Reason = "login.storage"
)

// Reasons of opening sealed data.
const (
	OpenOK            Reason = "open.ok"
	OpenOKPrevious    Reason = "open.ok_previous"
	OpenRepaired      Reason = "open.repaired"
	OpenReplayed      Reason = "open.replayed"
	OpenNoKeyFits     Reason = "open.no_key_fits"
	OpenDataDamaged   Reason = "open.data_damaged"
	OpenPadding       Reason = "open.padding"
	OpenNotJSON       Reason = "open.not_json"
	OpenNoWatermark   Reason = "open.no_watermark"
	OpenOtherAppid    Reason = "open.other_appid"
	OpenOtherOpenID   Reason = "open.other_openid"
	OpenTooOld        Reason = "open.too_old"
	OpenFuture        Reason = "open.future"
	OpenMalformed     Reason = "open.malformed"
	OpenLimited       Reason = "open.limited"
	OpenKeyDead       Reason = "open.key_dead"
	OpenOtherKey      Reason = "open.other_key"
	SignatureOK       Reason = "signature.ok"
	SignatureMismatch Reason = "signature.mismatch"
)

// Reasons of profiles, phones and devices.
const (
	ProfileWasUpdated   Reason = "profile.updated"
	ProfileWasAnonymous Reason = "profile.anonymous"
	ProfileWasOlder     Reason = "profile.older"
	ProfileRefused      Reason = "profile.refused"
	ProfileAvatarLocal  Reason = "profile.avatar_local"
	AvatarStored        Reason = "avatar.stored"
	AvatarRefused       Reason = "avatar.refused"
	PhoneOK             Reason = "phone.ok"
	PhoneCodeInvalid    Reason = "phone.code_invalid"
	PhoneLoginCode      Reason = "phone.login_code"
	PhoneOtherUser      Reason = "phone.other_user"
	PhoneNotGranted     Reason = "phone.not_granted"
	PhoneLimited        Reason = "phone.limited"
	PhoneConfig         Reason = "phone.config"
	PhoneNoAnswer       Reason = "phone.no_answer"
	PhoneForged         Reason = "phone.forged"
	DeviceLogout        Reason = "device.logout"
	DeviceIdle          Reason = "device.idle"
	DeviceMaxAge        Reason = "device.max_age"
	DeviceForced        Reason = "device.forced"
	DeviceRemoved       Reason = "device.removed"
	DeviceKeyDead       Reason = "device.key_dead"
	TokenUnknown        Reason = "token.unknown"
)

// Reasons of failures inside WeChat that clients tell of: nothing of them reached a server, and nobody vouches for them.
const (
	ReportPhoneQuota      Reason = "report.phone_quota"
	ReportPhoneNotGranted Reason = "report.phone_not_granted"
	ReportPrivacyGuide    Reason = "report.privacy_guide"
	ReportPrivacyConsent  Reason = "report.privacy_consent"
	ReportDomain          Reason = "report.domain"
	ReportCertificate     Reason = "report.certificate"
	ReportTimeout         Reason = "report.timeout"
	ReportPaymentUser     Reason = "report.payment_user"
	ReportPaymentApp      Reason = "report.payment_app"
	ReportDenied          Reason = "report.denied"
	ReportOther           Reason = "report.other"
)

// Reasons of keys.
const (
	KeyConfirmedWeChat Reason = "key.confirmed_wechat"
	KeyFoundDead       Reason = "key.found_dead"
	KeyTakenElsewhere  Reason = "key.taken_elsewhere"
	KeyCheckFailed     Reason = "key.check_failed"
	KeyReset           Reason = "key.reset"
	KeyResetRefused    Reason = "key.reset_refused"
	KeyImported        Reason = "key.imported"
	UserImported       Reason = "user.imported"
)

// Reasons of back ends.
const (
	BackEndUnknown Reason = "backend.unknown"
	BackEndLimited Reason = "backend.limited"
	BackEndNoUser  Reason = "backend.no_user"
)

// Reasons of consent and push.
const (
	ConsentRevoked   Reason = "consent.revoked"
	ConsentCancelled Reason = "consent.cancelled"
	ConsentUnknown   Reason = "consent.unknown"
	PushModified     Reason = "push.modified"
	PushBadSignature Reason = "push.bad_signature"
)

// Event is one thing that happened to a login or an opening, good or bad, told precisely for the operator. Events without a
// user are failures of strangers; they are kept in a bounded ring.
type Event struct {
	ID          EventID
	AppID       AppID
	UserID      UserID  // 0: no user known
	Previous    EventID // the user's event before this one, 0: none kept
	RequestID   RequestID
	Reason      Reason
	Fingerprint Fingerprint // of the key that fitted, or of the current key; zero: none
	Errcode     int         // what WeChat answered, 0: nothing to tell
	Rid         string      // WeChat's id of its answer
	Detail      Detail
	Client      Client
}

// At is when it happened.
func (e Event) At() time.Time { return ID(e.ID).Time() }

// Detail is what only some events tell. All of it is bounded and free of secrets.
type Detail struct {
	Notes         []Reason  `json:"notes,omitempty"`    // further reasons that hold for the same event
	Key           int       `json:"key,omitempty"`      // which key fitted: 0 the current one, 1 and 2 those before it
	Kind          string    `json:"kind,omitempty"`     // of the payload: profile, phone, run, group, other
	Field         string    `json:"field,omitempty"`    // the parameter at fault
	Problem       string    `json:"problem,omitempty"`  // which check failed, in the words of the wechat package
	Tries         int       `json:"tries,omitempty"`    // calls made to WeChat, where more than one
	OtherAppid    Appid     `json:"appid,omitempty"`    // the appid found where ours was expected
	OurAppid      Appid     `json:"ours,omitempty"`     // the appid it differs from
	API           string    `json:"api,omitempty"`      // of WeChat's client, which a report is about
	Errno         string    `json:"errno,omitempty"`    // what that gave
	Address       string    `json:"address,omitempty"`  // our address as WeChat sees it (40164)
	SealedAt      time.Time `json:"sealed_at,omitzero"` // the payload's watermark
	KeyObtainedAt time.Time `json:"key_obtained_at,omitzero"`
}

// Client is what a request tells for free about who sent it. Nobody vouches for any of it; every text is bounded.
type Client struct {
	Appid         Appid    // calling mini program, from Referer
	Version       string   // its release number; 0: development or trial; devtools; empty: unknown
	Platform      Platform // from User-Agent
	Model         string
	WeChatVersion string
	Address       string
}

// Platform is the system a client runs on.
type Platform string

// The platforms told apart.
const (
	PlatformUnknown  Platform = ""
	PlatformIOS      Platform = "ios"
	PlatformAndroid  Platform = "android"
	PlatformHarmony  Platform = "harmony"
	PlatformWindows  Platform = "windows"
	PlatformMac      Platform = "mac"
	PlatformDevtools Platform = "devtools"
)

// Caller is who asks: one request of one client.
type Caller struct {
	RequestID RequestID
	At        time.Time // when the request arrived
	Client    Client
}
