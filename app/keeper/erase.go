package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Erase deletes a user with everything that belongs to them (PIPL, article 47). It cannot be undone; logging in again makes a
// new user.
func (k *Keeper) Erase(ctx context.Context, order Order, number app.UserNumber) error {
	if err := order.check(); err != nil {
		return err
	}
	user, err := k.store.Read().UserByNumber(ctx, k.app.ID, number)
	if err != nil {
		return err
	}
	if err := k.erase(ctx, order, user.ID); err != nil {
		return err
	}
	k.emptyLog(ctx)
	return nil
}

func (k *Keeper) erase(ctx context.Context, order Order, id app.UserID) error {
	err := k.store.Write(ctx, func(tx *db.Tx) error {
		user, err := tx.UserByID(ctx, id)
		if err != nil {
			return err
		}
		return k.eraseIn(tx, order, user)
	})
	k.verified.forgetAll()
	return err
}

func (k *Keeper) eraseIn(tx *db.Tx, order Order, user app.User) error {
	if err := tx.EraseUser(k.ring, user, k.clock()); err != nil {
		return err
	}
	return k.audit(tx, order, app.ActionErase, user.ID, "")
}

// emptyLog takes what was erased out of the write-ahead log too. If somebody is reading just then, the next sweep does it.
func (k *Keeper) emptyLog(ctx context.Context) {
	if err := k.store.Checkpoint(ctx); err != nil && ctx.Err() == nil {
		k.log.Warn("what was erased is still in the write-ahead log; the next sweep empties it", "error", err)
	}
}

// usersSwept is how many users are erased in one step.
const usersSwept = 100

// sweepUsers erases users not seen for longer than they may be kept.
func (k *Keeper) sweepUsers(ctx context.Context) error {
	if k.settings.UsersKeep == 0 {
		return nil
	}
	order := Order{Operator: app.ByRetention, Reason: "not seen for " + k.settings.UsersKeep.String()}
	for {
		users, err := k.store.Read().UsersNotSeenSince(ctx, k.app.ID, k.clock().Add(-k.settings.UsersKeep), usersSwept)
		if err != nil || len(users) == 0 {
			return err
		}
		for _, user := range users {
			if err := k.erase(ctx, order, user.ID); err != nil && app.KindOf(err) != app.NotFound {
				return err
			}
		}
	}
}
