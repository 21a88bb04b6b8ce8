package longfile

import (
	"errors"
	"os"
	"syscall"
)

// pastCache lets what is written to a file go to the disk past the system's memory, or again through it: a copy as long as a database
// would push out what the server reads, and be written by the system when it suits nobody (open(2), O_DIRECT). It tells whether the file
// system can do that. Bytes that go past must be aligned, in memory and in the file.
func pastCache(file *os.File, past bool) bool {
	connection, err := file.SyscallConn()
	if err != nil {
		return false
	}
	done := false
	err = connection.Control(func(descriptor uintptr) {
		flags, _, failure := syscall.Syscall(syscall.SYS_FCNTL, descriptor, syscall.F_GETFL, 0)
		if past {
			flags |= syscall.O_DIRECT
		} else {
			flags &^= syscall.O_DIRECT
		}
		if failure == 0 {
			_, _, failure = syscall.Syscall(syscall.SYS_FCNTL, descriptor, syscall.F_SETFL, flags)
		}
		done = failure == 0
	})
	return err == nil && done
}

// misaligned says whether a write failed since its bytes could not go past the system's memory.
func misaligned(err error) bool { return errors.Is(err, syscall.EINVAL) }
