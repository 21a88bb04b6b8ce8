package keeper

import (
	"sync"
	"time"

	"wxkeeper/app"
)

const (
	failuresAllowed = 300 // failures to open one session may make in failuresWindow
	uploadsAllowed  = 30  // pictures, good or bad, one user may send in failuresWindow
	failuresWindow  = 10 * time.Minute
	sessionsWatched = 10_000
)

// failures counts failures to open by session, so that nobody can try millions of forged payloads on a key, and uploads by user, since a
// picture that is small on the wire may take a second of a processor. It holds a bounded number of either in two halves: when the newer
// half is full the older one is forgotten.
type failures struct {
	lock         sync.Mutex
	newer, older map[app.ID]*failureCount
}

type failureCount struct {
	began time.Time
	n     int
	told  bool // an event has said that the session is refused for now
}

func newFailures() *failures {
	return &failures{newer: map[app.ID]*failureCount{}}
}

// tooManyFailures says how long a session must wait until it may try again, and whether it is told so for the first time.
func (k *Keeper) tooManyFailures(h holder) (wait time.Duration, first bool) {
	if !k.settings.LimitFailures {
		return 0, false
	}
	k.failures.lock.Lock()
	defer k.failures.lock.Unlock()
	count := k.failures.of(h.watched(), h.at)
	if count == nil || count.n < failuresAllowed {
		return 0, false
	}
	first, count.told = !count.told, true
	return count.began.Add(failuresWindow).Sub(h.at), first
}

// any says whether a session has failed lately.
func (f *failures) any(h holder) bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.of(h.watched(), h.at) != nil
}

// noteUpload counts an upload, and says how long its user must wait until the next one is looked at.
func (k *Keeper) noteUpload(h holder) (wait time.Duration) {
	if !k.settings.LimitFailures {
		return 0
	}
	count := k.uploads.add(app.ID(h.user.ID), h.at)
	if count.n <= uploadsAllowed {
		return 0
	}
	k.limits.Add(app.LimitUserUploads, 1)
	return count.began.Add(failuresWindow).Sub(h.at)
}

// add counts one more and tells what there is now.
func (f *failures) add(id app.ID, at time.Time) failureCount {
	f.lock.Lock()
	defer f.lock.Unlock()
	count := f.of(id, at)
	if count == nil {
		if len(f.newer) >= sessionsWatched/2 {
			f.newer, f.older = map[app.ID]*failureCount{}, f.newer
		}
		count = &failureCount{began: at}
		f.newer[id] = count
	}
	count.n++
	return *count
}

// watched is what the failures are counted of: the session or, where a back end named the user, the user.
func (h holder) watched() app.ID {
	if h.named() {
		return app.ID(h.user.ID)
	}
	return app.ID(h.session.ID)
}

// of finds the count of a running window.
func (f *failures) of(id app.ID, at time.Time) *failureCount {
	count, ok := f.newer[id]
	if !ok {
		count = f.older[id]
	}
	if count == nil || at.Sub(count.began) >= failuresWindow {
		return nil
	}
	return count
}
