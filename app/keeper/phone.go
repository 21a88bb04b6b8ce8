package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

// RevealPhone tells a user's phone number, once the log says who asked and why. NotFound: there is no such user, or none of
// their numbers is stored.
func (k *Keeper) RevealPhone(ctx context.Context, order Order, number app.UserNumber) (app.Phone, error) {
	var revealed app.User
	err := k.onUser(ctx, order, app.ActionRevealPhone, number, func(_ *db.Tx, user app.User) error {
		if len(user.Phone.Sealed) == 0 {
			return app.Fail(app.NotFound, "")
		}
		revealed = user
		return nil
	})
	if err != nil {
		return app.Phone{}, err
	}
	return Phone(k.ring, revealed)
}
