package views

import (
	"slices"

	"wxkeeper/app"
)

// UserHistoryPage lists what became of a user's phone number, nickname and avatar.
type UserHistoryPage struct {
	UserPage
	Changes []app.UserChange // newest first
}

// stands says whether what a change brought is what the user is known by now.
func (p UserHistoryPage) stands(i int) bool {
	one := p.Changes[i]
	newest := slices.IndexFunc(p.Changes, func(c app.UserChange) bool { return c.What == one.What })
	return newest == i && !one.Removed
}

// changedBy says how a change came.
func (t Text) changedBy(reason app.Reason) string {
	if reason.Outcome() == app.OpenSucceeded {
		return t.T("userhistory.by.open")
	}
	if words := t.words("userhistory.by." + string(reason)); words != "" {
		return words
	}
	return t.Reason(reason)
}
