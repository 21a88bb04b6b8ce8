package web

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

// addressesKept bounds the memory that strangers can take; the address that failed longest ago is forgotten first.
const addressesKept = 1 << 16

// bounds are the limits of the API, and how often they were hit. All apps of a site share them.
type bounds struct {
	failures *failureLimit
	reports  *failureLimit // of what clients report, good or bad
	uploads  *uploads
	limits   *meter.Tally[app.Limit]
}

func newBounds(apiRate int) *bounds {
	return &bounds{
		failures: newFailureLimit(apiRate),
		reports:  newFailureLimit(min(apiRate, reportsPerMinute)),
		uploads:  &uploads{ofAddress: map[netip.Prefix]int{}},
		limits:   meter.NewTally(app.LimitAddress, app.LimitBody, app.LimitReports, app.LimitUploads, app.LimitBackEnd),
	}
}

// failureLimit counts failures by address: each may make so many a minute, then waits. Good calls cost nothing, since one
// address may be a whole city's users behind one gateway.
type failureLimit struct {
	perMinute int // 0: no limit

	mu     sync.Mutex
	places map[netip.Prefix]*list.Element
	recent *list.List // of *failing, the last to fail in front
}

type failing struct {
	address netip.Prefix
	bucket  *rate.Limiter
}

func newFailureLimit(perMinute int) *failureLimit {
	return &failureLimit{perMinute: perMinute, places: map[netip.Prefix]*list.Element{}, recent: list.New()}
}

// wait says how long the address has to wait before its next call, 0: not at all.
func (l *failureLimit) wait(address string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) == 0 {
		return 0
	}
	place, known := l.places[app.Network(address)]
	if !known {
		return 0
	}
	bucket := place.Value.(*failing).bucket
	missing := 1 - bucket.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(bucket.Limit()) * float64(time.Second))
}

// count takes one failure from the address's share. Failures that were under way together may take more than is left: the
// address owes it and waits longer.
func (l *failureLimit) count(address string, now time.Time) {
	if l.perMinute == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bucketOf(app.Network(address)).ReserveN(now, 1)
}

func (l *failureLimit) bucketOf(address netip.Prefix) *rate.Limiter {
	if place, known := l.places[address]; known {
		l.recent.MoveToFront(place)
		return place.Value.(*failing).bucket
	}
	if l.recent.Len() == addressesKept {
		oldest := l.recent.Remove(l.recent.Back()).(*failing)
		delete(l.places, oldest.address)
	}
	bucket := rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
	l.places[address] = l.recent.PushFront(&failing{address, bucket})
	return bucket
}
