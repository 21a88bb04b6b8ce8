// Package longfile reads and copies files as long as a database beside a server that goes on: in portions, at a pace, and past the
// system's memory where that can be, so that they neither push out what the server reads nor fill the disk's queue.
package longfile

import (
	"context"
	"errors"
	"io"
	"os"
	"unsafe"

	"wxkeeper/app/pace"
)

const (
	portionBytes = 4 << 20
	share        = 0.25 // of the time that all portions take
	alignment    = 4096 // of bytes, in memory and in the file, that can go past the system's memory
)

// Read gives visit a file that nobody writes to, portion by portion. A portion is valid until visit returns.
func Read(ctx context.Context, path string, visit func(portion []byte) error) error {
	return read(ctx, path, true, visit)
}

// read reads past the system's memory only where nobody writes: what others have just written there may not be on the disk yet.
func read(ctx context.Context, path string, quiet bool, visit func(portion []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	portion := alignedBytes(portionBytes)
	past := quiet && pastCache(file, true)
	for gently := pace.Of(share); ; {
		length, err := io.ReadFull(file, portion)
		if past && misaligned(err) { // perhaps the end alone is
			past = false
			pastCache(file, false)
			var more int
			more, err = io.ReadFull(file, portion[length:])
			length += more
		}
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		if err := visit(portion[:length]); err != nil || length < len(portion) {
			return err
		}
		if err := gently.Rest(ctx); err != nil {
			return err
		}
	}
}

// Copy copies a file, which others may write to. At the other end there is nothing yet, or an empty file; what is made there is readable
// by its owner alone. It is on disk when Copy returns.
func Copy(ctx context.Context, from, to string) (err error) {
	file, err := os.OpenFile(to, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Sync(), file.Close()) }()
	return read(ctx, from, false, func(portion []byte) error { return write(file, portion) })
}

// write writes the next bytes of a file. Those that cannot go past the system's memory are flushed at once: it would write them all
// together when it suits nobody.
func write(to *os.File, portion []byte) error {
	if len(portion)%alignment == 0 && pastCache(to, true) {
		_, err := to.Write(portion)
		pastCache(to, false)
		if !misaligned(err) {
			return err
		}
	}
	_, err := to.Write(portion)
	return errors.Join(err, to.Sync())
}

func alignedBytes(length int) []byte {
	bytes := make([]byte, length+alignment)
	misplaced := int(uintptr(unsafe.Pointer(&bytes[0])) % alignment)
	return bytes[alignment-misplaced:][:length]
}
