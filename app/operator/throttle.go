package operator

import (
	"container/list"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"wxkeeper/app"
)

const (
	throttleWindow  = 15 * time.Minute
	nameFailures    = 10      // a name from one address may fail so often in the window
	addressFailures = 20      // an address, whatever the names
	placesKept      = 1 << 14 // bounds the memory that strangers can take; what failed longest ago is forgotten first
)

// source is where a password comes from: the name it is for and the network address. One address may not be able to lock an
// operator out everywhere, so names count together with the address only.
type source struct{ name, address string }

// throttle counts wrong passwords.
type throttle struct {
	lock   sync.Mutex
	places map[place]*list.Element
	recent *list.List // of *failures, the last to fail in front
}

// place is what failures are counted for: a name from a network, or all of a network.
type place struct {
	network netip.Prefix
	whole   bool
	name    [sha256.Size]byte // of the name, so that long ones cost no memory
}

type failures struct {
	place place
	times []time.Time // the oldest first, never more than the place's limit
}

func newThrottle() *throttle {
	return &throttle{places: map[place]*list.Element{}, recent: list.New()}
}

func (p place) limit() int {
	if p.whole {
		return addressFailures
	}
	return nameFailures
}

func (s source) places() [2]place {
	from := app.Network(s.address)
	return [2]place{{network: from, whole: true}, {network: from, name: sha256.Sum256([]byte(s.name))}}
}

// wait says how long the source has to wait before its next try, 0: not at all.
func (t *throttle) wait(from source, now time.Time) time.Duration {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.longestWait(from, now)
}

// count takes a try for a failure, unless the source has to wait, so that tries at the same time cannot exceed the limits
// together. A try that turns out well is forgiven. It tells how often the name has failed from there.
func (t *throttle) count(from source, now time.Time) (failed int, wait time.Duration) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if wait := t.longestWait(from, now); wait > 0 {
		return 0, wait
	}
	for _, one := range from.places() {
		counted := t.failuresOf(one)
		counted.times = append(counted.times, now)
		failed = len(counted.times)
	}
	return failed, 0
}

// forgive takes back a try that was counted at a time.
func (t *throttle) forgive(from source, at time.Time) {
	t.lock.Lock()
	defer t.lock.Unlock()
	for _, one := range from.places() {
		if counted, known := t.places[one]; known {
			counted.Value.(*failures).forgive(at)
		}
	}
}

func (f *failures) forgive(at time.Time) {
	for i, one := range f.times {
		if one.Equal(at) {
			f.times = append(f.times[:i], f.times[i+1:]...)
			return
		}
	}
}

func (t *throttle) longestWait(from source, now time.Time) (longest time.Duration) {
	for _, one := range from.places() {
		if counted, known := t.places[one]; known {
			longest = max(longest, counted.Value.(*failures).wait(now))
		}
	}
	return longest
}

// wait forgets what is out of the window.
func (f *failures) wait(now time.Time) time.Duration {
	for len(f.times) > 0 && !now.Before(f.times[0].Add(throttleWindow)) {
		f.times = f.times[1:]
	}
	if len(f.times) < f.place.limit() {
		return 0
	}
	return f.times[0].Add(throttleWindow).Sub(now)
}

func (t *throttle) failuresOf(one place) *failures {
	if known, found := t.places[one]; found {
		t.recent.MoveToFront(known)
		return known.Value.(*failures)
	}
	if t.recent.Len() == placesKept {
		oldest := t.recent.Remove(t.recent.Back()).(*failures)
		delete(t.places, oldest.place)
	}
	made := &failures{place: one}
	t.places[one] = t.recent.PushFront(made)
	return made
}
