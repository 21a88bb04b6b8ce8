package keeper

import (
	"context"
	"maps"
	"slices"
	"time"

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
	k.memory.forgetAll()
	return err
}

func (k *Keeper) eraseIn(tx *db.Tx, order Order, user app.User) error {
	if err := tx.EraseUser(k.ring, user, k.clock()); err != nil {
		return err
	}
	if err := tx.Announce(k.clock(), app.UserErased, user, ""); err != nil {
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

// rememberedAtOnce is how many erasures are noted in one transaction.
const rememberedAtOnce = 500

// EraseAgain erases from a restored copy whoever was erased after it was taken, and notes all these erasures in it. It tells how many
// users that were. Whoever logged in again after having been erased is another user, and stays.
func EraseAgain(ctx context.Context, store *db.DB, ring *db.KeyRing, since []db.Erasure, now time.Time) (int, error) {
	own, err := store.Read().Erasures(ctx)
	if err != nil {
		return 0, err
	}
	newest := newestErasures(slices.Concat(own, since))
	again := 0
	err = eachUser(ctx, store, func(user app.User) error {
		erased, found := newest[erasedKey{user.AppID, string(ring.OpenIDHash(user.AppID, user.OpenID))}]
		if !found || app.ID(user.ID).Time().After(erased.At) {
			return nil
		}
		again++
		return store.Write(ctx, func(tx *db.Tx) error {
			if err := tx.EraseUser(ring, user, erased.At); err != nil {
				return err
			}
			return tx.Audit(ring, app.AuditRow{
				At: now, Operator: app.ByRestore, Action: app.ActionErase, AppID: user.AppID, UserID: user.ID,
				Reason: "erased on " + erased.At.UTC().Format(time.DateOnly) + ", after the backup was taken",
			})
		})
	})
	if err != nil {
		return again, err
	}
	for chunk := range slices.Chunk(slices.Collect(maps.Values(newest)), rememberedAtOnce) {
		err := store.Write(ctx, func(tx *db.Tx) error {
			for _, one := range chunk {
				if err := tx.RememberErased(one); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return again, err
		}
	}
	return again, store.Checkpoint(ctx)
}

// erasedKey is a user by what stays of one who was erased.
type erasedKey struct {
	appID app.AppID
	hash  string
}

func newestErasures(all []db.Erasure) map[erasedKey]db.Erasure {
	newest := map[erasedKey]db.Erasure{}
	for _, one := range all {
		key := erasedKey{one.AppID, string(one.Hash)}
		if one.At.After(newest[key].At) {
			newest[key] = one
		}
	}
	return newest
}
