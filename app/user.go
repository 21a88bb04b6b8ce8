package app

import (
	"slices"
	"time"
)

// OpenID is WeChat's name for a user in one mini program.
type OpenID string

// UnionID is WeChat's name for a user across the mini programs of one Open Platform account. It may be learned late or
// never.
type UnionID string

// User is a person in one mini program.
type User struct {
	ID         UserID
	AppID      AppID
	OpenID     OpenID
	Number     UserNumber
	UnionID    UnionID
	Profile    Profile
	ProfileAt  time.Time // watermark of the stored profile
	Phone      SealedPhone
	PhoneAt    time.Time // watermark of the stored phone number
	LastSeenAt time.Time // coarse
	DisabledAt time.Time
	Generation int64          // the app's and the user's own, summed: grows when a new login is forced
	LastEvent  EventID        // newest of the user's events, each of which names the one before
	Opened     RecentPayloads // what was opened lately, to notice a payload sent twice

	ClientVersion string   // of the mini program at the last login, empty: unknown
	Platform      Platform // at the last login
}

// FirstSeenAt is when the user first logged in.
func (u User) FirstSeenAt() time.Time { return ID(u.ID).Time() }

// Disabled says whether an operator has disabled the user.
func (u User) Disabled() bool { return !u.DisabledAt.IsZero() }

// Profile is what WeChat tells about a user: any Unicode in the texts, gender 0 unknown, 1 male, 2 female.
type Profile struct {
	Nickname  string
	AvatarURL string
	Gender    int
	Language  string
	City      string
	Province  string
	Country   string
}

// AnonymousNickname is the nickname WeChat gives for everybody since 2022-10-25 (用户信息接口调整说明).
const AnonymousNickname = "微信用户"

// Anonymous says whether the profile names nobody: no nickname, or the one WeChat gives for everybody.
func (p Profile) Anonymous() bool { return p.Nickname == "" || p.Nickname == AnonymousNickname }

// SealedPhone is a phone number as it is stored: encrypted, a keyed hash to find it by, and its last four digits in clear.
type SealedPhone struct {
	Sealed []byte
	Hash   []byte
	Tail   string
}

// Phone is a phone number as WeChat gives it.
type Phone struct {
	Number      string // with country code where it is not 86
	PureNumber  string
	CountryCode string
}

// ProfileChange says what became of a profile that arrived.
type ProfileChange uint8

// What can become of an arriving profile.
const (
	ProfileSame ProfileChange = iota
	ProfileUpdated
	ProfileOlder     // older than the stored one
	ProfileAnonymous // WeChat gave 微信用户, and a real name is stored
)

// ChangeProfile applies the rule that old or anonymous data never overwrites: a profile applies if its watermark is not
// older than the stored one's, and unless it is anonymous where a real name is stored.
func (u User) ChangeProfile(arriving Profile, watermark time.Time) ProfileChange {
	switch {
	case watermark.Before(u.ProfileAt):
		return ProfileOlder
	case arriving.Anonymous() && !u.Profile.Anonymous():
		return ProfileAnonymous
	case arriving == u.Profile && watermark.Equal(u.ProfileAt):
		return ProfileSame
	default:
		return ProfileUpdated
	}
}

// PayloadDigest names one payload, to notice when it is sent again.
type PayloadDigest [8]byte

// payloadsRemembered is how many payloads a user's row remembers.
const payloadsRemembered = 4

// RecentPayloads holds the digests of the payloads a user opened last, newest first, one after the other.
type RecentPayloads []byte

// Contains says whether the payload was opened lately.
func (r RecentPayloads) Contains(digest PayloadDigest) bool {
	for chunk := range slices.Chunk(r, len(digest)) {
		if string(chunk) == string(digest[:]) {
			return true
		}
	}
	return false
}

// With gives the digests with one more in front, the oldest dropped.
func (r RecentPayloads) With(digest PayloadDigest) RecentPayloads {
	kept := min(len(r), (payloadsRemembered-1)*len(digest))
	return append(digest[:], r[:kept]...)
}
