// Package job runs periodic work under a lease: of all processes on one database, one at a time does each kind of work. A
// job that fails or panics is tried again at its next turn; nothing runs after Run has returned.
package job

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Job is one kind of periodic work. Run must come back soon after its context ends, and within Every. Wake, where there is one,
// calls for a turn at once.
type Job struct {
	Name  string
	Every time.Duration
	Wake  <-chan struct{}
	Run   func(context.Context) error
}

// Runner runs jobs for one process.
type Runner struct {
	Store  *db.DB
	Clock  func() time.Time
	Log    *slog.Logger
	Record *Record // nil: nobody asks how they fare
}

// Run runs each job at once and then in its period, until the context ends; it returns when all have ended.
func (r Runner) Run(ctx context.Context, jobs ...Job) {
	holder := int64(app.NewID(r.Clock()))
	r.Record.begin(holder, r.Clock(), jobs)
	var running sync.WaitGroup
	for _, job := range jobs {
		running.Go(func() { r.repeat(ctx, holder, job) })
	}
	running.Wait()
}

func (r Runner) repeat(ctx context.Context, holder int64, job Job) {
	tick := time.NewTicker(job.Every)
	defer tick.Stop()
	for {
		if err := r.once(ctx, holder, job); err != nil && ctx.Err() == nil {
			r.Log.Error("job failed", "job", job.Name, "error", err)
		}
		select {
		case <-tick.C:
		case <-job.Wake:
		case <-ctx.Done():
			return
		}
	}
}

// once runs a job if nobody else holds its lease.
func (r Runner) once(ctx context.Context, holder int64, job Job) (err error) {
	var lease db.Lease
	err = r.Store.Write(ctx, func(tx *db.Tx) (err error) {
		lease, err = tx.TakeLease(job.Name, holder, r.Clock(), job.Every)
		return err
	})
	if app.KindOf(err) == app.AlreadyExists {
		return nil
	}
	if err != nil {
		return err
	}
	r.Record.started(job.Name, r.Clock())
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
		r.Record.ended(job.Name, r.Clock(), err)
		r.giveBack(ctx, lease)
	}()
	return job.Run(ctx)
}

// giveBack ends the lease, also when the process is stopping, so that its successor need not wait.
func (r Runner) giveBack(ctx context.Context, lease db.Lease) {
	err := r.Store.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return tx.GiveLeaseBack(lease) })
	if err != nil {
		r.Log.Error("lease not given back", "job", lease.Name, "error", err)
	}
}
