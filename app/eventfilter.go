package app

import (
	"slices"
	"time"
)

// Unknown stands in filters and counters for a version or platform that the client did not tell.
const Unknown = "unknown"

// EventFilter says which events of an app are meant. The zero value means all of them.
type EventFilter struct {
	Reasons  []Reason  // any of these; none: all
	Version  string    // of the mini program, or Unknown
	Platform Platform  // or Unknown
	Errcode  int       // WeChat's answer
	UserID   UserID    // whose events
	Address  string    // that the request came from
	Appid    Appid     // of the calling mini program
	From     time.Time // at this time or later
	To       time.Time // before this time
}

// Matches says whether an event is meant.
func (f EventFilter) Matches(e Event) bool {
	at := e.At()
	switch {
	case len(f.Reasons) > 0 && !slices.Contains(f.Reasons, e.Reason),
		!matchesText(f.Version, e.Client.Version),
		!matchesText(string(f.Platform), string(e.Client.Platform)),
		f.Errcode != 0 && f.Errcode != e.Errcode,
		f.UserID != 0 && f.UserID != e.UserID,
		f.Address != "" && f.Address != e.Client.Address,
		f.Appid != "" && f.Appid != e.Client.Appid,
		!f.From.IsZero() && at.Before(f.From),
		!f.To.IsZero() && !at.Before(f.To):
		return false
	}
	return true
}

func matchesText(wanted, text string) bool {
	return wanted == "" || wanted == text || wanted == Unknown && text == ""
}
