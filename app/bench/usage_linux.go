package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// clockTick is what /proc counts processor time in, the same on every Linux machine Go runs on.
const clockTick = 10 * time.Millisecond

// usageOf tells what a process has used of the processors since its start, and the memory it holds now.
func usageOf(pid int) (usage, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, false
	}
	// The name in parentheses may hold anything; the fields that follow are numbered from 3.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const user, system, resident = 14 - 3, 15 - 3, 24 - 3
	if len(fields) <= resident {
		return usage{}, false
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(string(fields[field]), 10, 64)
		return n
	}
	return usage{
		cpu: time.Duration(number(user)+number(system)) * clockTick,
		rss: number(resident) * int64(os.Getpagesize()),
	}, true
}

// flush makes durable what was written to a file that did not grow, as SQLite does.
func flush(file *os.File) error { return syscall.Fdatasync(int(file.Fd())) }
