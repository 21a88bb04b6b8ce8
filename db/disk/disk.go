// Package disk watches what the database does to its files, and does to it what disks do: it counts and slows flushes, refuses
// writes as a full or broken disk would, and records every change, so that the files can be rebuilt as a loss of power may
// leave them. It stands between SQLite and the real files; tests and measurements use it, the server does not.
package disk

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	errTaken  = errors.New("a disk of this name is watched already")
	errInUse  = errors.New("files are still open")
	errMemory = errors.New("no memory")
)

// Disk is the real disk, watched.
type Disk struct {
	name      string
	tls       *libc.TLS
	vfs       uintptr
	cName     uintptr
	open      openFunction
	delete    deleteFunction
	opening   sync.Mutex
	methods   map[uintptr]methods
	flushes   atomic.Int64
	bytes     atomic.Int64
	delay     atomic.Int64
	trouble   atomic.Pointer[Trouble]
	recording sync.Mutex
	record    *record
}

// Watch begins to watch what databases do that are opened with db.WithDisk. Close it when they are closed.
func Watch(name string) (*Disk, error) {
	d := &Disk{name: name, tls: libc.NewTLS(), methods: map[uintptr]methods{}}
	if err := d.register(); err != nil {
		d.release()
		return nil, fmt.Errorf("watch disk %s: %w", name, err)
	}
	return d, nil
}

// Name is that of the VFS.
func (d *Disk) Name() string { return d.name }

// Flush flushes a file as the engine does, and is counted, slowed, refused and recorded like that.
func (d *Disk) Flush(file *os.File) error {
	return failure("flush", d.flush(file.Name(), new(atomic.Bool), func() int32 {
		if file.Sync() != nil {
			return sqlite3.SQLITE_IOERR_FSYNC
		}
		return sqlite3.SQLITE_OK
	}))
}

// flush promises of a record only what was written before it began. The first flush of a fresh file is also the folder's.
func (d *Disk) flush(path string, fresh *atomic.Bool, under func() int32) int32 {
	if trouble := d.trouble.Load(); trouble != nil && trouble.flush != sqlite3.SQLITE_OK {
		return trouble.flush
	}
	d.flushes.Add(1)
	covers := d.Recorded()
	time.Sleep(time.Duration(d.delay.Load()))
	rc := under()
	if rc == sqlite3.SQLITE_OK {
		d.note(operation{kind: synced, path: path, covers: covers, folder: fresh.Swap(false)})
	}
	return rc
}

// Close ends the watch. It fails while a database is open on the disk.
func (d *Disk) Close() error {
	if err := d.unregister(); err != nil {
		return fmt.Errorf("disk %s: %w", d.name, err)
	}
	return nil
}

// Flushes tells how often the disk was asked to make durable what was written, be it to the log or the database file.
func (d *Disk) Flushes() int64 { return d.flushes.Load() }

// Bytes tells how much was written.
func (d *Disk) Bytes() int64 { return d.bytes.Load() }

// Slow makes every flush from now on take so much longer.
func (d *Disk) Slow(flush time.Duration) { d.delay.Store(int64(flush)) }

// Trouble is what a disk may have.
type Trouble struct{ write, truncate, flush int32 }

var (
	// Full takes no more bytes; what is there can be flushed and read.
	Full = &Trouble{write: sqlite3.SQLITE_FULL}
	// ReadOnly refuses every change, as a file system does that the system found broken.
	ReadOnly = &Trouble{sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_FSYNC}
)

// Have gives the disk a trouble, and with nil takes it away.
func (d *Disk) Have(trouble *Trouble) { d.trouble.Store(trouble) }

// failure puts a result code of the engine in words, nil for success.
func failure(what string, rc int32) error {
	if rc == sqlite3.SQLITE_OK {
		return nil
	}
	return fmt.Errorf("%s: SQLite says %d", what, rc)
}
