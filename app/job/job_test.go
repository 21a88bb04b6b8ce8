package job_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/job"
	"wxkeeper/db"
)

func runner(t *testing.T) job.Runner {
	t.Helper()
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return job.Runner{Store: store, Clock: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func TestJobsRunAgainAfterFailing(t *testing.T) {
	r := runner(t)
	ctx, stop := context.WithCancel(t.Context())
	var runs atomic.Int32
	r.Run(ctx, job.Job{Name: "failing", Every: time.Millisecond, Run: func(context.Context) error {
		switch runs.Add(1) {
		case 1:
			return errors.New("no luck")
		case 2:
			panic("worse")
		case 5:
			stop()
		}
		return nil
	}})
	if runs.Load() < 5 {
		t.Errorf("ran %d times", runs.Load())
	}
}

func TestAJobIsWoken(t *testing.T) {
	r := runner(t)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	wake := make(chan struct{}, 1)
	runs := 0
	r.Run(ctx, job.Job{Name: "work", Every: time.Hour, Wake: wake, Run: func(context.Context) error {
		if runs++; runs == 3 {
			stop()
		}
		wake <- struct{}{}
		return nil
	}})
	if runs != 3 {
		t.Errorf("ran %d times", runs)
	}
}

func TestOneOfManyProcessesRunsAJob(t *testing.T) {
	r := runner(t)
	ctx, stop := context.WithCancel(t.Context())
	var running, together, runs atomic.Int32
	work := job.Job{Name: "work", Every: time.Hour, Run: func(context.Context) error {
		if running.Add(1) > 1 {
			together.Add(1)
		}
		defer running.Add(-1)
		if runs.Add(1) == 20 {
			stop()
		}
		return nil
	}}
	ended := make(chan struct{})
	for range 4 {
		go func() {
			for ctx.Err() == nil {
				once, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
				r.Run(once, work)
				cancel()
			}
			ended <- struct{}{}
		}()
	}
	for range 4 {
		<-ended
	}
	if together.Load() > 0 {
		t.Errorf("two ran at once %d times", together.Load())
	}
}

// TestClockSteps: a lease that a process took while the clock was a day ahead, and was killed with, holds nobody up for a day.
func TestClockSteps(t *testing.T) {
	r := runner(t)
	now := time.Now()
	take := func(holder int64, at time.Time) error {
		return r.Store.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.TakeLease("sweep", holder, at, time.Hour)
			return err
		})
	}
	if err := take(1, now.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := take(2, now); err != nil {
		t.Errorf("a day later set back: %v", err)
	}
	if err := take(3, now.Add(-30*time.Minute)); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("a lease that is held was taken: %v", err)
	}
	if err := take(3, now.Add(24*time.Hour)); err != nil {
		t.Errorf("a day forward: %v", err)
	}
}
