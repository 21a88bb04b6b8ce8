//go:build !linux

package bench

// usageOf is not known here.
func usageOf(int) (usage, bool) { return usage{}, false }
