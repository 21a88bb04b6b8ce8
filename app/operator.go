package app

import (
	"crypto/sha256"
	"slices"
	"time"
)

// Role is what an operator may do on the dashboard.
type Role string

// The roles: a viewer sees, an operator also acts on users, an admin also changes the server and its operators.
const (
	RoleViewer   Role = "viewer"
	RoleOperator Role = "operator"
	RoleAdmin    Role = "admin"
)

// Roles lists the roles. Each may do what those before it may.
func Roles() []Role { return []Role{RoleViewer, RoleOperator, RoleAdmin} }

// Allows says whether a role may do what needs another. What is no role allows nothing and is allowed to nobody.
func (r Role) Allows(needed Role) bool {
	return slices.Contains(Roles(), needed) && slices.Index(Roles(), r) >= slices.Index(Roles(), needed)
}

// FindsByPhone says whether a role may look for users by a full phone number. A viewer, who sees its last digits only, would learn the
// others by trying.
func (r Role) FindsByPhone() bool { return r.Allows(RoleOperator) }

// Operator is a person at the dashboard.
type Operator struct {
	ID           OperatorID
	Name         string
	Role         Role
	PasswordHash Secret // PHC string of argon2id
	DisabledAt   time.Time
	SignedInAt   time.Time // the last time
	TOTPSince    time.Time // one-time codes are on since then; zero: they are off
}

// CreatedAt is when the account was made.
func (o Operator) CreatedAt() time.Time { return ID(o.ID).Time() }

// Disabled says whether the account is disabled.
func (o Operator) Disabled() bool { return !o.DisabledAt.IsZero() }

// TOTP says whether the operator signs in with one-time codes.
func (o Operator) TOTP() bool { return !o.TOTPSince.IsZero() }

// OperatorSessionID is the id of an operator's session in our tables. It is no secret: the cookie holds another.
type OperatorSessionID ID

// CookieHash is the SHA-256 of the random id in an operator's cookie, the only form that is stored.
type CookieHash [sha256.Size]byte

// OperatorSessionsKept is how many sessions one operator may have; with one more, the oldest ends.
const OperatorSessionsKept = 20

// browserBytes bounds the name of a browser.
const browserBytes = 256

// OperatorSession is one browser in which an operator is signed in.
type OperatorSession struct {
	ID         OperatorSessionID
	OperatorID OperatorID
	SeenAt     time.Time // coarse
	Address    string    // at the sign-in
	Browser    string    // its User-Agent
	ProvedAt   time.Time // when its operator last gave the password, and the code where one is needed
}

// NewOperatorSession begins a session, still without an id. Address and browser are a stranger's text: they are bounded, and
// free of anything that does not print.
func NewOperatorSession(of OperatorID, at time.Time, address, browser string) OperatorSession {
	return OperatorSession{
		OperatorID: of, SeenAt: at, ProvedAt: at, Address: printable(address, addressBytes), Browser: printable(browser, browserBytes),
	}
}

// CreatedAt is the time of the sign-in.
func (s OperatorSession) CreatedAt() time.Time { return ID(s.ID).Time() }
