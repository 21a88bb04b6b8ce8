package overview

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	feedEvery     = time.Second
	feedRead      = 500 // events read at once
	feedWaiting   = 8   // batches that may wait for a listener
	feedListeners = 100
)

// Batch is some of the events that listeners are told.
type Batch struct {
	Events []app.Event // oldest first
	Lost   int         // events before these that the listener was too slow for
}

// Feed tells its listeners of an app's events as they are stored, of users and of strangers. It reads once for all of them, and
// only while somebody listens. Close it.
type Feed struct {
	store *db.DB
	appID app.AppID
	log   *slog.Logger
	every time.Duration

	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup

	lock      sync.Mutex // guards what follows
	listeners map[*listener]bool
	polling   bool
	closed    bool
}

type listener struct {
	batches chan Batch
	lost    int
}

// NewFeed makes a feed that nobody listens to yet.
func NewFeed(store *db.DB, appID app.AppID, log *slog.Logger) *Feed {
	f := &Feed{store: store, appID: appID, log: log, every: feedEvery, listeners: map[*listener]bool{}}
	f.ctx, f.end = context.WithCancel(context.Background())
	return f
}

var errFeedClosed = errors.New("the feed is closed")

// Subscribe gives the events stored from now on, until the context or the feed ends: then the channel is closed. A listener that
// does not keep up loses events and is told how many. TooManyRequests: there are enough listeners.
func (f *Feed) Subscribe(ctx context.Context) (<-chan Batch, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	switch {
	case f.closed:
		return nil, app.Fail(app.StorageUnavailable, "").Because(errFeedClosed)
	case len(f.listeners) >= feedListeners:
		return nil, app.Fail(app.TooManyRequests, "")
	}
	if !f.polling {
		newest, err := f.store.Read().NewestEvent(ctx)
		if err != nil {
			return nil, err
		}
		f.polling = true
		f.running.Go(func() { f.poll(newest) })
	}
	one := &listener{batches: make(chan Batch, feedWaiting)}
	f.listeners[one] = true
	context.AfterFunc(ctx, func() { f.drop(one) })
	return one.batches, nil
}

// Close ends all listening. A second call does nothing.
func (f *Feed) Close() {
	f.lock.Lock()
	f.closed = true
	for one := range f.listeners {
		f.forget(one)
	}
	f.lock.Unlock()
	f.end()
	f.running.Wait()
}

func (f *Feed) drop(one *listener) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.forget(one)
}

func (f *Feed) forget(one *listener) {
	if f.listeners[one] {
		delete(f.listeners, one)
		close(one.batches)
	}
}

// poll reads what is new until nobody listens any more.
func (f *Feed) poll(after app.EventID) {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			return
		}
		if f.idle() {
			return
		}
		after = f.tellFrom(after)
	}
}

// idle ends the polling if nobody listens.
func (f *Feed) idle() bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.polling = len(f.listeners) > 0
	return !f.polling
}

// tellFrom tells all that is stored by now, and gives the last of it.
func (f *Feed) tellFrom(after app.EventID) app.EventID {
	for {
		events, newest, err := f.read(after)
		switch {
		case err != nil:
			if f.ctx.Err() == nil {
				f.log.Error("events not read for those who watch them", "error", err)
			}
			return after
		case len(events) < feedRead:
			f.tell(events)
			return newest
		}
		f.tell(events)
		after = events[len(events)-1].ID
	}
}

// read gives what is stored after an event, and the newest event of any app: up to there all is read, unless there is too much.
func (f *Feed) read(after app.EventID) (events []app.Event, newest app.EventID, err error) {
	newest, err = f.store.Read().NewestEvent(f.ctx)
	if err != nil {
		return nil, after, err
	}
	events, err = f.store.Read().EventsSince(f.ctx, f.appID, after, feedRead)
	if len(events) > 0 {
		newest = max(newest, events[len(events)-1].ID)
	}
	return events, max(newest, after), err
}

// tell waits for nobody.
func (f *Feed) tell(events []app.Event) {
	if len(events) == 0 {
		return
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	for one := range f.listeners {
		select {
		case one.batches <- Batch{Events: events, Lost: one.lost}:
			one.lost = 0
		default:
			one.lost += len(events)
		}
	}
}
