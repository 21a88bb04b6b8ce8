package overview_test

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

// newFeed makes a feed that reads all the time.
func newFeed(t *testing.T, h *house) *overview.Feed {
	t.Helper()
	feed := overview.NewFeed(h.Store, h.app.ID, slog.New(slog.DiscardHandler))
	feed.ReadEvery(time.Millisecond)
	t.Cleanup(feed.Close)
	return feed
}

func listen(t *testing.T, feed *overview.Feed) (<-chan overview.Batch, context.CancelFunc) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	batches, err := feed.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return batches, stop
}

// until waits for what another goroutine does.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

func TestFeedTellsEverybodyEverything(t *testing.T) {
	h := newHouse(t)
	h.reasons(time.Second, 3, app.OpenOK) // before anybody listens
	h.store()
	feed := newFeed(t, h)
	var listeners []<-chan overview.Batch
	for range 4 {
		batches, _ := listen(t, feed)
		listeners = append(listeners, batches)
	}
	last := make([]app.EventID, len(listeners))
	for round, n := range []int{1, 10, 1, 1300} { // the last is more than is read at once
		h.happen(0, n, app.Event{UserID: app.UserID(round % 2), Reason: app.OpenOK})
		h.store()
		h.write(func(tx *db.Tx) error {
			tx.AddEvent(noon, app.Event{AppID: h.app.ID + 1, UserID: 1, Reason: app.OpenOK}) // nobody here is told of that
			return nil
		})
		var told sync.WaitGroup
		for i, batches := range listeners {
			told.Go(func() { last[i] = hear(t, batches, n, last[i]) })
		}
		told.Wait()
	}
}

// hear wants to be told of n events, all later than one.
func hear(t *testing.T, batches <-chan overview.Batch, n int, after app.EventID) app.EventID {
	for n > 0 {
		batch, open := <-batches
		if !open || batch.Lost > 0 || len(batch.Events) > n {
			t.Errorf("open: %v, lost %d, %d events of %d", open, batch.Lost, len(batch.Events), n)
			return after
		}
		n -= len(batch.Events)
		for _, event := range batch.Events {
			if event.ID <= after {
				t.Errorf("%d after %d", event.ID, after)
			}
			after = event.ID
		}
	}
	return after
}

func TestASlowListenerLosesEventsAndIsToldSo(t *testing.T) {
	h := newHouse(t)
	feed := newFeed(t, h)
	slow, _ := listen(t, feed)
	quick, _ := listen(t, feed)
	const batches = overview.FeedWaiting + 5
	for range batches {
		h.reasons(0, 1, app.OpenOK)
		h.store()
		<-quick
	}
	for range overview.FeedWaiting {
		if batch := <-slow; batch.Lost != 0 {
			t.Fatalf("lost %d of what had room to wait", batch.Lost)
		}
	}
	h.reasons(0, 1, app.LoginFirst)
	h.store()
	if batch := <-slow; batch.Lost != 5 || batch.Events[0].Reason != app.LoginFirst {
		t.Errorf("lost %d, then %v", batch.Lost, batch.Events)
	}
}

func TestFeedReadsOnlyWhileSomebodyListens(t *testing.T) {
	h := newHouse(t)
	feed := newFeed(t, h)
	if feed.Polling() {
		t.Error("it reads for nobody")
	}
	for range 3 {
		batches, stop := listen(t, feed)
		if !feed.Polling() {
			t.Error("it does not read")
		}
		stop()
		if _, open := <-batches; open {
			t.Error("told after the end")
		}
		until(t, func() bool { return !feed.Polling() })
		h.reasons(0, 1, app.OpenOK) // told to nobody, now or later
		h.store()
	}
}

func TestFeedEnds(t *testing.T) {
	h := newHouse(t)
	feed := newFeed(t, h)
	var all []<-chan overview.Batch
	for range overview.FeedListeners {
		batches, _ := listen(t, feed)
		all = append(all, batches)
	}
	if _, err := feed.Subscribe(t.Context()); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("one listener too many: %v", err)
	}
	feed.Close()
	feed.Close()
	for _, batches := range all {
		if _, open := <-batches; open {
			t.Error("told after the end")
		}
	}
	if _, err := feed.Subscribe(t.Context()); err == nil {
		t.Error("it can be listened to after its end")
	}
}
