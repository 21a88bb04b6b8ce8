package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

// RestoreOptions say what to bring back and where.
type RestoreOptions struct {
	From         string
	Folder       string // the data folder
	Master       MasterKey
	Identities   io.Reader // age's secret keys, one a line; nil: there are none
	NoManifest   bool      // From is a database of another origin, such as Litestream's
	ErasedIn     []string  // newer backups, not encrypted, that tell who was erased since
	ForgetErased bool      // go on although nothing tells who was erased since
	Try          bool      // do everything but replace
	Clock        func() time.Time
}

// Restored is what a restore did, or would do.
type Restored struct {
	Manifest           // zero: there was none
	Health      Health // of the copy
	ErasedAgain int    // users of the backup who had been erased since
	ErasedKnown bool   // something could tell who had
	Aside       string // folder that keeps what was there; "": there was nothing
}

// Health is what was read of a copy, all of it sound.
type Health struct{ Users, Keys int }

// Restore puts a backup in the place of the data of a folder that nobody serves. It reads the whole copy before it replaces
// anything, erases again who was erased since, signs operators out, and keeps what was there aside. Killed at any moment it leaves
// the one or the other in place.
func Restore(ctx context.Context, options RestoreOptions) (Restored, error) {
	if err := prepare(&options); err != nil {
		return Restored{}, err
	}
	if !options.Try {
		lock, err := db.LockFolder(options.Folder)
		if err != nil {
			return Restored{}, err
		}
		defer lock.Release()
		if err := removePartial(options.Folder); err != nil {
			return Restored{}, err
		}
	}
	staging, err := os.MkdirTemp(options.Folder, "restore-*"+partial)
	if err != nil {
		return Restored{}, err
	}
	defer os.RemoveAll(staging)
	restored, err := makeReady(ctx, staging, options)
	if err != nil || options.Try {
		return restored, err
	}
	restored.Aside, err = db.Replace(ctx, options.Folder, staging, options.Clock())
	return restored, err
}

// prepare finds out what can be wrong before a byte is copied.
func prepare(options *RestoreOptions) error {
	if _, err := os.Stat(options.From); err != nil {
		return err
	}
	if isEncrypted(options.From) && options.Identities == nil {
		return fmt.Errorf("%s is encrypted: name the file with the age identity", options.From)
	}
	return os.MkdirAll(options.Folder, 0o700)
}

func isEncrypted(path string) bool { return strings.HasSuffix(path, EncryptedSuffix) }

// removePartial removes what an earlier backup or restore left when it was killed.
func removePartial(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, "*"+partial))
	for _, one := range left {
		err = errors.Join(err, os.RemoveAll(one))
	}
	return err
}

// makeReady makes of a backup what can be served.
func makeReady(ctx context.Context, staging string, options RestoreOptions) (Restored, error) {
	manifest, err := bring(ctx, staging, options)
	restored := Restored{Manifest: manifest}
	if err != nil {
		return restored, err
	}
	store, err := db.Open(ctx, staging)
	if err != nil {
		return restored, err
	}
	ring, err := store.KeyRing(ctx, options.Master)
	if err != nil {
		err = fmt.Errorf("backup %s: %w", options.From, err)
	} else {
		err = settle(ctx, store, ring, options, &restored)
	}
	return restored, errors.Join(err, store.Close())
}

// bring copies a backup and wants the copy to be what the manifest says, of a schema this program knows, and undamaged.
func bring(ctx context.Context, staging string, options RestoreOptions) (manifest Manifest, err error) {
	if !options.NoManifest {
		if manifest, err = ReadManifest(options.From); err != nil {
			return manifest, err
		}
	}
	bytes, sum, err := fetch(options, db.FileIn(staging))
	if err != nil {
		return manifest, err
	}
	if !options.NoManifest && (bytes != manifest.Bytes || sum != manifest.SHA256) {
		return manifest, fmt.Errorf("%s is not what its manifest says: it was changed or cut off", options.From)
	}
	damage, err := db.DamageOfCopy(ctx, staging)
	if err == nil && len(damage) > 0 {
		err = errors.New(strings.Join(damage, "; "))
	}
	if err != nil {
		return manifest, fmt.Errorf("%s is damaged, or no database: %w", options.From, err)
	}
	facts, err := db.InspectCopy(ctx, staging)
	if err != nil {
		return manifest, fmt.Errorf("%s cannot be restored: %w", options.From, err)
	}
	if !options.NoManifest && (manifest.Schema != facts.SchemaVersion || manifest.AuditHead != hex.EncodeToString(facts.AuditHead)) {
		return manifest, fmt.Errorf("%s is not the database its manifest speaks of", options.From)
	}
	return manifest, nil
}

// fetch copies a backup, in clear, and measures it as it lies there.
func fetch(options RestoreOptions, to string) (bytes int64, sum string, err error) {
	file, err := os.Open(options.From)
	if err != nil {
		return 0, "", err
	}
	defer file.Close()
	digest, counted := sha256.New(), &counter{}
	read := io.TeeReader(file, io.MultiWriter(digest, counted))
	plain := read
	if isEncrypted(options.From) {
		if plain, err = decrypt(read, options); err != nil {
			return 0, "", err
		}
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, permissions)
	if err != nil {
		return 0, "", err
	}
	_, err = io.Copy(target, plain)
	if err == nil {
		_, err = io.Copy(io.Discard, read)
	}
	return counted.bytes, hexOf(digest), errors.Join(err, target.Sync(), target.Close())
}

func decrypt(sealed io.Reader, options RestoreOptions) (io.Reader, error) {
	identities, err := age.ParseIdentities(options.Identities)
	if err != nil {
		return nil, errors.New("the age identity cannot be read: it is a file as age-keygen writes it") // age's error may repeat it
	}
	plain, err := age.Decrypt(sealed, identities...)
	if err != nil {
		return nil, fmt.Errorf("%s does not open with this age identity: %w", options.From, err)
	}
	return plain, nil
}

type counter struct{ bytes int64 }

// Write counts.
func (c *counter) Write(text []byte) (int, error) {
	c.bytes += int64(len(text))
	return len(text), nil
}

// settle reads everything, then does what must be done before the copy is served.
func settle(ctx context.Context, store *db.DB, ring *db.KeyRing, options RestoreOptions, restored *Restored) error {
	health, err := wantSound(ctx, store, ring)
	restored.Health = Health{Users: health.Users, Keys: health.Keys}
	if err != nil {
		return err
	}
	lineage, err := store.Read().Lineage(ctx)
	if err != nil {
		return err
	}
	erased, known, err := erasedSince(ctx, options, lineage)
	restored.ErasedKnown = known
	if err != nil {
		return err
	}
	now := options.Clock()
	if restored.ErasedAgain, err = keeper.EraseAgain(ctx, store, ring, erased, now); err != nil {
		return err
	}
	err = store.Write(ctx, func(tx *db.Tx) error {
		if err := tx.EndAllOperatorSessions(); err != nil {
			return err
		}
		return tx.Audit(ring, app.AuditRow{
			At: now, Operator: app.CommandLine, Action: app.ActionRestore, Detail: filepath.Base(options.From),
		})
	})
	return errors.Join(err, store.Checkpoint(ctx))
}

// erasedSince asks the data that is to be replaced, and newer backups, who was erased. It refuses to guess.
func erasedSince(ctx context.Context, options RestoreOptions, lineage db.Lineage) (all []db.Erasure, known bool, err error) {
	var doubt error
	if db.Exists(options.Folder) {
		erased, of, err := db.ErasedIn(ctx, options.Folder)
		switch {
		case err != nil:
			doubt = fmt.Errorf("the present data cannot tell who was erased since the backup (%w)", err)
		case of != lineage && of != db.Lineage{}:
			doubt = errors.New("the present data is no later state of this backup, so it cannot tell who was erased since")
		default:
			all, known = erased, true
		}
	}
	for _, path := range options.ErasedIn {
		erased, of, err := db.ErasedInCopy(ctx, path)
		if err == nil && of != lineage {
			err = errors.New("it is no later state of the one to be restored")
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s cannot tell who was erased: %w", path, err)
		}
		all, known = append(all, erased...), true
	}
	if doubt != nil && !known && !options.ForgetErased {
		return nil, false, fmt.Errorf("%w: name a newer backup with --erased-in, or say --forget-erased", doubt)
	}
	return all, known, nil
}
