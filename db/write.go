package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"wxkeeper/app"
)

const (
	queueLength  = 4096        // writes that may wait; beyond it the storage counts as unavailable
	batchLength  = 256         // writes in one commit at most
	queueRetry   = time.Second // when whoever found it full may try again
	savepointSQL = "SAVEPOINT one_write"
)

var (
	errClosed    = errors.New("the database is closed")
	errQueueFull = errors.New("too many writes are waiting")
	errBusyLog   = errors.New("the write-ahead log is being read: try again later")
)

// Write runs fn in a transaction and returns after its commit is on disk. Writes that wait at the same time share one
// transaction and one flush; each is all or nothing by itself.
//
// fn may run more than once: it touches only the Tx and variables it sets anew each time, does no cryptography and never
// waits for the network. What it set is valid only if Write returned nil. A context that ends before fn began ends the
// write; afterwards the write is carried through.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	w := &write{ctx: ctx, fn: fn, done: make(chan error, 1)}
	if err := d.writer.enqueue(w); err != nil {
		return err
	}
	return <-w.done
}

// Announced says that there is something new to deliver to back ends.
func (d *DB) Announced() <-chan struct{} { return d.writer.tx.outbox }

// Written tells how many commits reached the disk and how many writes they carried.
func (d *DB) Written() (commits, writes uint64) {
	return d.writer.commits.Load(), d.writer.writes.Load()
}

// WrittenElsewhere tells a number that stays as it is while nobody but this DB changes the database: what was read between two
// equal answers, and not changed here, still holds. It does not wait for the disk, but for the batch that is being written.
func (d *DB) WrittenElsewhere(ctx context.Context) (int64, error) {
	var number int64
	err := d.writer.between(ctx, func(tx *Tx) error {
		return tx.one(context.Background(), tx.dialect.writtenElsewhere, nil, &number)
	})
	return number, err
}

// write is one call of Write.
type write struct {
	ctx    context.Context
	fn     func(*Tx) error
	done   chan error
	result error
	over   bool // result is final
}

func (w *write) end(err error) { w.result, w.over = err, true }

// writer owns the one connection that writes, and the goroutine that uses it until close.
type writer struct {
	handle     *sql.DB
	connection *sql.Conn
	tx         *Tx

	queue   chan *write
	errands chan *write   // what cannot be done inside a transaction
	changed chan struct{} // enough has changed for somebody to look at the length of the log
	closing sync.RWMutex
	closed  bool
	stopped chan struct{}

	meters          *Meters
	commits, writes atomic.Uint64
	failing         atomic.Bool // the last transaction was lost
	changes         int         // since the checkpointer was woken
}

func startWriter(ctx context.Context, dsn string, dialect dialect) (*writer, error) {
	handle, connection, err := openOne(ctx, dsn)
	if err != nil {
		return nil, err
	}
	w := &writer{
		handle: handle, connection: connection,
		tx:     newTx(dialect, connection),
		meters: newMeters(),
		queue:  make(chan *write, queueLength), errands: make(chan *write), changed: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

func (w *writer) enqueue(one *write) error {
	w.closing.RLock()
	defer w.closing.RUnlock()
	if w.closed {
		return app.Fail(app.StorageUnavailable, "").Because(errClosed)
	}
	select {
	case w.queue <- one:
		return nil
	default:
		w.meters.Limits.Add(app.LimitWrites, 1)
		return app.Fail(app.StorageUnavailable, "").After(queueRetry).Because(errQueueFull)
	}
}

// close refuses further writes, carries out those that wait, and ends the goroutine.
func (w *writer) close() error {
	w.closing.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.closing.Unlock()
	<-w.stopped
	return errors.Join(w.tx.close(), w.connection.Close(), w.handle.Close())
}

// between runs fn on the writer's connection between two transactions.
func (w *writer) between(ctx context.Context, fn func(*Tx) error) error {
	errand := &write{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case w.errands <- errand:
		return <-errand.done
	case <-w.stopped:
		return app.Fail(app.StorageUnavailable, "").Because(errClosed)
	case <-ctx.Done():
		return app.Fail(app.StorageUnavailable, "").Because(context.Cause(ctx))
	}
}

func (w *writer) run() {
	defer close(w.stopped)
	for {
		select {
		case first, open := <-w.queue:
			if !open {
				return
			}
			batch := w.gather(first)
			w.commit(batch)
			for _, one := range batch {
				one.done <- one.result
			}
		case errand := <-w.errands:
			errand.done <- w.tx.failure(call(errand.fn, w.tx))
		}
	}
}

// gather takes what is waiting already: a single writer is never made to wait for company.
func (w *writer) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < batchLength {
		select {
		case one, open := <-w.queue:
			if !open {
				return batch
			}
			batch = append(batch, one)
		default:
			return batch
		}
	}
	return batch
}

// errSpoilt says that a failed write left changes in the shared transaction, which must be run again without it.
var errSpoilt = errors.New("a failed write left changes behind")

// commit carries out a batch. The first run has no savepoints, since almost no batch needs them; when a write failed half
// way the rest is run again with them.
func (w *writer) commit(batch []*write) {
	err := w.transact(batch, false)
	if errors.Is(err, errSpoilt) {
		err = w.transact(batch, true)
	}
	w.failing.Store(err != nil)
	if err != nil {
		w.meters.Lost.Add(1)
	}
	for _, one := range batch {
		if !one.over {
			one.end(w.tx.failure(err))
		}
	}
}

// transact runs the writes that are not over yet in one transaction. An error means that nothing was kept.
func (w *writer) transact(batch []*write, savepoints bool) error {
	began := time.Now()
	if err := w.tx.begin(); err != nil {
		return err
	}
	for _, one := range batch {
		if one.over {
			continue
		}
		if err := w.attempt(one, savepoints); err != nil {
			w.tx.rollback()
			return err
		}
	}
	if err := w.tx.finish(); err != nil {
		w.tx.rollback()
		return err
	}
	kept := 0
	for _, one := range batch {
		if !one.over {
			kept++
		}
	}
	w.commits.Add(1)
	w.writes.Add(uint64(kept))
	w.meters.committed(w.tx, kept, time.Since(began))
	w.noteChanges(w.tx.changes)
	return nil
}

// noteChanges wakes the checkpointer now and then.
func (w *writer) noteChanges(n int) {
	w.changes += n
	if w.changes < checkpointEvery {
		return
	}
	w.changes = 0
	select {
	case w.changed <- struct{}{}:
	default: // it is awake
	}
}

// attempt runs one write. Its own failure ends that write alone; an error returned here ends the transaction.
func (w *writer) attempt(one *write, savepoints bool) error {
	if err := context.Cause(one.ctx); err != nil {
		one.end(app.Fail(app.StorageUnavailable, "").Because(err))
		return nil
	}
	if savepoints {
		if err := w.tx.exec(savepointSQL); err != nil {
			return err
		}
	}
	mark := w.tx.mark()
	err := call(one.fn, w.tx)
	if err == nil {
		return nil
	}
	if w.tx.dialect.broken(err) {
		return err
	}
	one.end(w.tx.failure(err))
	return w.undo(mark, savepoints)
}

func (w *writer) undo(mark txMark, savepoints bool) error {
	switch {
	case savepoints:
		w.tx.forget(mark)
		return w.tx.exec("ROLLBACK TO one_write")
	case w.tx.changedSince(mark):
		return errSpoilt
	default:
		w.tx.forget(mark)
		return nil
	}
}

// call runs fn and turns its panic into an error, so that it harms no neighbour in the batch.
func call(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = app.Fail(app.Internal, "").Because(fmt.Errorf("panic in a write: %v\n%s", panicked, debug.Stack()))
		}
	}()
	return fn(tx)
}
