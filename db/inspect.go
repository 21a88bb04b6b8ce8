package db

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Inspection is what a data folder tells of itself while nothing in it is changed.
type Inspection struct {
	Served        bool  // a server uses it now
	Exists        bool  // it holds a database; false: the rest says nothing
	SchemaVersion int64 // of the database
	KnownSchema   int64 // of this program
	KeyProblem    error // why the master key does not open what is encrypted; nil: it does, or nothing is encrypted yet
}

// Inspect looks at a data folder and opens nothing for writing: it makes no file and no folder, and leaves the schema as it is. It fails
// where the database is none of ours, is damaged so far that it cannot be asked, or is newer than this program.
func Inspect(ctx context.Context, folder string, master [dataKeyBytes]byte) (Inspection, error) {
	found := Inspection{Exists: Exists(folder)}
	served, err := isServed(folder)
	if err != nil || !found.Exists {
		return found, err
	}
	found.Served = served
	source, err := readOnlySource(filepath.Join(folder, databaseFile))
	if err != nil {
		return found, err
	}
	return found, withReader(source, func(d *DB) error { return d.inspect(ctx, master, &found) })
}

func (d *DB) inspect(ctx context.Context, master [dataKeyBytes]byte, found *Inspection) (err error) {
	if found.KnownSchema, err = d.knownSchema(); err != nil {
		return err
	}
	if found.SchemaVersion, err = d.SchemaVersion(ctx); err != nil {
		return err
	}
	if found.SchemaVersion > found.KnownSchema {
		return tooNew(found.SchemaVersion, found.KnownSchema)
	}
	if _, found.KeyProblem = d.KeyRing(ctx, master); errors.Is(found.KeyProblem, errNeverServed) {
		found.KeyProblem = nil // serve makes them
	}
	return nil
}

// isServed asks for the server's lock without making its file. Whoever asks has it for a moment, beside others who ask.
func isServed(folder string) (bool, error) {
	path := filepath.Join(folder, serveLock)
	if _, err := os.Stat(path); err != nil {
		return false, ignoreMissing(err)
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	got, err := lock.TryRLock()
	return !got && err == nil, errors.Join(err, lock.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// readOnlySource opens a database as it is. Where a write-ahead log stands beside it, that of a server at work or of one that was killed,
// it is read too, by the shared memory of that server, which is not written to; where there is none, the file is taken for what it is.
func readOnlySource(path string) (string, error) {
	if err := insistOnLogOfDatabase(path); err != nil {
		return "", err
	}
	source := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=query_only(1)&mode=ro&"
	log, err := sizeOf(path + logSuffix)
	if err != nil || log == 0 {
		return source + "immutable=1", err
	}
	if _, err := os.Stat(path + "-shm"); err != nil {
		return "", fmt.Errorf("%s has a write-ahead log that only a server can take in: start it, which does that", path)
	}
	return source + "readonly_shm=1", nil
}
