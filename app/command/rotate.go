package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

// RotateKey puts a new master key in the old one's place.
type RotateKey struct {
	Reencrypt bool `help:"Also encrypt session keys, phone numbers and credentials anew, under a fresh data key. It may be killed and run again."`
	config.Rotation
}

// Run changes the master key.
func (c *RotateKey) Run(ctx context.Context, env config.Env, std Streams) error {
	folder, from, to, err := c.Open(env)
	if err != nil {
		return err
	}
	if err := mustExist(folder); err != nil {
		return err
	}
	lock, err := db.LockFolder(folder)
	if err != nil {
		return err
	}
	defer lock.Release()
	return withStore(ctx, folder, func(store *db.DB) error {
		rotated, err := keeper.RotateMasterKey(ctx, store, from.Bytes(), to.Bytes(), time.Now())
		words := "The new master key was in place already."
		if rotated {
			words = "The new master key is in place: set WXKEEPER_MASTER_KEY(_FILE) to it. Older backups need the old one."
		}
		if err := told(std.Out, err, "%s\n", words); err != nil || !c.Reencrypt {
			return err
		}
		return c.reencrypt(ctx, store, to, std)
	})
}

// toldEvery is how often progress is told.
const toldEvery = time.Second

func (c *RotateKey) reencrypt(ctx context.Context, store *db.DB, master config.MasterKey, std Streams) error {
	var last time.Time
	var lost error
	needed, err := keeper.Reencrypt(ctx, store, master.Bytes(), time.Now(), func(done, of int) {
		if done == of || time.Since(last) >= toldEvery {
			last = time.Now()
			_, err := fmt.Fprintf(std.Out, "%d of %d secrets\n", done, of)
			lost = errors.Join(lost, err)
		}
	})
	if err != nil {
		return err
	}
	words := "Everything secret had been encrypted anew already."
	if needed {
		words = "Everything secret is encrypted anew; the data key before is gone."
	}
	return told(std.Out, lost, "%s\n", words)
}
