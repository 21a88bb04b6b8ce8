package app

import "time"

// Matter is an event that waits for a person to deal with it. It is kept until somebody has, longer than the event.
type Matter struct {
	EventID EventID
	AppID   AppID
	UserID  UserID
	User    UserNumber
	Reason  Reason
	Problem string // what the event says about it
}

// At is when it happened.
func (m Matter) At() time.Time { return ID(m.EventID).Time() }
