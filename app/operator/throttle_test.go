package operator

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

func newPasswords() *throttle {
	return newThrottle(passwordScopes, meter.NewTally(app.LimitSignInName, app.LimitSignInAddress, app.LimitSignInDevice))
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fail counts tries until one has to wait, and tells how many were let through.
func (t *throttle) fail(from source, at time.Time, tries int) int {
	for done := range tries {
		if _, wait := t.count(from, at); wait > 0 {
			return done
		}
	}
	return tries
}

func TestNamesAreLimitedFromOneAddressOnly(t *testing.T) {
	limits := newPasswords()
	if through := limits.fail(source{"alice", "192.0.2.1", ""}, noon, 50); through != nameFailures {
		t.Errorf("%d tries of one name from one address", through)
	}
	if wait := limits.wait(source{"alice", "192.0.2.1", ""}, noon); wait != throttleWindow {
		t.Errorf("the next one waits %v", wait)
	}
	for _, other := range []source{{"alice", "192.0.2.2", ""}, {"bob", "192.0.2.1", ""}, {"", "192.0.2.1", ""}} {
		if wait := limits.wait(other, noon); wait != 0 {
			t.Errorf("%v waits %v", other, wait)
		}
	}
}

func TestAddressesAreLimitedWhateverTheNames(t *testing.T) {
	limits := newPasswords()
	through := 0
	for i := range 50 {
		through += limits.fail(source{fmt.Sprint("name ", i), "192.0.2.1", ""}, noon, 1)
	}
	if through != addressFailures {
		t.Errorf("%d tries from one address", through)
	}
	if wait := limits.wait(source{"alice", "192.0.2.1", ""}, noon); wait != throttleWindow {
		t.Errorf("a name that never failed waits %v there", wait)
	}
}

func TestFailuresLeaveTheWindowOneByOne(t *testing.T) {
	limits := newPasswords()
	from := source{"alice", "192.0.2.1", ""}
	for i := range nameFailures {
		limits.fail(from, noon.Add(time.Duration(i)*time.Minute), 1)
	}
	for after, want := range map[time.Duration]time.Duration{
		nameFailures * time.Minute:              throttleWindow - nameFailures*time.Minute,
		throttleWindow - time.Nanosecond:        time.Nanosecond,
		throttleWindow:                          0,
		throttleWindow + 30*time.Second:         0,
		throttleWindow + nameFailures*time.Hour: 0,
	} {
		fresh := newPasswords() // looking forgets what is over
		for i := range nameFailures {
			fresh.fail(from, noon.Add(time.Duration(i)*time.Minute), 1)
		}
		if wait := fresh.wait(from, noon.Add(after)); wait != want {
			t.Errorf("after %v it waits %v, want %v", after, wait, want)
		}
	}
	if through := limits.fail(from, noon.Add(throttleWindow), 10); through != 1 {
		t.Errorf("%d tries when one failure has left the window", through)
	}
}

func TestSuccessesDoNotCount(t *testing.T) {
	limits := newPasswords()
	from := source{"alice", "192.0.2.1", ""}
	for i := range 5 * addressFailures {
		at := noon.Add(time.Duration(i) * time.Second)
		if _, wait := limits.count(from, at); wait > 0 {
			t.Fatalf("success %d waits %v", i, wait)
		}
		limits.forgive(from, at)
	}
	if through := limits.fail(from, noon.Add(5*time.Minute), 50); through != nameFailures {
		t.Errorf("%d failures after many successes", through)
	}
	limits.forgive(source{"alice", "192.0.2.9", ""}, noon) // nothing is known of it
}

func TestOneCustomerIsOneAddress(t *testing.T) {
	for _, same := range [][2]string{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9"}, {"::ffff:192.0.2.1", "192.0.2.1"}, {"fe80::1%eth0", "fe80::1"}, {"", "unknown"},
	} {
		limits := newPasswords()
		limits.fail(source{"alice", same[0], ""}, noon, nameFailures)
		if wait := limits.wait(source{"alice", same[1], ""}, noon); wait == 0 {
			t.Errorf("%q and %q are two addresses", same[0], same[1])
		}
	}
	limits := newPasswords()
	limits.fail(source{"alice", "2001:db8:1:2::1", ""}, noon, nameFailures)
	if wait := limits.wait(source{"alice", "2001:db8:1:3::1", ""}, noon); wait != 0 {
		t.Error("two networks are one address")
	}
}

func TestTheTableIsBounded(t *testing.T) {
	limits := newPasswords()
	first, kept := source{"alice", "192.0.2.1", ""}, source{"bob", "192.0.2.2", ""}
	limits.fail(first, noon, nameFailures)
	limits.fail(kept, noon, nameFailures-1)
	for i := range placesKept {
		if i == placesKept/4 {
			limits.fail(kept, noon, 1) // it failed again: what failed longest ago goes first
		}
		limits.fail(source{"x", fmt.Sprintf("10.%d.%d.1", i/256, i%256), ""}, noon, 1)
		if len(limits.places) > placesKept || limits.recent.Len() != len(limits.places) {
			t.Fatalf("%d places, %d in order", len(limits.places), limits.recent.Len())
		}
		if i == placesKept/2 {
			if limits.wait(first, noon) != 0 || limits.wait(kept, noon) == 0 {
				t.Errorf("kept the wrong ones: %v, %v", limits.wait(first, noon), limits.wait(kept, noon))
			}
		}
	}
	if len(limits.places) != placesKept {
		t.Errorf("%d places", len(limits.places))
	}
}

func TestTriesAtTheSameTimeStayWithinTheLimit(t *testing.T) {
	limits := newPasswords()
	var running sync.WaitGroup
	through := make(chan int, 100)
	for range 100 {
		running.Go(func() { through <- limits.fail(source{"alice", "192.0.2.1", ""}, noon, 1) })
	}
	running.Wait()
	close(through)
	total := 0
	for one := range through {
		total += one
	}
	if total != nameFailures {
		t.Errorf("%d tries got through", total)
	}
}

func TestAKnownBrowserCountsByItself(t *testing.T) {
	limits := newPasswords()
	known := source{"alice", "192.0.2.1", "a browser"}
	limits.fail(source{"alice", "192.0.2.1", ""}, noon, 50)
	for i := range 50 {
		limits.fail(source{fmt.Sprint("name ", i), "192.0.2.1", ""}, noon, 1)
	}
	if wait := limits.wait(known, noon); wait != 0 {
		t.Errorf("neighbours lock a known browser out for %v", wait)
	}
	if through := limits.fail(known, noon, 50); through != nameFailures {
		t.Errorf("%d tries in a known browser", through)
	}
	for _, other := range []source{{"alice", "192.0.2.1", "another"}, {"alice", "192.0.2.9", ""}} {
		if wait := limits.wait(other, noon); wait != 0 {
			t.Errorf("%v waits %v", other, wait)
		}
	}
	for limit, n := range limits.limits.Each() {
		if n == 0 {
			t.Errorf("%s was hit and is not counted", limit)
		}
	}
}

func TestCodesAreLimitedByAccountOverAllAddresses(t *testing.T) {
	limits := newThrottle(codeScopes, meter.NewTally(app.LimitCodesAddress, app.LimitCodesAccount))
	through := 0
	for i := range 100 {
		through += limits.fail(source{"alice", fmt.Sprintf("10.0.%d.1", i), ""}, noon, 3)
	}
	if through != accountFailures || !limits.exhausted("alice", noon) || limits.exhausted("bob", noon) {
		t.Errorf("%d tries from many addresses", through)
	}
	if limits.wait(source{"alice", "192.0.2.1", "her own browser"}, noon) != 0 || limits.wait(source{"bob", "192.0.2.1", ""}, noon) != 0 {
		t.Error("others wait")
	}
}
