package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"

	"wxkeeper/app"
)

const (
	folderPermissions = 0o700
	filePermissions   = 0o600
	databaseFile      = "wxkeeper.db"
	logSuffix         = "-wal" // of the engine's write-ahead log
	serveLock         = "serve.lock"
	migrateLock       = "migrate.lock"
)

// DB is one data folder: a single writer whose commits are gathered, and readers that cannot write.
type DB struct {
	folder  string
	disk    Disk
	dialect dialect
	readers *sql.DB
	read    *Queries
	writer  *writer
	cache   int // bytes of pages that the writer keeps; 0: as many as the engine likes

	checkpoints *checkpointer
}

// Open opens the database of a data folder, which it creates with nobody else's permissions, and brings its schema up to
// date. Close it.
func Open(ctx context.Context, folder string, options ...Option) (*DB, error) {
	return open(ctx, folder, (*DB).migrate, options...)
}

// Option changes how a database is opened.
type Option func(*DB)

// Disk is what lies between a database and the real disk.
type Disk interface {
	// Name is that of the VFS through which the engine reaches its files, "" the engine's own.
	Name() string
	// Flush makes durable what was written to a file, by the engine too.
	Flush(file *os.File) error
}

// WithDisk puts a disk under a database, such as a watched one (package db/disk). For tests and measurements.
func WithDisk(disk Disk) Option { return func(d *DB) { d.disk = disk } }

// WithCache lets the writer keep so many bytes of pages in memory, for work that writes a great deal all over the database.
func WithCache(bytes int) Option { return func(d *DB) { d.cache = bytes } }

type realDisk struct{}

func (realDisk) Name() string              { return "" }
func (realDisk) Flush(file *os.File) error { return file.Sync() }

// OpenBeside opens the database of a data folder that a server may be using. It leaves the schema of an existing database as
// it is, and fails if that is not the schema this program knows; where there is no database it creates one.
func OpenBeside(ctx context.Context, folder string) (*DB, error) {
	if !Exists(folder) {
		return Open(ctx, folder)
	}
	return open(ctx, folder, (*DB).insistOnSchema)
}

func open(ctx context.Context, folder string, prepare func(*DB, context.Context, string) error, options ...Option) (*DB, error) {
	keepLocks()
	d := &DB{folder: folder, disk: realDisk{}, dialect: sqliteDialect()}
	for _, choose := range options {
		choose(d)
	}
	if err := d.open(ctx, prepare); err != nil {
		return nil, app.Fail(app.StorageUnavailable, "").Because(fmt.Errorf("open data folder %s: %w", folder, err))
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, prepare func(*DB, context.Context, string) error) error {
	path := d.file(databaseFile)
	if err := createPrivately(d.folder, path); err != nil {
		return err
	}
	if err := prepare(d, ctx, path); err != nil {
		return err
	}
	readers, err := sql.Open("sqlite", d.dsn(path, readerPragmas))
	if err != nil {
		return err
	}
	readers.SetMaxOpenConns(runtime.NumCPU())
	readers.SetMaxIdleConns(runtime.NumCPU())
	d.readers = readers
	d.read = &Queries{dialect: d.dialect, prepare: preparePool(readers)}
	pragmas := writerPragmas
	if d.cache > 0 {
		pragmas = append(slices.Clip(pragmas), fmt.Sprintf("cache_size(-%d)", d.cache>>10))
	}
	d.writer, err = startWriter(ctx, d.dsn(path, pragmas), d.dialect)
	if err != nil {
		return errors.Join(err, readers.Close())
	}
	d.checkpoints, err = d.startCheckpointer(ctx, path)
	if err != nil {
		return errors.Join(err, readers.Close(), d.writer.close())
	}
	return nil
}

// Exists says whether a folder holds a database.
func Exists(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, databaseFile))
	return err == nil
}

// Read is the handle for reading. It cannot write.
func (d *DB) Read() *Queries { return d.read }

// Close waits for the writes that were accepted, then closes. The writer goes last, since the last connection to go empties
// the write-ahead log into the database file, and a reader cannot.
func (d *DB) Close() error {
	return errors.Join(d.readers.Close(), d.checkpoints.close(), d.writer.close())
}

func (d *DB) file(name string) string { return filepath.Join(d.folder, name) }

// createPrivately makes folder and file readable by their owner alone, whatever the umask: SQLite gives its WAL the
// permissions of the database file.
func createPrivately(folder, path string) error {
	if err := ownFolder(folder); err != nil {
		return err
	}
	if err := insistOnLogOfDatabase(path); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, filePermissions)
	if err != nil {
		return err
	}
	return errors.Join(file.Chmod(filePermissions), file.Close())
}

// insistOnLogOfDatabase refuses a log whose database is gone or empty: the engine would throw it away and begin afresh.
func insistOnLogOfDatabase(path string) error {
	database, err := sizeOf(path)
	if err != nil {
		return err
	}
	log, err := sizeOf(path + logSuffix)
	if err == nil && database == 0 && log > 0 {
		err = fmt.Errorf("%s is gone or empty but its write-ahead log is still there: restore a backup, or move the log away", path)
	}
	return err
}

// ownFolder makes the data folder, or closes to others one that holds nothing but our files. A folder with other things in it is
// left as it is.
func ownFolder(folder string) error {
	if err := os.MkdirAll(folder, folderPermissions); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !ours(entry.Name()) {
			return nil
		}
	}
	return os.Chmod(folder, folderPermissions)
}

func ours(name string) bool {
	files := []string{databaseFile, databaseFile + logSuffix, databaseFile + "-shm", serveLock, migrateLock, "sandbox.key"}
	return slices.Contains(files, name) || strings.HasPrefix(name, "replaced-") || strings.HasSuffix(name, ".partial")
}

// Pragmas of every connection. busy_timeout stands first, so that the others wait too.
var (
	sharedPragmas     = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}
	migrationPragmas  = append(slices.Clip(sharedPragmas), "secure_delete(FAST)", fmt.Sprintf("journal_size_limit(%d)", logFileLimit))
	writerPragmas     = append(slices.Clip(migrationPragmas), "wal_autocheckpoint(0)")
	readerPragmas     = append(slices.Clip(sharedPragmas), "query_only(1)")
	checkpointPragmas = append([]string{"busy_timeout(20)"}, sharedPragmas[1:]...) // while it waits for readers, writes are held
)

func (d *DB) dsn(path string, pragmas []string) string {
	if d.disk.Name() == "" {
		return dsn(path, pragmas)
	}
	return dsn(path, pragmas) + "&vfs=" + url.QueryEscape(d.disk.Name())
}

// openOne opens a database with one connection, which is in use until it is closed.
func openOne(ctx context.Context, dsn string) (*sql.DB, *sql.Conn, error) {
	handle, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, nil, err
	}
	connection, err := handle.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, handle.Close())
	}
	return handle, connection, nil
}

func dsn(path string, pragmas []string) string {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// FolderLock holds a data folder for one server.
type FolderLock struct {
	lock    *flock.Flock
	release sync.Once
}

// LockFolder takes the data folder for one serving process and fails at once if another holds it. The system releases it
// when the process ends, however it ends.
func LockFolder(folder string) (*FolderLock, error) {
	if err := ownFolder(folder); err != nil {
		return nil, app.Fail(app.StorageUnavailable, "").Because(err)
	}
	lock := flock.New(filepath.Join(folder, serveLock), flock.SetPermissions(filePermissions))
	held, err := lock.TryLock()
	if err != nil {
		return nil, app.Fail(app.StorageUnavailable, "").Because(err)
	}
	if !held {
		return nil, app.Fail(app.AlreadyExists, "").Because(
			fmt.Errorf("another wxkeeper serves the data folder %s: stop it, or set WXKEEPER_DATA to another folder", folder))
	}
	return &FolderLock{lock: lock}, nil
}

// Release gives the folder back.
func (l *FolderLock) Release() {
	l.release.Do(func() { l.lock.Close() })
}

// Ready says why requests cannot be served now, nil when they can. After a write that failed it tries one of its own, so that
// a disk that has room again is noticed without anybody's request.
func (d *DB) Ready(ctx context.Context) error {
	if len(d.writer.queue) == queueLength {
		return app.Fail(app.StorageUnavailable, "").Because(errQueueFull)
	}
	if d.writer.failing.Load() {
		return errors.Join(d.Write(ctx, (*Tx).fillProbe), d.Write(ctx, (*Tx).emptyProbe))
	}
	var one int
	return d.read.one(ctx, `SELECT 1 FROM apps LIMIT 1`, nil, &one)
}

// fillProbe writes more than a login does: a few bytes may still fit on a disk that is full for everybody else.
func (t *Tx) fillProbe() error {
	if err := t.emptyProbe(); err != nil {
		return err
	}
	_, err := t.change(`INSERT INTO disk_probe (id, filler) VALUES (1, ?)`, make([]byte, 64<<10))
	return err
}

func (t *Tx) emptyProbe() error {
	_, err := t.change(`DELETE FROM disk_probe`)
	return err
}

// Damage lists what the engine finds wrong with the structure of the database, nothing when it is sound.
func (d *DB) Damage(ctx context.Context) ([]string, error) {
	var found []string
	err := d.read.each(ctx, d.dialect.damage, nil, func(scan func(...any) error) error {
		var line string
		err := scan(&line)
		if line != "ok" {
			found = append(found, line)
		}
		return err
	})
	if err != nil && len(found) > 0 { // the search ends where the damage is too bad
		return append(found, err.Error()), nil
	}
	return found, err
}
