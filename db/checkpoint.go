package db

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync"
	"time"

	"modernc.org/sqlite"

	"wxkeeper/app"
)

const (
	logPages         = 4000     // of the write-ahead log from which on it is moved into the database file: 16 MB
	logFileLimit     = 20 << 20 // bytes of the log's file after it was moved
	heldPages        = 128      // that may be left to move while writes are held
	passes           = 6        // beside the writes at most, until no more is left than that
	checkpointEvery  = 256      // changes, after which the log is measured again
	emptyingTries    = 100
	emptyingInterval = 50 * time.Millisecond
)

// checkpointer moves the write-ahead log into the database file, on a connection and a goroutine of its own: what the engine
// does by itself it does in somebody's commit.
type checkpointer struct {
	dialect    dialect
	writer     *writer
	handle     *sql.DB
	connection *sql.Conn
	disk       Disk
	file       *os.File   // of the database, to be flushed; nil: that is left to the engine
	turn       sync.Mutex // the engine knows one checkpoint at a time
	due        int        // pages of the log from which on the next is due
	stop       context.CancelFunc
	stopped    chan struct{}
}

// logState is how much the log holds, in pages.
type logState struct {
	busy        bool // others keep it from being begun anew
	held, moved int
}

func (s logState) left() int { return s.held - s.moved }

func (d *DB) startCheckpointer(ctx context.Context, path string) (*checkpointer, error) {
	handle, connection, err := openOne(ctx, d.dsn(path, checkpointPragmas))
	if err != nil {
		return nil, err
	}
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &checkpointer{
		dialect: d.dialect, disk: d.disk, writer: d.writer, handle: handle, connection: connection,
		due: logPages, stop: stop, stopped: make(chan struct{}),
	}
	if sqlite.OFDLockingEnabled() {
		if c.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			return nil, errors.Join(err, connection.Close(), handle.Close())
		}
	}
	go c.run(lasting)
	return c, nil
}

// keepLocks has the engine lock files so that a lock is not lost when the process closes the locked file anywhere. Where the system knows
// no such locks it changes nothing.
func keepLocks() { _, _ = sqlite.OFDLocking(true) }

// close ends the goroutine. The writer must be alive: the goroutine may be waiting for it.
func (c *checkpointer) close() error {
	c.stop()
	<-c.stopped
	err := errors.Join(c.connection.Close(), c.handle.Close())
	if c.file != nil {
		err = errors.Join(err, c.file.Close())
	}
	return err
}

func (c *checkpointer) run(ctx context.Context) {
	defer close(c.stopped)
	for {
		select {
		case <-c.writer.changed:
			c.checkpoint(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// checkpoint shortens a log that is too long. A failure is no news: the log still holds everything, the writer meets the same
// disk, and further changes lead here again.
func (c *checkpointer) checkpoint(ctx context.Context) {
	c.turn.Lock()
	defer c.turn.Unlock()
	state, err := c.ask(ctx, c.dialect.measureLog)
	if err != nil || state.held < c.due || state.left() == 0 { // moved already: the next write begins it anew
		return
	}
	after, err := c.move(ctx, func(*Tx) (logState, error) { return c.ask(ctx, c.dialect.restartLog) })
	c.due = logPages
	if err != nil || after.busy { // somebody is reading: a little later, since each try may hold writes for as long as it waits
		c.due = state.held + state.held/4
	}
}

// empty empties the log. Between its tries it lets writes pass.
func (c *checkpointer) empty(ctx context.Context) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	for range emptyingTries {
		state, err := c.move(ctx, func(*Tx) (logState, error) { return c.ask(ctx, c.dialect.emptyLog) })
		if err != nil || !state.busy {
			return err
		}
		select {
		case <-time.After(emptyingInterval):
		case <-ctx.Done():
			return app.Fail(app.StorageUnavailable, "").Because(context.Cause(ctx))
		}
	}
	return app.Fail(app.StorageUnavailable, "").Because(errBusyLog)
}

// move moves the log beside the writes, and what was written meanwhile between two of them, in which finish ends the work. The engine
// flushes the database file only where nothing was written while it moved the log, which is in finish: what is flushed before, writes
// need not wait for.
func (c *checkpointer) move(ctx context.Context, finish func(*Tx) (logState, error)) (state logState, err error) {
	for range passes {
		if state, err = c.ask(ctx, c.dialect.moveLog); err != nil {
			return state, err
		}
		if err := c.flush(); err != nil {
			return state, err
		}
		if state, err = c.ask(ctx, c.dialect.measureLog); err != nil {
			return state, err
		}
		if state.left() <= heldPages {
			break
		}
	}
	err = c.writer.between(ctx, func(t *Tx) error {
		state, err = finish(t)
		return err
	})
	return state, err
}

func (c *checkpointer) flush() error {
	if c.file == nil {
		return nil
	}
	if err := errors.Join(writeBack(c.file), c.disk.Flush(c.file)); err != nil {
		return app.Fail(app.StorageUnavailable, "").Because(err)
	}
	return nil
}

func (c *checkpointer) ask(ctx context.Context, statement string) (state logState, err error) {
	err = c.connection.QueryRowContext(ctx, statement).Scan(&state.busy, &state.held, &state.moved)
	if err != nil {
		err = app.Fail(app.StorageUnavailable, "").Because(err)
	}
	return state, err
}
