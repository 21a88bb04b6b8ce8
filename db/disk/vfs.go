package disk

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// The engine is C turned into Go: its structs lie in memory of its own, pointers are numbers, and so are functions. What is
// handed to it must therefore be static functions and memory of its allocator, and finds its way back by a number.
var (
	registry sync.RWMutex
	disks    = map[uintptr]*Disk{} // by their sqlite3_vfs
	files    = map[uintptr]*file{} // by their sqlite3_file
)

// file is an open file of a watched disk.
type file struct {
	disk  *Disk
	path  string
	under methods
	// fresh files have not been flushed since they were opened to be created. Their first flush is also the folder's.
	fresh atomic.Bool
}

// methods are the engine's own functions for a file that ours stand before.
type methods struct {
	ours                         uintptr // the table that names ours
	write, truncate, sync, close uintptr
}

func diskOf(vfs uintptr) *Disk {
	registry.RLock()
	defer registry.RUnlock()
	return disks[vfs]
}

func fileOf(at uintptr) *file {
	registry.RLock()
	defer registry.RUnlock()
	return files[at]
}

func enter(at uintptr, f *file) {
	registry.Lock()
	defer registry.Unlock()
	files[at] = f
}

func leave(at uintptr) {
	registry.Lock()
	defer registry.Unlock()
	delete(files, at)
}

// pointed reads an address of the engine's memory as what lies there.
func pointed[T any](at uintptr) *T { return *(**T)(unsafe.Pointer(&at)) }

// number is how the engine names a function, which must be static.
func number[F any](function F) uintptr { return *(*uintptr)(unsafe.Pointer(&function)) }

// function is the function that the engine names by a number.
func function[F any](number uintptr) F { return *(*F)(unsafe.Pointer(&number)) }

type (
	openFunction     = func(tls *libc.TLS, vfs, name, at uintptr, flags int32, flagsOut uintptr) int32
	deleteFunction   = func(tls *libc.TLS, vfs, name uintptr, syncFolder int32) int32
	writeFunction    = func(tls *libc.TLS, at, bytes uintptr, length int32, offset int64) int32
	truncateFunction = func(tls *libc.TLS, at uintptr, size int64) int32
	syncFunction     = func(tls *libc.TLS, at uintptr, flags int32) int32
	closeFunction    = func(tls *libc.TLS, at uintptr) int32
)

// register makes a copy of the engine's own VFS known under the disk's name, in which ours stand before some functions.
func (d *Disk) register() error {
	var err error
	if d.cName, err = libc.CString(d.name); err != nil {
		return err
	}
	if sqlite3.Xsqlite3_vfs_find(d.tls, d.cName) != 0 {
		return errTaken
	}
	under := pointed[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(d.tls, 0))
	d.open, d.delete = function[openFunction](under.FxOpen), function[deleteFunction](under.FxDelete)
	if d.vfs, err = allocate(d.tls, *under); err != nil {
		return err
	}
	ours := pointed[sqlite3.Tsqlite3_vfs](d.vfs)
	ours.FpNext, ours.FzName = 0, d.cName
	ours.FxOpen, ours.FxDelete = number[openFunction](openFile), number[deleteFunction](deleteFile)

	registry.Lock()
	disks[d.vfs] = d
	registry.Unlock()
	return failure("register", sqlite3.Xsqlite3_vfs_register(d.tls, d.vfs, 0))
}

// unregister takes the disk out of the engine's list and gives back its memory. No file may be open.
func (d *Disk) unregister() error {
	registry.Lock()
	defer registry.Unlock()
	for _, f := range files {
		if f.disk == d {
			return errInUse
		}
	}
	rc := sqlite3.Xsqlite3_vfs_unregister(d.tls, d.vfs)
	delete(disks, d.vfs)
	d.release()
	return failure("unregister", rc)
}

// release gives back the engine's memory.
func (d *Disk) release() {
	libc.Xfree(d.tls, d.vfs)
	libc.Xfree(d.tls, d.cName)
	for _, m := range d.methods {
		libc.Xfree(d.tls, m.ours)
	}
	d.tls.Close()
}

// allocate puts a copy of a struct into the engine's memory.
func allocate[T any](tls *libc.TLS, value T) (uintptr, error) {
	at := libc.Xmalloc(tls, types.Size_t(unsafe.Sizeof(value)))
	if at == 0 {
		return 0, errMemory
	}
	*pointed[T](at) = value
	return at, nil
}

// methodsOver makes the table that stands before another. The engine has one table for each way of locking.
func (d *Disk) methodsOver(table uintptr) (methods, error) {
	d.opening.Lock()
	defer d.opening.Unlock()
	if known, found := d.methods[table]; found {
		return known, nil
	}
	under := *pointed[sqlite3.Tsqlite3_io_methods](table)
	made := methods{write: under.FxWrite, truncate: under.FxTruncate, sync: under.FxSync, close: under.FxClose}
	over := under
	over.FxWrite, over.FxTruncate = number[writeFunction](writeFile), number[truncateFunction](truncateFile)
	over.FxSync, over.FxClose = number[syncFunction](syncFile), number[closeFunction](closeFile)
	var err error
	made.ours, err = allocate(d.tls, over)
	d.methods[table] = made
	return made, err
}

func openFile(tls *libc.TLS, vfs, name, at uintptr, flags int32, flagsOut uintptr) int32 {
	d := diskOf(vfs)
	if name == 0 { // a temporary file, which nobody needs after a crash
		return d.open(tls, vfs, name, at, flags, flagsOut)
	}
	path := libc.GoString(name)
	if d.noteOpen(path) != nil {
		return sqlite3.SQLITE_CANTOPEN
	}
	if rc := d.open(tls, vfs, name, at, flags, flagsOut); rc != sqlite3.SQLITE_OK {
		return rc
	}
	head := pointed[sqlite3.Tsqlite3_file](at)
	under, err := d.methodsOver(head.FpMethods)
	if err != nil {
		return sqlite3.SQLITE_NOMEM
	}
	f := &file{disk: d, path: path, under: under}
	f.fresh.Store(flags&sqlite3.SQLITE_OPEN_CREATE != 0 && flags&(sqlite3.SQLITE_OPEN_WAL|sqlite3.SQLITE_OPEN_MAIN_JOURNAL) != 0)
	enter(at, f)
	head.FpMethods = under.ours
	return sqlite3.SQLITE_OK
}

func deleteFile(tls *libc.TLS, vfs, name uintptr, syncFolder int32) int32 {
	d, path := diskOf(vfs), libc.GoString(name)
	rc := d.delete(tls, vfs, name, syncFolder)
	if rc == sqlite3.SQLITE_OK {
		d.note(operation{kind: deleted, path: path})
		if syncFolder != 0 {
			d.note(operation{kind: synced, path: path, covers: d.Recorded(), folder: true})
		}
	}
	return rc
}

func writeFile(tls *libc.TLS, at, bytes uintptr, length int32, offset int64) int32 {
	f := fileOf(at)
	if trouble := f.disk.trouble.Load(); trouble != nil {
		return trouble.write
	}
	rc := function[writeFunction](f.under.write)(tls, at, bytes, length, offset)
	if rc == sqlite3.SQLITE_OK {
		f.disk.bytes.Add(int64(length))
		f.disk.noteWrite(f.path, offset, unsafe.Slice(pointed[byte](bytes), length))
	}
	return rc
}

func truncateFile(tls *libc.TLS, at uintptr, size int64) int32 {
	f := fileOf(at)
	if trouble := f.disk.trouble.Load(); trouble != nil {
		return trouble.truncate
	}
	rc := function[truncateFunction](f.under.truncate)(tls, at, size)
	if rc == sqlite3.SQLITE_OK {
		f.disk.note(operation{kind: truncated, path: f.path, offset: size})
	}
	return rc
}

func syncFile(tls *libc.TLS, at uintptr, flags int32) int32 {
	f := fileOf(at)
	return f.disk.flush(f.path, &f.fresh, func() int32 { return function[syncFunction](f.under.sync)(tls, at, flags) })
}

func closeFile(tls *libc.TLS, at uintptr) int32 {
	f := fileOf(at)
	leave(at)
	return function[closeFunction](f.under.close)(tls, at)
}
