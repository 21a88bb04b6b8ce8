package keeper

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/meter"
	"wxkeeper/db"
)

const (
	strangersWaiting = 1000 // failures that may wait to be written; more are counted only
	strangersEvery   = time.Second
)

// strangers records failures of nobody known (bad codes, unknown tokens) in batches that no request waits for: a stranger
// cannot make us flush.
type strangers struct {
	store   *db.DB
	limits  *meter.Tally[app.Limit]
	log     *slog.Logger
	failing bool // and the log says so

	lock    sync.Mutex
	waiting []failure
	counted map[counted]int64

	ending  sync.Once
	stop    chan struct{}
	stopped chan struct{}
}

type failure struct {
	at    time.Time
	event app.Event
}

// counted is a counter that grows although its event found no room.
type counted struct {
	app    app.AppID
	reason app.Reason
	hour   time.Time
}

func startStrangers(store *db.DB, limits *meter.Tally[app.Limit], log *slog.Logger) *strangers {
	s := &strangers{
		store: store, limits: limits, log: log, counted: map[counted]int64{},
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go s.run()
	return s
}

func (s *strangers) record(at time.Time, event app.Event) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(s.waiting) < strangersWaiting {
		s.waiting = append(s.waiting, failure{at, event})
		return
	}
	s.limits.Add(app.LimitStrangers, 1)
	s.counted[counted{event.AppID, event.Reason, at.Truncate(time.Hour)}]++
}

func (s *strangers) run() {
	defer close(s.stopped)
	tick := time.NewTicker(strangersEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.flush()
		case <-s.stop:
			s.flush()
			return
		}
	}
}

func (s *strangers) close() {
	s.ending.Do(func() { close(s.stop) })
	<-s.stopped
}

// flush writes what is waiting. What cannot be written waits on, in the same bounds.
func (s *strangers) flush() {
	waiting, counts := s.take()
	if len(waiting) == 0 && len(counts) == 0 {
		return
	}
	err := s.store.Write(context.Background(), func(tx *db.Tx) error {
		for _, one := range waiting {
			tx.AddEvent(one.at, one.event)
		}
		for c, n := range counts {
			tx.Count(c.app, string(c.reason), c.hour, n)
		}
		return nil
	})
	if err != nil {
		if !s.failing {
			s.log.Error("failures of strangers not recorded yet", "error", err)
		}
		s.putBack(waiting, counts)
	}
	s.failing = err != nil
}

func (s *strangers) take() ([]failure, map[counted]int64) {
	s.lock.Lock()
	defer s.lock.Unlock()
	waiting, counts := s.waiting, s.counted
	s.waiting, s.counted = nil, map[counted]int64{}
	return waiting, counts
}

func (s *strangers) putBack(waiting []failure, counts map[counted]int64) {
	for _, one := range waiting {
		s.record(one.at, one.event)
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	for c, n := range counts {
		s.counted[c] += n
	}
}
