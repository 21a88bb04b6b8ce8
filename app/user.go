package app

import "time"

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
	Phone      Phone
	PhoneAt    time.Time // watermark of the stored phone number
	LastSeenAt time.Time // coarse
	DisabledAt time.Time
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

// Phone is a phone number as WeChat gives it. Stored encrypted, with a keyed hash for search.
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
