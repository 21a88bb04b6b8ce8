package db

import (
	"sync"
	"sync/atomic"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

// Meters are what the writer has counted since the database was opened.
type Meters struct {
	Batch       *meter.Histogram // writes in one commit
	Transaction *meter.Histogram // ns from the beginning of a transaction until it was on disk
	Flush       *meter.Histogram // ns of that in which the commit reached the disk
	Lost        atomic.Uint64    // transactions that the engine or the disk failed
	Limits      *meter.Tally[app.Limit]
	Deliveries  *meter.Tally[string] // to webhooks, by the name of their counter

	eventsLock sync.RWMutex
	events     map[app.AppID]*meter.Tally[EventKind] // of apps that have a row, of which there are app.AppsAtMost
}

// EventKind is by what events are counted.
type EventKind struct {
	Reason   app.Reason
	Key      int  // of openings that succeeded: which key fitted, 0 the current one
	Explains bool // why an opening failed that another event has told of
}

// keysTried is how many keys of a user are tried on sealed data.
const keysTried = 3

func newMeters() *Meters {
	return &Meters{
		Batch:       meter.NewHistogram(1, 2, 4, 8, 16, 32, 64, 128, batchLength),
		Transaction: meter.NewHistogram(durations...), Flush: meter.NewHistogram(durations...),
		Limits:     meter.NewTally(app.LimitWrites),
		Deliveries: meter.NewTally(CountDelivered, CountDeliveryFailed, CountDeliveryGivenUp, CountDeliveryDropped),
		events:     map[app.AppID]*meter.Tally[EventKind]{},
	}
}

// Events counts the events of one app.
func (m *Meters) Events(of app.AppID) *meter.Tally[EventKind] {
	m.eventsLock.RLock()
	tally, known := m.events[of]
	m.eventsLock.RUnlock()
	if known {
		return tally
	}
	m.eventsLock.Lock()
	defer m.eventsLock.Unlock()
	if m.events[of] == nil {
		m.events[of] = meter.NewTally(eventKinds()...)
	}
	return m.events[of]
}

func eventKinds() []EventKind {
	var kinds []EventKind
	for _, reason := range app.Reasons() {
		kinds = append(kinds, EventKind{Reason: reason})
		if reason.Outcome() == app.OpenSucceeded {
			for key := 1; key < keysTried; key++ {
				kinds = append(kinds, EventKind{Reason: reason, Key: key})
			}
		}
	}
	for _, reason := range []app.Reason{app.OpenOtherKey, app.OpenKeyDead} {
		kinds = append(kinds, EventKind{Reason: reason, Explains: true})
	}
	return kinds
}

// durations are where the steps end by which the time of commits is told apart.
var durations = []int64{
	int64(100 * time.Microsecond), int64(250 * time.Microsecond), int64(500 * time.Microsecond), int64(time.Millisecond),
	int64(2500 * time.Microsecond), int64(5 * time.Millisecond), int64(10 * time.Millisecond), int64(25 * time.Millisecond),
	int64(50 * time.Millisecond), int64(100 * time.Millisecond), int64(250 * time.Millisecond), int64(500 * time.Millisecond),
	int64(time.Second), int64(2500 * time.Millisecond),
}

// Meters tells what has been counted since the database was opened.
func (d *DB) Meters() *Meters { return d.writer.meters }

// committed counts a transaction that is on disk.
func (m *Meters) committed(tx *Tx, writes int, took time.Duration) {
	m.Batch.Observe(int64(writes))
	m.Transaction.Observe(int64(took))
	m.Flush.Observe(int64(tx.flushed))
	for _, event := range tx.events {
		kind := EventKind{Reason: event.Reason, Explains: event.Explains()}
		if event.Reason.Outcome() == app.OpenSucceeded {
			kind.Key = event.Detail.Key
		}
		m.Events(event.AppID).Add(kind, 1)
	}
	for _, one := range tx.counts[:tx.direct] { // failures of strangers that found no room as events, and deliveries
		if one.n > 0 {
			m.Events(one.app).Add(EventKind{Reason: app.Reason(one.name)}, uint64(one.n))
			m.Deliveries.Add(one.name, uint64(one.n))
		}
	}
}
