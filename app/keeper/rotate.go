package keeper

import (
	"context"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// RotateMasterKey puts a new master key in the old one's place, in one transaction; no session ends and no data is touched. False: it was
// done before. Nobody may be serving the folder.
func RotateMasterKey(ctx context.Context, store *db.DB, from, to [32]byte, now time.Time) (bool, error) {
	rotated, err := store.Rewrap(ctx, from, to, now, func(tx *db.Tx, ring *db.KeyRing) error {
		return tx.Audit(ring, app.AuditRow{At: now, Operator: app.CommandLine, Action: app.ActionRotateKey})
	})
	if err != nil {
		return false, err
	}
	return rotated, store.Checkpoint(ctx)
}

// Reencrypt seals every secret under a data key made after the last change of the master key, and deletes the one before. False: it was
// done before. It may be killed at any moment and run again. Nobody may be serving the folder.
func Reencrypt(ctx context.Context, store *db.DB, master [32]byte, now time.Time, progress func(done, of int)) (bool, error) {
	ring, needed, err := store.FreshSealing(ctx, master, now)
	if err != nil {
		return false, err
	}
	if needed {
		err = store.Reseal(ctx, ring, progress, func(tx *db.Tx) error {
			return tx.Audit(ring, app.AuditRow{At: now, Operator: app.CommandLine, Action: app.ActionReencrypt})
		})
		if err != nil {
			return false, err
		}
	}
	return needed, store.Checkpoint(ctx)
}
