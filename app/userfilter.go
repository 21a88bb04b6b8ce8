package app

import "time"

// UserFilter says which users of an app are meant. The zero value means everybody.
type UserFilter struct {
	Search   string    `json:"search,omitempty"`    // nickname, user number, openid, unionid, phone number or its last four digits
	KeyState KeyState  `json:"key_state,omitempty"` // of the current key
	SeenFrom time.Time `json:"seen_from,omitzero"`  // last seen at this time or later
	SeenTo   time.Time `json:"seen_to,omitzero"`    // last seen before this time
	NewFrom  time.Time `json:"new_from,omitzero"`   // first seen at this time or later
	NewTo    time.Time `json:"new_to,omitzero"`     // first seen before this time
	Version  string    `json:"version,omitempty"`   // of the mini program at the last login
	Platform Platform  `json:"platform,omitempty"`  // at the last login
	Disabled bool      `json:"disabled,omitempty"`  // only those an operator has disabled
}

// Empty says whether the filter means everybody.
func (f UserFilter) Empty() bool { return f == UserFilter{} }

// UserOrder is the order of a list of users.
type UserOrder string

// The orders. A list filtered by key state is in the order of that state's dates instead, the oldest first.
const (
	ByLastSeen  UserOrder = "last_seen"  // the latest first
	ByFirstSeen UserOrder = "first_seen" // the newest user first
)
