package app

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"time"
)

// BackEnd is a business server that keeps a login of its own and comes with credentials (后端凭证): a name and a secret.
type BackEnd struct {
	ID         BackEndID
	AppID      AppID // whose users it may ask about; 0: those of every app
	Name       string
	SecretHash SecretHash
	MadeBy     string    // the operator who made it
	UsedAt     time.Time // coarse; zero: never
}

// BackEndID is the id of a back end in our tables.
type BackEndID ID

// MadeAt is when the credentials were made.
func (b BackEnd) MadeAt() time.Time { return ID(b.ID).Time() }

// Serves says whether the back end may ask about the users of an app.
func (b BackEnd) Serves(app AppID) bool { return b.ID != 0 && (b.AppID == 0 || b.AppID == app) }

// BackEndsKept is how many back ends there may be.
const BackEndsKept = 100

// backEndName is what travels in HTTP Basic without anybody having to ask how it is encoded, and what nobody has to quote.
var backEndName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// CheckBackEndName refuses what cannot be the name of a back end.
func CheckBackEndName(name string) error {
	if !backEndName.MatchString(name) {
		return FailField(Malformed, "", "name")
	}
	return nil
}

// secretPrefix lets people, and programs that look for secrets left lying about, tell what a text is.
const secretPrefix = "wxk_"

// BackEndSecret proves that a back end is the one it says it is. It leaves the server once, when it is made.
type BackEndSecret struct{ Secret }

// SecretHash is the SHA-256 of a back end's secret, the only form that is stored. A slow hash would protect nothing: there are
// 256 random bits to guess, where a password has thirty.
type SecretHash [sha256.Size]byte

// NewBackEndSecret draws a secret: 256 random bits.
func NewBackEndSecret() BackEndSecret {
	var bytes [tokenBytes]byte
	rand.Read(bytes[:]) // never fails since Go 1.24: it ends the program instead
	return BackEndSecret{Secret(secretPrefix + base64.RawURLEncoding.EncodeToString(bytes[:]))}
}

// Hash is the stored form.
func (s BackEndSecret) Hash() SecretHash { return sha256.Sum256([]byte(s.Reveal())) }

// Fits says whether a secret is the one whose hash this is, in the same time for any.
func (h SecretHash) Fits(secret BackEndSecret) bool {
	given := secret.Hash()
	return subtle.ConstantTimeCompare(given[:], h[:]) == 1
}
