//go:build linux || darwin || freebsd

package overview

import "syscall"

// DiskSpace tells how many bytes of a folder's disk are free for us, and how many it has. It is not known on every system.
func DiskSpace(folder string) (free, size uint64, known bool) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return 0, 0, false
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), uint64(disk.Blocks) * uint64(disk.Bsize), true
}
