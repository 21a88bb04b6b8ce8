package overview

import "time"

// ReadEvery lets a feed read more often than people need.
func (f *Feed) ReadEvery(every time.Duration) { f.every = every }

// Polling says whether anything is read for listeners.
func (f *Feed) Polling() bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.polling
}

const (
	FeedWaiting   = feedWaiting
	FeedListeners = feedListeners
)
