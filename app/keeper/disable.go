package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Disable refuses a user from the next request on: logins, openings and tokens, all with UserDisabled. What is stored of them
// stays, their sessions too, so that an enabled user need not log in again. AlreadyExists: the user is disabled already.
func (k *Keeper) Disable(ctx context.Context, order Order, number app.UserNumber) error {
	err := k.onUser(ctx, order, app.ActionDisable, number, func(tx *db.Tx, user app.User) error {
		return tx.DisableUser(user, k.clock())
	})
	k.verified.forgetAll()
	return err
}

// Enable lets a disabled user in again. AlreadyExists: the user is not disabled.
func (k *Keeper) Enable(ctx context.Context, order Order, number app.UserNumber) error {
	return k.onUser(ctx, order, app.ActionEnable, number, func(tx *db.Tx, user app.User) error { return tx.EnableUser(user) })
}

// onUser carries out an order about one user and records it, both or neither.
func (k *Keeper) onUser(
	ctx context.Context, order Order, action app.Action, number app.UserNumber, act func(*db.Tx, app.User) error,
) error {
	if err := order.check(); err != nil {
		return err
	}
	return k.store.Write(ctx, func(tx *db.Tx) error {
		user, err := tx.UserByNumber(ctx, k.app.ID, number)
		if err != nil {
			return err
		}
		if err := act(tx, user); err != nil {
			return err
		}
		return k.audit(tx, order, action, user.ID, "")
	})
}
