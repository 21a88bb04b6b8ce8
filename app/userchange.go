package app

import (
	"bytes"
	"time"
)

// UserFact is something a user is known by, whose changes are remembered.
type UserFact string

// The facts whose changes are remembered.
const (
	FactPhone    UserFact = "phone"
	FactNickname UserFact = "nickname"
	FactAvatar   UserFact = "avatar"
)

// UserChange is one change of what a user is known by.
type UserChange struct {
	UserID  UserID
	ID      UserChangeID
	AppID   AppID
	What    UserFact
	Value   string // the nickname, or the last four digits of the phone number; of an avatar nothing is kept
	Removed bool   // there is none any more
	Reason  Reason // of the event that brought it
}

// UserChangesKept is how many changes of each fact are remembered of a user.
const UserChangesKept = 20

// At is when it changed.
func (c UserChange) At() time.Time { return ID(c.ID).Time() }

// Changes tells what an event changed of a user's phone number, nickname and avatar. That WeChat gives everybody one nickname is no change.
func Changes(before, after User, reason Reason) []UserChange {
	var all []UserChange
	add := func(what UserFact, changed bool, value string, removed bool) {
		if changed {
			all = append(all, UserChange{UserID: after.ID, AppID: after.AppID, What: what, Value: value, Removed: removed, Reason: reason})
		}
	}
	add(FactPhone, !bytes.Equal(before.Phone.Hash, after.Phone.Hash), after.Phone.Tail, len(after.Phone.Hash) == 0)
	name := after.Profile.ownName()
	add(FactNickname, before.Profile.ownName() != name, name, name == "")
	add(FactAvatar, before.Profile.AvatarURL != after.Profile.AvatarURL, "", after.Profile.AvatarURL == "")
	return all
}

func (p Profile) ownName() string {
	if p.Anonymous() {
		return ""
	}
	return p.Nickname
}
