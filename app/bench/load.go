package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// step makes one request on a connection and checks its answer: a wrongBody for an answer that is not what it should be.
type step func(*connection) error

// wrongBody is an answer that came, and is wrong.
type wrongBody struct{ what string }

func (w wrongBody) Error() string { return w.what }

// tally is what came of a load.
type tally struct {
	latencies histogram
	errors    int
	wrong     int
	first     error // what went wrong first
	took      time.Duration
}

func (t *tally) note(latency time.Duration, err error) {
	if err == nil {
		t.latencies.add(latency)
		return
	}
	if t.first == nil {
		t.first = err
	}
	if errors.As(err, &wrongBody{}) {
		t.wrong++
	} else {
		t.errors++
	}
}

func (t *tally) merge(other tally) {
	t.latencies.merge(other.latencies)
	t.errors += other.errors
	t.wrong += other.wrong
	if t.first == nil {
		t.first = other.first
	}
	t.took += other.took
}

// perSecond is the rate of right answers.
func (t *tally) perSecond() float64 {
	if t.took <= 0 {
		return 0
	}
	return float64(t.latencies.count) / t.took.Seconds()
}

// patience is how long an answer is waited for after the load has ended.
const patience = 20 * time.Second

// mistakesBorne is how many failures in a row a client bears: one whose server is gone would do nothing else.
const mistakesBorne = 20

// closed lets each client ask again as soon as it has its answer.
func closed(ctx context.Context, address string, clients []step, lasts time.Duration) tally {
	began := time.Now()
	ends := began.Add(lasts)
	all := together(clients, func(do step, mine *tally) {
		connection := dial(address, ends.Add(patience))
		defer connection.close()
		for inARow := 0; inARow < mistakesBorne && ctx.Err() == nil; {
			asked := time.Now()
			if !asked.Before(ends) {
				return
			}
			err := do(connection)
			mine.note(time.Since(asked), err)
			if inARow++; err == nil {
				inARow = 0
			}
		}
	})
	all.took = time.Since(began)
	return all
}

// open asks at a rate, whatever the answers. Latency counts from when a request was due, not from when a client was free to send it:
// else a server that stalls would be asked less, and look better.
func open(ctx context.Context, address string, clients []step, lasts time.Duration, perSecond float64) tally {
	due := schedule{began: time.Now(), perSecond: perSecond, lasts: lasts}
	all := together(clients, func(do step, mine *tally) {
		connection := dial(address, due.began.Add(lasts+patience))
		defer connection.close()
		for inARow := 0; inARow < mistakesBorne; {
			at, more := due.next()
			if !more || !sleepUntil(ctx, at) {
				return
			}
			err := do(connection)
			mine.note(time.Since(at), err)
			if inARow++; err == nil {
				inARow = 0
			}
		}
	})
	all.took = max(time.Since(due.began), lasts)
	return all
}

// schedule hands out when requests are due, at equal distances.
type schedule struct {
	began     time.Time
	perSecond float64
	lasts     time.Duration
	taken     atomic.Int64
}

func (s *schedule) next() (due time.Time, more bool) {
	after := time.Duration(float64(s.taken.Add(1)-1) / s.perSecond * float64(time.Second))
	return s.began.Add(after), after < s.lasts
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// together runs all clients and adds up what came of them.
func together(clients []step, run func(step, *tally)) tally {
	tallies := make([]tally, len(clients))
	var running sync.WaitGroup
	for i, do := range clients {
		running.Go(func() { run(do, &tallies[i]) })
	}
	running.Wait()
	var all tally
	for _, one := range tallies {
		all.merge(one)
	}
	return all
}

// wantStatus is nil for an answer of a status.
func wantStatus(got answer, status int) error {
	if got.status == status {
		return nil
	}
	return fmt.Errorf("status %d: %.200s", got.status, got.body)
}
