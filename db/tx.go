package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wxkeeper/app"
)

// Tx reads and writes inside one transaction. It is valid only until the function it was given to returns.
type Tx struct {
	Queries
	prepared map[string]*sql.Stmt

	changes int // statements that changed something in this transaction
	lastID  app.ID
	events  []app.Event
	grams   []gramChange
	erased  []app.UserID // users who left no events behind
	unheard bool         // no webhook is in use, as far as this transaction has looked
	// announced says that back ends are to hear of this transaction; outbox tells whoever delivers, once it is committed.
	announced bool
	outbox    chan struct{}
	counts    []count
	direct    int           // of counts: those that no event made
	flushed   time.Duration // how long the last commit took to reach the disk

	// What outlives a transaction.
	versions   versions
	appids     map[app.AppID]app.Appid // those looked up so far; they never change
	overwrites bool                    // overwriteDeleted was asked for
}

// txMark remembers how far a transaction had come.
type txMark struct{ changes, events, grams, erased, counts int }

func newTx(dialect dialect, connection *sql.Conn) *Tx {
	tx := &Tx{prepared: map[string]*sql.Stmt{}, outbox: make(chan struct{}, 1), appids: map[app.AppID]app.Appid{}}
	tx.Queries = Queries{dialect: dialect, prepare: func(query string) (*sql.Stmt, error) {
		if statement, ok := tx.prepared[query]; ok {
			return statement, nil
		}
		statement, err := connection.PrepareContext(context.Background(), query)
		if err == nil {
			tx.prepared[query] = statement
		}
		return statement, err
	}}
	return tx
}

// close ends the prepared statements: with one left the engine keeps the connection, and the write-ahead log with it.
func (t *Tx) close() error {
	var errs []error
	for _, statement := range t.prepared {
		errs = append(errs, statement.Close())
	}
	return errors.Join(errs...)
}

// NewID makes an id that no other row of this process has: ids made here only grow, so that rows are appended in order.
func (t *Tx) NewID(at time.Time) app.ID {
	t.lastID = max(app.NewID(at), t.lastID+1)
	return t.lastID
}

func (t *Tx) begin() error {
	t.changes, t.announced, t.unheard = 0, false, false
	t.forget(txMark{})
	if err := t.overwriteLess(); err != nil {
		return err
	}
	err := t.exec(t.dialect.begin)
	if err != nil {
		t.rollback() // a transaction whose rollback failed earlier would block every later one
		err = t.exec(t.dialect.begin)
	}
	return err
}

// overwriteDeleted has what this transaction deletes from now on overwritten in the file, with pages that become free.
func (t *Tx) overwriteDeleted() error {
	t.overwrites = true
	return t.exec(t.dialect.overwriteDeleted)
}

// overwriteLess ends what overwriteDeleted began in an earlier transaction.
func (t *Tx) overwriteLess() error {
	if !t.overwrites {
		return nil
	}
	err := t.exec(t.dialect.overwriteLess)
	t.overwrites = err != nil
	return err
}

// finish writes what was gathered and commits.
func (t *Tx) finish() error {
	if err := t.insertEvents(); err != nil {
		return err
	}
	if err := t.writeGrams(); err != nil {
		return err
	}
	t.direct = len(t.counts)
	t.countEvents()
	if err := t.addCounts(); err != nil {
		return err
	}
	began := time.Now()
	err := t.exec("COMMIT")
	t.flushed = time.Since(began)
	if err == nil && t.announced {
		select {
		case t.outbox <- struct{}{}:
		default: // it was told already
		}
	}
	return err
}

// rollback ends the transaction. After a failed disk write the engine has ended it already and says so: that is as good.
func (t *Tx) rollback() { _ = t.exec("ROLLBACK") }

func (t *Tx) mark() txMark {
	return txMark{t.changes, len(t.events), len(t.grams), len(t.erased), len(t.counts)}
}

func (t *Tx) changedSince(mark txMark) bool { return t.changes != mark.changes }

func (t *Tx) forget(mark txMark) {
	t.events, t.counts = t.events[:mark.events], t.counts[:mark.counts]
	t.grams, t.erased = t.grams[:mark.grams], t.erased[:mark.erased]
}

// exec runs a statement about the transaction itself.
func (t *Tx) exec(statement string) error {
	_, err := t.run(statement)
	return err
}

// change runs a statement that changes rows and tells how many.
func (t *Tx) change(statement string, arguments ...any) (int64, error) {
	result, err := t.run(statement, arguments...)
	if err != nil {
		t.changes++ // perhaps
		return 0, err
	}
	rows, err := result.RowsAffected()
	if rows != 0 || err != nil {
		t.changes++
	}
	return rows, t.failure(err)
}

// changeOne runs a statement that must change exactly one row.
func (t *Tx) changeOne(statement string, arguments ...any) error {
	rows, err := t.change(statement, arguments...)
	if err == nil && rows != 1 {
		return app.Fail(app.NotFound, "")
	}
	return err
}

func (t *Tx) run(statement string, arguments ...any) (sql.Result, error) {
	prepared, err := t.prepare(statement)
	if err != nil {
		return nil, t.failure(err)
	}
	result, err := prepared.ExecContext(context.Background(), arguments...)
	return result, t.failure(err)
}
