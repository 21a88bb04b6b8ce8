package operator

import (
	"container/list"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

const (
	throttleWindow  = 15 * time.Minute
	nameFailures    = 10      // a name from one address may fail so often in the window, and a known browser
	addressFailures = 20      // an address, whatever the names
	accountFailures = 50      // codes of an account, whatever the addresses
	placesKept      = 1 << 14 // bounds the memory that strangers can take; what failed longest ago is forgotten first
)

// source is where a password or a code comes from: the name it is for, the network address, and the browser if it is known. One
// address may not be able to lock an operator out everywhere, so names count together with the address only. A browser in which the
// operator has signed in before counts by itself: its neighbours behind one address cannot lock it out, nor can anybody who guesses.
type source struct{ name, address, device string }

// throttle counts what was wrong.
type throttle struct {
	scopes map[scope]app.Limit // by which failures are counted
	limits *meter.Tally[app.Limit]

	lock   sync.Mutex
	places map[place]*list.Element
	recent *list.List // of *failures, the last to fail in front
}

// scope is what failures are counted together for.
type scope uint8

const (
	perName    scope = iota // a name from one network
	perAddress              // all of a network
	perDevice               // a name in a known browser
	perAccount              // a name, wherever it comes from
)

// Passwords know no limit by account: whoever has a name could lock its owner out. Whoever guesses at codes knows the password.
var (
	passwordScopes = map[scope]app.Limit{
		perName: app.LimitSignInName, perAddress: app.LimitSignInAddress, perDevice: app.LimitSignInDevice,
	}
	codeScopes = map[scope]app.Limit{
		perName: app.LimitCodesAddress, perAddress: app.LimitCodesAddress, perDevice: app.LimitSignInDevice, perAccount: app.LimitCodesAccount,
	}
)

// place is what failures are counted for.
type place struct {
	scope   scope
	network netip.Prefix
	name    [sha256.Size]byte // of name and device, so that long ones cost no memory
}

type failures struct {
	place place
	times []time.Time // the oldest first, never more than the place's limit
}

func newThrottle(scopes map[scope]app.Limit, limits *meter.Tally[app.Limit]) *throttle {
	return &throttle{scopes: scopes, limits: limits, places: map[place]*list.Element{}, recent: list.New()}
}

func (p place) limit() int {
	switch p.scope {
	case perAddress:
		return addressFailures
	case perAccount:
		return accountFailures
	}
	return nameFailures
}

// placesOf gives the places where a source counts, that of the name last.
func (t *throttle) placesOf(s source) []place {
	name := sha256.Sum256([]byte(s.name))
	if s.device != "" {
		return []place{{scope: perDevice, name: sha256.Sum256([]byte(s.device + "\x00" + s.name))}}
	}
	from := app.Network(s.address)
	places := []place{{scope: perAddress, network: from}}
	if _, counts := t.scopes[perAccount]; counts {
		places = append(places, place{scope: perAccount, name: name})
	}
	return append(places, place{scope: perName, network: from, name: name})
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
	for _, one := range t.placesOf(from) {
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
	for _, one := range t.placesOf(from) {
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
	var hit scope
	for _, one := range t.placesOf(from) {
		counted, known := t.places[one]
		if !known {
			continue
		}
		if wait := counted.Value.(*failures).wait(now); wait > longest {
			longest, hit = wait, one.scope
		}
	}
	if longest > 0 {
		t.limits.Add(t.scopes[hit], 1)
	}
	return longest
}

// exhausted says whether an account has used up what it may fail, wherever that came from.
func (t *throttle) exhausted(name string, now time.Time) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	counted, known := t.places[place{scope: perAccount, name: sha256.Sum256([]byte(name))}]
	return known && counted.Value.(*failures).wait(now) > 0
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
