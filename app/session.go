package app

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// tokenBytes are the random bytes of a token: 256 bits.
const tokenBytes = 32

// Token is what the mini program holds. It leaves the server once, in the answer to a login; we keep only its hash.
type Token struct{ Secret }

// TokenHash is the SHA-256 of a token's text, the only form that is stored.
type TokenHash [sha256.Size]byte

// NewToken draws a token: 256 random bits as base64url without padding.
func NewToken() Token {
	var bytes [tokenBytes]byte
	rand.Read(bytes[:]) // never fails since Go 1.24: it ends the program instead
	return Token{Secret(base64.RawURLEncoding.EncodeToString(bytes[:]))}
}

// ParseToken reads a token as a client sends it. It fails with InvalidToken for any text that no token of ours has.
func ParseToken(text string) (Token, error) {
	bytes, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(bytes) != tokenBytes {
		return Token{}, Fail(InvalidToken, TokenUnknown)
	}
	return Token{Secret(text)}, nil
}

// Hash is the stored form.
func (t Token) Hash() TokenHash { return sha256.Sum256([]byte(t.Reveal())) }

// SessionsKept is how many sessions one user may have; with one more, the oldest ends.
const SessionsKept = 20

// Coarse is the grain of last-seen and confirmation times: a newer time is written only when the stored one is older than
// this, so that a busy user costs at most one such write in 10 minutes.
const Coarse = 10 * time.Minute

// Session is one token on one device.
type Session struct {
	ID     SessionID
	UserID UserID
	SeenAt time.Time // coarse
	Client Client

	// Generation is the app's and the user's at the login. A session whose generation has passed was forced to log in again.
	Generation int64
}

// CreatedAt is the time of the login that made the session.
func (s Session) CreatedAt() time.Time { return ID(s.ID).Time() }

// SessionPolicy says how long a session lives: so long unused, and so long at most.
type SessionPolicy struct {
	Idle   time.Duration
	MaxAge time.Duration
}

// Grain is how coarsely the last use of a session is noted: a tenth of the idle time at most, so that a session in use does
// not end.
func (p SessionPolicy) Grain() time.Duration { return min(Coarse, p.Idle/10) }

// End is when the session ends if it is not used again, and the reason it would end for.
func (p SessionPolicy) End(s Session) (time.Time, Reason) {
	idle, last := s.SeenAt.Add(p.Idle), s.CreatedAt().Add(p.MaxAge)
	if idle.Before(last) {
		return idle, DeviceIdle
	}
	return last, DeviceMaxAge
}
