//go:build !linux

package bench

import "os"

// usageOf is not known here.
func usageOf(int) (usage, bool) { return usage{}, false }

// flush makes durable what was written to a file.
func flush(file *os.File) error { return file.Sync() }
