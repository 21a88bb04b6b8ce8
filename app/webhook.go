package app

import "time"

// WebhookID names a webhook in our tables.
type WebhookID int64

// Webhook is an address of a business back end that hears what happens to users.
type Webhook struct {
	ID          WebhookID
	Name        string
	Host        string
	Fingerprint string // of the address, 8 hex digits
	Sealed      []byte // address and signing secrets
	DisabledAt  time.Time
	Waiting     int // deliveries that are still to be made
	Dropped     int // those not kept, since too many waited
	Report
}

// Disabled says whether nothing is sent. What happens meanwhile is not kept for later.
func (w Webhook) Disabled() bool { return !w.DisabledAt.IsZero() }

// CreatedAt is when the webhook was added.
func (w Webhook) CreatedAt() time.Time { return ID(w.ID).Time() }

// Happening is what a back end hears of. Its text is a stable id.
type Happening string

// What back ends hear of.
const (
	UserFirstLogin      Happening = "user.first_login"
	UserProfileChanged  Happening = "user.profile_changed"
	UserForcedRelogin   Happening = "user.forced_relogin"
	AllForcedRelogin    Happening = "app.forced_relogin" // of everybody: it names no user
	UserConsentWithdraw Happening = "user.consent_withdrawn"
	UserErased          Happening = "user.erased"
	WebhookTest         Happening = "webhook.test"
)

// MustBeHeard says whether a happening is kept for a webhook however much waits for it: a back end that has missed it would keep what it
// may not. Operators and WeChat alone cause them, not whoever calls the API, and like all deliveries they are kept for 30 days at most.
func (h Happening) MustBeHeard() bool { return h == UserErased || h == UserConsentWithdraw }

// DeliveryID names a delivery; the back end sees it, the same at each try.
type DeliveryID int64

// DeliveryState is how far a delivery has come.
type DeliveryState int

// The states of a delivery.
const (
	DeliveryWaiting DeliveryState = iota
	DeliveryDone
	DeliveryGivenUp
)

// Delivery is one happening for one webhook. It is made at least once.
type Delivery struct {
	ID      DeliveryID
	Webhook WebhookID
	AppID   AppID
	What    Happening
	UserID  UserID // 0: everybody
	User    UserNumber
	OpenID  OpenID
	UnionID UnionID
	Kind    string // of data whose consent was withdrawn: phone, nickname, avatar, profile …

	State     DeliveryState
	Tries     int
	NextTryAt time.Time
	TriedAt   time.Time // last; zero: never
	Problem   string    // of the last try, in the words of package outgoing
	Status    int       // HTTP status of the last try
}

// At is when it happened.
func (d Delivery) At() time.Time { return ID(d.ID).Time() }
