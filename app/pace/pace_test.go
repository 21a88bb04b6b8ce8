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
