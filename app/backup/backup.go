// Package backup copies the data of a running server, brings such copies back, and takes them by itself in a period.
//
// A backup is two files: the database, or the database encrypted with age, and beside it a manifest, which is written last. What
// has no manifest was cut short. A backup needs the master key of its time to be of any use, and does not hold it.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/longfile"
	"wxkeeper/db"
)

// ManifestSuffix makes the name of a manifest from that of its backup.
const ManifestSuffix = ".json"

// EncryptedSuffix ends the name of an encrypted backup.
const EncryptedSuffix = ".age"

const (
	partial        = ".partial" // in the name of what is not ready
	permissions    = 0o600
	manifestFormat = 1
)

// Manifest says what a backup is. It holds no secret.
type Manifest struct {
	Format    int       `json:"format"`
	Program   string    `json:"program"` // version of wxkeeper that took it
	Schema    int64     `json:"schema"`
	TakenAt   time.Time `json:"taken_at"` // everything acknowledged before is in it
	Encrypted bool      `json:"encrypted"`
	Bytes     int64     `json:"bytes"`  // of the file beside
	SHA256    string    `json:"sha256"` // of the file beside
	AuditRows int64     `json:"audit_rows"`
	AuditHead string    `json:"audit_head"` // MAC of the last row of the audit log; empty: there is none
}

// MasterKey opens what is encrypted in a database.
type MasterKey = [32]byte

// Options say what backup to take.
type Options struct {
	To         string     // a file that is not there yet, or a folder, in which the backup gets a dated name
	Recipients []string   // of age; none: the backup is not encrypted
	Verify     *MasterKey // read everything back before the backup counts; nil: do not
	Program    string
	Clock      func() time.Time
}

// Taken is a backup that is whole and on disk.
type Taken struct {
	Path string
	Manifest
	Took time.Duration
}

// Take copies the database of a store, beside writers, into a file readable by its owner alone. An encrypted backup is never in its
// folder in clear. AlreadyExists: there is such a file.
func Take(ctx context.Context, store *db.DB, options Options) (Taken, error) {
	began := options.Clock()
	recipients, err := Recipients(options.Recipients)
	if err != nil {
		return Taken{}, err
	}
	taken := Taken{Path: placeOf(options, began)}
	if err := mustBeFree(taken.Path); err != nil {
		return Taken{}, err
	}
	beside, err := os.MkdirTemp(filepath.Dir(taken.Path), filepath.Base(taken.Path)+partial)
	if err != nil {
		return Taken{}, err
	}
	defer os.RemoveAll(beside)
	copied := beside
	if len(recipients) > 0 {
		if copied, err = store.TempFolder("backup-*" + partial); err != nil {
			return Taken{}, err
		}
		defer os.RemoveAll(copied)
	}
	if err := store.Copy(ctx, copied); err != nil {
		return Taken{}, err
	}
	if taken.Manifest, err = describe(ctx, copied, options); err != nil {
		return Taken{}, err
	}
	taken.TakenAt, taken.Encrypted = began.UTC(), len(recipients) > 0
	ready := db.FileIn(copied)
	if taken.Encrypted {
		ready = db.FileIn(beside) + EncryptedSuffix
		if err := encrypt(ctx, db.FileIn(copied), ready, recipients); err != nil {
			return Taken{}, err
		}
	}
	if err := publish(ctx, ready, &taken); err != nil {
		return Taken{}, err
	}
	taken.Took = options.Clock().Sub(began)
	return taken, nil
}

func placeOf(options Options, at time.Time) string {
	found, err := os.Stat(options.To)
	if err != nil || !found.IsDir() {
		return options.To
	}
	return filepath.Join(options.To, datedName(at, len(options.Recipients) > 0))
}

const (
	nameBegins = "wxkeeper-"
	nameForm   = "20060102T150405Z"
	nameEnds   = ".db"
)

func datedName(at time.Time, encrypted bool) string {
	name := nameBegins + at.UTC().Format(nameForm) + nameEnds
	if encrypted {
		name += EncryptedSuffix
	}
	return name
}

func mustBeFree(path string) error {
	for _, name := range []string{path, path + ManifestSuffix} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			found := fmt.Errorf("%s is already there: choose another name", name)
			return app.Fail(app.AlreadyExists, "").Because(errors.Join(err, found))
		}
	}
	return nil
}

// describe says what a copy is, having read it back if that is wanted.
func describe(ctx context.Context, folder string, options Options) (Manifest, error) {
	facts, err := db.InspectCopy(ctx, folder)
	if err == nil && options.Verify != nil {
		err = examine(ctx, folder, *options.Verify)
	}
	return Manifest{
		Format: manifestFormat, Program: options.Program, Schema: facts.SchemaVersion,
		AuditRows: facts.AuditRows, AuditHead: hex.EncodeToString(facts.AuditHead),
	}, err
}

// examine reads a whole copy of this program's schema as the server would.
func examine(ctx context.Context, folder string, master MasterKey) error {
	store, err := db.OpenBeside(ctx, folder)
	if err != nil {
		return err
	}
	ring, err := store.KeyRing(ctx, master)
	if err == nil {
		_, err = wantSound(ctx, store, ring)
	}
	return errors.Join(err, store.Close())
}

// wantSound reads everything as the server would.
func wantSound(ctx context.Context, store *db.DB, ring *db.KeyRing) (keeper.Health, error) {
	health, err := keeper.Check(ctx, store, ring)
	if err != nil || len(health.Problems) == 0 {
		return health, err
	}
	return health, fmt.Errorf("%d problems were found in the copy: %s", len(health.Problems)+health.Unsaid, strings.Join(health.Problems, "; "))
}

// Recipients reads age's public keys, such as age1….
func Recipients(texts []string) ([]age.Recipient, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	recipients, err := age.ParseRecipients(strings.NewReader(strings.Join(texts, "\n")))
	if err != nil {
		return nil, fmt.Errorf("an age recipient cannot be read: %w", err)
	}
	return recipients, nil
}

func encrypt(ctx context.Context, from, to string, recipients []age.Recipient) error {
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, permissions)
	if err != nil {
		return err
	}
	sealed, err := age.Encrypt(target, recipients...)
	if err == nil {
		err = longfile.Read(ctx, from, func(portion []byte) error {
			_, err := sealed.Write(portion)
			return errors.Join(err, target.Sync())
		})
		err = errors.Join(err, sealed.Close())
	}
	return errors.Join(err, target.Sync(), target.Close())
}

// publish gives a file that is ready its name, then writes the manifest that makes it a backup.
func publish(ctx context.Context, ready string, taken *Taken) (err error) {
	if taken.Bytes, taken.SHA256, err = measure(ctx, ready); err != nil {
		return err
	}
	if err := giveName(ready, taken.Path); err != nil {
		return err
	}
	folder := filepath.Dir(taken.Path)
	err = db.SyncFolder(folder)
	if err == nil {
		err = writeManifest(filepath.Dir(ready), taken)
	}
	if err != nil {
		return errors.Join(err, os.Remove(taken.Path))
	}
	return db.SyncFolder(folder)
}

func writeManifest(folder string, taken *Taken) error {
	text, err := json.MarshalIndent(taken.Manifest, "", "  ")
	if err != nil {
		return err
	}
	ready := filepath.Join(folder, "manifest")
	file, err := os.OpenFile(ready, os.O_CREATE|os.O_EXCL|os.O_WRONLY, permissions)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return giveName(ready, taken.Path+ManifestSuffix)
}

// giveName moves a file to a name that nobody has. Two links do so even when somebody else wants the name just then; a file system
// without them gets a look and a move.
func giveName(ready, name string) error {
	err := os.Link(ready, name)
	if err == nil {
		return os.Remove(ready)
	}
	if !errors.Is(err, fs.ErrExist) {
		if _, found := os.Lstat(name); errors.Is(found, fs.ErrNotExist) {
			return os.Rename(ready, name)
		}
	}
	return app.Fail(app.AlreadyExists, "").Because(err)
}

func measure(ctx context.Context, path string) (bytes int64, sum string, err error) {
	digest := sha256.New()
	err = longfile.Read(ctx, path, func(portion []byte) error {
		bytes += int64(len(portion))
		_, err := digest.Write(portion)
		return err
	})
	return bytes, hexOf(digest), err
}

func hexOf(digest hash.Hash) string { return hex.EncodeToString(digest.Sum(nil)) }

// ReadManifest reads the manifest of a backup. An error: it was cut short, or is none.
func ReadManifest(path string) (Manifest, error) {
	text, err := os.ReadFile(path + ManifestSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%s has no manifest %s beside it: the backup was cut short, or the manifest was left behind",
			path, filepath.Base(path)+ManifestSuffix)
	}
	if err != nil {
		return Manifest{}, err
	}
	var manifest Manifest
	if err := json.Unmarshal(text, &manifest); err != nil || manifest.Format != manifestFormat {
		return Manifest{}, errors.Join(fmt.Errorf("%s%s is no manifest this program knows", path, ManifestSuffix), err)
	}
	return manifest, nil
}
