package app

import "time"

// BackupRun is how one scheduled backup fared.
type BackupRun struct {
	StartedAt time.Time
	Took      time.Duration
	Bytes     int64  // of its file
	Name      string // of its file; "": there is none
	Encrypted bool
	Problem   string // why it failed; "": it did not
}
