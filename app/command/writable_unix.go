//go:build linux || darwin || freebsd

package command

import "syscall"

// mayWrite asks the system whether this process may write to a file or folder, and touches neither.
func mayWrite(path string) error {
	const forWriting = 2 // W_OK of access(2), which package syscall does not name
	return syscall.Access(path, forWriting)
}
