package keeper

import (
	"context"
	"slices"

	"wxkeeper/app"
	"wxkeeper/db"
)

// EndDevice ends one session of a user with its next request. NotFound: there is no such user, or the session has ended.
func (k *Keeper) EndDevice(ctx context.Context, order Order, number app.UserNumber, id app.SessionID) error {
	err := k.onUser(ctx, order, app.ActionEndDevice, number, func(tx *db.Tx, user app.User) error {
		sessions, err := tx.SessionsOfUser(ctx, user.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(sessions, func(session app.Session) bool { return session.ID == id })
		if at < 0 {
			return app.Fail(app.NotFound, "")
		}
		event := k.event(app.Caller{Client: sessions[at].Client}, app.DeviceRemoved) // which of the devices it was
		return k.endAll(tx, user, sessions[at:at+1], event)
	})
	k.verified.forgetAll()
	return err
}
