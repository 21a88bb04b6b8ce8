package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"

	"wxkeeper/app"
	"wxkeeper/app/longfile"
)

// pagesAtOnce is how many pages the engine copies between two looks at the context: 4 MiB.
const pagesAtOnce = 1024

// Copy writes the database as it is at one moment into the new database of a folder that has none. It goes on beside writers and
// holds up none; the write-ahead log grows meanwhile, since the moment is held until the end. The copy is on disk when it
// returns.
func (d *DB) Copy(ctx context.Context, folder string) (err error) {
	path := filepath.Join(folder, databaseFile)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, filePermissions)
	if err != nil {
		return app.Fail(app.StorageUnavailable, "").Because(err)
	}
	defer func() { err = d.read.failure(errors.Join(err, file.Close())) }()
	copying := copyPages
	if sqlite.OFDLockingEnabled() { // else the engine's locks are lost when a file of it is closed
		copying = copyFiles
	}
	if err := copying(ctx, d.file(databaseFile), path); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return file.Sync()
}

// copyFiles copies the files themselves, which costs a tenth of copying their pages by the engine. As long as a reader is at a moment,
// the database file holds no page of a later one, and the log each that was moved into the file since: the file, in whatever state of
// that, and the log after it are together the database of a later moment (https://www.sqlite.org/walformat.html, 4.3 and 4.4).
func copyFiles(ctx context.Context, from, to string) error {
	err := atOneMoment(ctx, from, func(*sql.Conn) error {
		if err := longfile.Copy(ctx, from, to); err != nil {
			return err
		}
		return longfile.Copy(ctx, from+logSuffix, to+logSuffix)
	})
	if err != nil {
		return err
	}
	return emptyLogInto(ctx, to)
}

// atOneMoment holds a moment of a database with a connection of its own: a reader of the pool would be missed there.
func atOneMoment(ctx context.Context, path string, work func(*sql.Conn) error) (err error) {
	handle, reader, err := openOne(ctx, dsn(path, readerPragmas))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close(), handle.Close()) }()
	for _, statement := range []string{"BEGIN", "SELECT 1 FROM apps LIMIT 1"} { // the moment is that of the first read
		if _, err := reader.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	defer func() {
		_, ended := reader.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		err = errors.Join(err, ended)
	}()
	return work(reader)
}

// copyPages lets the engine copy.
func copyPages(ctx context.Context, from, to string) error {
	return atOneMoment(ctx, from, func(reader *sql.Conn) error {
		return reader.Raw(func(connection any) error {
			source := connection.(interface {
				NewBackup(to string) (*sqlite.Backup, error)
			})
			// Whoever is cut short begins anew, and Copy flushes.
			copying, err := source.NewBackup(dsn(to, []string{"journal_mode(OFF)", "synchronous(OFF)"}))
			if err != nil {
				return err
			}
			for more := true; more && err == nil; {
				if more, err = copying.Step(pagesAtOnce); err == nil {
					err = context.Cause(ctx)
				}
			}
			return errors.Join(err, copying.Finish())
		})
	})
}

// TempFolder makes a folder for a copy that is not to be seen elsewhere, beside the database. Remove it.
func (d *DB) TempFolder(pattern string) (string, error) { return os.MkdirTemp(d.folder, pattern) }

// RemoveTempFolders removes temporary folders made before a time.
func (d *DB) RemoveTempFolders(pattern string, before time.Time) error {
	found, err := filepath.Glob(d.file(pattern))
	for _, one := range found {
		if made, lost := os.Stat(one); lost == nil && made.ModTime().Before(before) {
			err = errors.Join(err, os.RemoveAll(one))
		}
	}
	return err
}

// FileIn is the database file of a folder.
func FileIn(folder string) string { return filepath.Join(folder, databaseFile) }

// CopyFacts are what a copy of a database tells of itself.
type CopyFacts struct {
	SchemaVersion int64
	AuditRows     int64
	AuditHead     []byte // the MAC of the last row; empty: there is none
}

// InspectCopy reads a copy that nobody writes to, and changes nothing. It refuses what is no database of ours, and one that a
// newer program wrote.
func InspectCopy(ctx context.Context, folder string) (CopyFacts, error) {
	var facts CopyFacts
	err := withCopy(filepath.Join(folder, databaseFile), func(d *DB) (err error) {
		if facts.SchemaVersion, err = d.SchemaVersion(ctx); err != nil {
			return err
		}
		if known, err := d.knownSchema(); err != nil || facts.SchemaVersion > known {
			return errors.Join(err, tooNew(facts.SchemaVersion, known))
		}
		err = d.read.one(ctx, `SELECT sequence, mac FROM audit ORDER BY sequence DESC LIMIT 1`, nil, &facts.AuditRows, &facts.AuditHead)
		if app.KindOf(err) == app.NotFound {
			err = nil
		}
		return err
	})
	return facts, err
}

// DamageOfCopy lists what the engine finds wrong with the structure of a copy that nobody writes to.
func DamageOfCopy(ctx context.Context, folder string) (damage []string, err error) {
	err = withCopy(filepath.Join(folder, databaseFile), func(d *DB) (err error) {
		damage, err = d.Damage(ctx)
		return err
	})
	return damage, err
}

// withCopy opens a database file for reading as it lies there: without a write-ahead log, without changing anything.
func withCopy(path string, work func(*DB) error) (err error) {
	return withReader("file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&immutable=1&_pragma=query_only(1)", work)
}

func withReader(source string, work func(*DB) error) (err error) {
	handle, err := sql.Open("sqlite", source)
	if err != nil {
		return err
	}
	d := &DB{dialect: sqliteDialect(), readers: handle}
	d.read = &Queries{dialect: d.dialect, prepare: preparePool(handle)}
	return d.read.failure(errors.Join(work(d), handle.Close()))
}

func (d *DB) knownSchema() (int64, error) {
	provider, err := d.migrations(d.readers)
	if err != nil {
		return 0, err
	}
	newest := int64(0)
	for _, source := range provider.ListSources() {
		newest = max(newest, source.Version)
	}
	return newest, nil
}

// Erasure says that somebody was erased, without telling who.
type Erasure struct {
	AppID app.AppID
	Hash  []byte // of the openid: see KeyRing.OpenIDHash
	At    time.Time
}

// Lineage tells whether keyed hashes of two databases can be compared: they can where it is the same, since one database is
// then a later state of the other.
type Lineage struct {
	KeyID     int
	CreatedAt time.Time
}

// Lineage tells the database's.
func (q *Queries) Lineage(ctx context.Context) (Lineage, error) {
	var lineage Lineage
	err := q.one(ctx, `SELECT id, created_at FROM data_keys WHERE purpose = ? ORDER BY id DESC LIMIT 1`, []any{purposePhoneHash},
		&lineage.KeyID, moment{&lineage.CreatedAt})
	return lineage, err
}

// ErasedIn lists who was erased, as the database of a folder knows it, whatever its schema and even if it is damaged elsewhere. The
// zero lineage: nothing has ever been served from there.
func ErasedIn(ctx context.Context, folder string) (erased []Erasure, lineage Lineage, err error) {
	err = withReader(dsn(filepath.Join(folder, databaseFile), readerPragmas[:1:1]), func(d *DB) error {
		erased, lineage, err = d.erasedWithLineage(ctx)
		return err
	})
	return erased, lineage, err
}

// ErasedInCopy lists who was erased, as a database file knows it that nobody writes to.
func ErasedInCopy(ctx context.Context, path string) (erased []Erasure, lineage Lineage, err error) {
	err = withCopy(path, func(d *DB) error {
		erased, lineage, err = d.erasedWithLineage(ctx)
		return err
	})
	return erased, lineage, err
}

func (d *DB) erasedWithLineage(ctx context.Context) ([]Erasure, Lineage, error) {
	lineage, err := d.read.Lineage(ctx)
	if app.KindOf(err) == app.NotFound {
		return nil, Lineage{}, nil
	}
	if err != nil {
		return nil, Lineage{}, err
	}
	erased, err := d.read.Erasures(ctx)
	return erased, lineage, err
}

// Erasures lists who was erased.
func (q *Queries) Erasures(ctx context.Context) ([]Erasure, error) {
	var all []Erasure
	err := q.each(ctx, `SELECT app_id, openid_hash, erased_at FROM erased ORDER BY app_id, openid_hash`, nil,
		func(scan func(...any) error) error {
			var one Erasure
			err := scan(&one.AppID, &one.Hash, moment{&one.At})
			all = append(all, one)
			return err
		})
	return all, err
}

// asideForm dates what a restore has replaced.
const asideForm = "20060102T150405Z"

// Replace puts the database of one folder into the place of another's, whose folder must be locked, and keeps what was there in a
// folder beside it, whose name it gives ("": there was nothing). Killed at any moment it leaves the one or the other in place, whole.
func Replace(ctx context.Context, folder, by string, at time.Time) (aside string, err error) {
	live := filepath.Join(folder, databaseFile)
	if Exists(folder) {
		if aside, err = keepAside(ctx, folder, at); err != nil {
			return "", err
		}
	}
	if err := os.Rename(filepath.Join(by, databaseFile), live); err != nil {
		return aside, err
	}
	return aside, SyncFolder(folder)
}

// keepAside gives what is there a second name. Only what could not be put into the database file any more, since that is damaged, is
// moved away: a write-ahead log must not meet another database.
func keepAside(ctx context.Context, folder string, at time.Time) (aside string, err error) {
	live := filepath.Join(folder, databaseFile)
	_ = emptyLogInto(ctx, live) // a damaged database is put aside with its log
	if aside, err = makeAside(folder, at); err != nil {
		return "", err
	}
	for _, suffix := range []string{logSuffix, "-shm"} {
		err := os.Rename(live+suffix, filepath.Join(aside, databaseFile+suffix))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	if err := linkOrCopy(live, filepath.Join(aside, databaseFile)); err != nil {
		return "", err
	}
	return aside, errors.Join(SyncFolder(aside), SyncFolder(folder))
}

// makeAside makes a dated folder; a restore that was killed may have made one in the same second.
func makeAside(folder string, at time.Time) (string, error) {
	dated := filepath.Join(folder, "replaced-"+at.UTC().Format(asideForm))
	aside := dated
	for n := 2; ; n++ {
		err := os.Mkdir(aside, folderPermissions)
		if !errors.Is(err, os.ErrExist) {
			return aside, err
		}
		aside = fmt.Sprintf("%s-%d", dated, n)
	}
}

// emptyLogInto closes a database as a server does that ends: the last connection empties the log into the file and deletes it.
func emptyLogInto(ctx context.Context, path string) error {
	handle, connection, err := openOne(ctx, dsn(path, writerPragmas))
	if err != nil {
		return err
	}
	_, err = connection.ExecContext(ctx, sqliteDialect().emptyLog)
	err = errors.Join(err, connection.Close(), handle.Close())
	if _, left := os.Lstat(path + logSuffix); err == nil && !errors.Is(left, os.ErrNotExist) {
		err = errBusyLog
	}
	return err
}

// linkOrCopy gives a file a second name, or where the file system knows no such thing a second self.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, filePermissions)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}

// SyncFolder puts the names in a folder on disk.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
