package db

import (
	"os"
	"syscall"
)

// stretch is how much of a file is handed to the disk at once: whoever waits for the log meanwhile waits for no more.
const stretch = 8 << 20

// writeBack has the system write what is waiting of a file, one stretch after the other (sync_file_range(2)). It makes nothing durable:
// the flush after it does, and finds little left to write.
func writeBack(file *os.File) error {
	const waitBefore, write, waitAfter = 1, 2, 4
	found, err := file.Stat()
	if err != nil {
		return err
	}
	connection, err := file.SyscallConn()
	if err != nil {
		return err
	}
	for from := int64(0); from < found.Size(); from += stretch {
		var failure error
		err := connection.Control(func(descriptor uintptr) {
			failure = syscall.SyncFileRange(int(descriptor), from, stretch, waitBefore|write|waitAfter)
		})
		if err != nil {
			return err
		}
		if failure != nil {
			return nil // the file system does not know it
		}
	}
	return nil
}
