package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Matters lists what waits for a person, longest first.
func (k *Keeper) Matters(ctx context.Context, limit int) ([]app.Matter, error) {
	return k.store.Read().Matters(ctx, k.app.ID, limit)
}

// Settle notes that a person has dealt with an event. NotFound: nobody waits for that.
func (k *Keeper) Settle(ctx context.Context, order Order, event app.EventID) error {
	if err := order.check(); err != nil {
		return err
	}
	return k.store.Write(ctx, func(tx *db.Tx) error {
		matter, err := tx.Matter(ctx, k.app.ID, event)
		if err != nil {
			return err
		}
		if err := tx.SettleMatter(matter); err != nil {
			return err
		}
		return k.audit(tx, order, app.ActionSettle, matter.UserID, string(matter.Reason)+" "+matter.Problem)
	})
}
