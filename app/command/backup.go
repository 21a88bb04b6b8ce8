package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"wxkeeper/app/backup"
	"wxkeeper/app/config"
	"wxkeeper/db"
)

// Backup copies the data of a folder, beside the server that uses it.
type Backup struct {
	To     string `arg:"" help:"File to write, which must not exist, or a folder, in which the backup gets a dated name."`
	Verify bool   `help:"Read everything in the copy as the server would, before it counts as a backup. Needs the master key."`
	config.Backups
	config.Store
}

// Run takes a backup.
func (c *Backup) Run(ctx context.Context, env config.Env, std Streams, release Release) error {
	recipients, err := c.Recipients()
	if err != nil {
		return err
	}
	options := backup.Options{To: c.To, Recipients: recipients, Program: string(release), Clock: time.Now}
	if c.Verify {
		_, master, err := c.Open(env)
		if err != nil {
			return err
		}
		key := master.Bytes()
		options.Verify = &key
	}
	if err := mustExist(c.Path()); err != nil {
		return err
	}
	var taken backup.Taken
	err = withStore(ctx, c.Path(), func(store *db.DB) (err error) {
		taken, err = backup.Take(ctx, store, options)
		return err
	})
	return told(std.Out, err, "Backup %s: %d bytes in %v; its manifest is %s.\n",
		taken.Path, taken.Bytes, taken.Took.Round(time.Millisecond), taken.Path+backup.ManifestSuffix)
}

// Restore puts a backup in the place of the data.
type Restore struct {
	From         string   `arg:"" help:"Backup to restore, with its manifest beside it."`
	Try          bool     `help:"Do everything but replace: a rehearsal. It may run beside the server."`
	AgeIdentity  string   `env:"WXKEEPER_BACKUP_AGE_IDENTITY" placeholder:"FILE" help:"File with the secret key of age that opens an encrypted backup."`
	ErasedIn     []string `placeholder:"FILE" help:"A newer backup, not encrypted, that tells who was erased since, where the present data cannot."`
	ForgetErased bool     `help:"Restore although nothing tells who was erased since: they come back."`
	NoManifest   bool     `help:"FROM is a database of another origin, such as Litestream's, and has no manifest."`
	config.Store
}

// Run restores a backup.
func (c *Restore) Run(ctx context.Context, env config.Env, std Streams) error {
	folder, master, err := c.Open(env)
	if err != nil {
		return err
	}
	options := backup.RestoreOptions{
		From: c.From, Folder: folder, Master: master.Bytes(), NoManifest: c.NoManifest, ErasedIn: c.ErasedIn,
		ForgetErased: c.ForgetErased, Try: c.Try, Clock: time.Now,
	}
	if c.AgeIdentity != "" {
		identity, err := os.Open(c.AgeIdentity)
		if err != nil {
			return err
		}
		defer identity.Close()
		options.Identities = identity
	}
	restored, err := backup.Restore(ctx, options)
	if err != nil {
		return err
	}
	return c.tell(std, folder, restored)
}

func (c *Restore) tell(std Streams, folder string, restored backup.Restored) error {
	var errs []error
	say := func(format string, values ...any) {
		_, err := fmt.Fprintf(std.Out, format+"\n", values...)
		errs = append(errs, err)
	}
	say("Sound: %d users and %d session keys were read.", restored.Health.Users, restored.Health.Keys)
	switch {
	case restored.ErasedKnown:
		say("Erased again: %d users who had been erased since the backup.", restored.ErasedAgain)
	case c.ForgetErased:
		say("Nobody knows who was erased since the backup: erase them again.")
	default:
		say("There was no data here that could tell who was erased since the backup: erase them again.")
	}
	switch {
	case c.Try:
		say("Nothing was replaced: it was a rehearsal.")
	case restored.Aside != "":
		say("Restored into %s. What was there is in %s.", folder, restored.Aside)
	default:
		say("Restored into %s.", folder)
	}
	return errors.Join(errs...)
}
