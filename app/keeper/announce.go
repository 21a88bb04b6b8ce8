package keeper

import (
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// announce has back ends told what an event made of a user. A login or an opening that changes nothing asks nobody.
func announce(tx *db.Tx, before, after app.User, at time.Time, event app.Event) error {
	switch {
	case event.Reason == app.ConsentRevoked || event.Reason == app.ConsentUnknown:
		return tx.Announce(at, app.UserConsentWithdraw, after, event.Detail.Kind)
	case event.Reason == app.LoginFirst || slices.Contains(event.Detail.Notes, app.LoginFirst):
		return tx.Announce(at, app.UserFirstLogin, after, "")
	case before.Profile != after.Profile:
		return tx.Announce(at, app.UserProfileChanged, after, "")
	}
	return nil
}
