package bench

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"
)

// usage is what a process costs.
type usage struct {
	cpu time.Duration
	rss int64
}

const rssEvery = 50 * time.Millisecond

// watchRSS looks at a process's memory until the context ends, and gives the most it has held.
func watchRSS(ctx context.Context, pid int) (most int64) {
	tick := time.NewTicker(rssEvery)
	defer tick.Stop()
	for {
		now, _ := usageOf(pid)
		most = max(most, now.rss)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return most
		}
	}
}

// bytesIn is the size of all files in a folder.
func bytesIn(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // a file that went away meanwhile
		}
		if info, err := entry.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
