package app

import "time"

// JobRun is how a periodic job of this process fared the last time. Zero times: it has not run yet.
type JobRun struct {
	Name      string
	Every     time.Duration
	Holder    int64 // what this process is called in the leases
	StartedAt time.Time
	Took      time.Duration // of the last run that ended
	GoodAt    time.Time     // when the last run ended that did not fail
	Running   bool
	Problem   string    // why the last run failed; empty: it did not
	NextAt    time.Time // when its turn comes if nothing wakes it
}
