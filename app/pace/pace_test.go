package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app/pace"
)

func TestWorkTakesItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paced, began := pace.Of(0.05), time.Now()
		for range 3 {
			time.Sleep(10 * time.Millisecond) // the work of a step
			if err := paced.Rest(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 600*time.Millisecond {
			t.Errorf("30 ms of work took %v", took)
		}
	})
}

func TestNobodyRestsWhileThereAreNoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := uint64(0)
		paced, began := pace.Beside(func() uint64 { return requests }, 0.1), time.Now()
		step := func(more uint64) time.Duration {
			before := time.Since(began)
			time.Sleep(100 * time.Millisecond)
			requests += more
			if err := paced.Rest(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(began) - before
		}
		for _, test := range []struct {
			requests uint64
			takes    time.Duration
		}{{0, 100 * time.Millisecond}, {9, 100 * time.Millisecond}, {10, time.Second}, {500, time.Second}, {0, 100 * time.Millisecond}} {
			if took := step(test.requests); took != test.takes {
				t.Errorf("a step beside %d requests took %v, want %v", test.requests, took, test.takes)
			}
		}
	})
}

func TestARestEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		ctx, end := context.WithCancelCause(t.Context())
		paced := pace.Of(0.01)
		time.Sleep(time.Hour)
		time.AfterFunc(time.Second, func() { end(gone) })
		if err := paced.Rest(ctx); err != gone {
			t.Errorf("%v", err)
		}
	})
}
