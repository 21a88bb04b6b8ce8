package db

import (
	"context"
	"fmt"
)

// ExecOnReaders tries a statement on the read handle.
func ExecOnReaders(d *DB, statement string) error {
	_, err := d.readers.ExecContext(context.Background(), statement)
	return err
}

// ExecOnWriter runs a statement that no method offers.
func ExecOnWriter(d *DB, statement string, arguments ...any) error {
	return d.Write(context.Background(), func(tx *Tx) error {
		_, err := tx.change(statement, arguments...)
		return err
	})
}

// Column reads one value of one row.
func Column[T any](d *DB, query string, arguments ...any) (value T, err error) {
	err = d.read.one(context.Background(), query, arguments, &value)
	return value, err
}

// Pause holds the writer until the returned function is called, so that writes gather.
func Pause(d *DB) (resume func()) {
	held, release := make(chan struct{}), make(chan struct{})
	go d.Write(context.Background(), func(*Tx) error {
		close(held)
		<-release
		return nil
	})
	<-held
	return func() { close(release) }
}

// Waiting tells how many writes wait.
func Waiting(d *DB) int { return len(d.writer.queue) }

const (
	QueueLength = queueLength
	BatchLength = batchLength
)

// LimitPages makes the database full at once; the returned function gives it room again.
func LimitPages(t interface{ Fatal(...any) }, d *DB) (restore func()) {
	set := func(pages int) {
		err := d.Write(context.Background(), func(tx *Tx) error {
			var now int
			return tx.one(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil, &now)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(1) // no smaller than it is
	return func() { set(1 << 30) }
}

// WriterPragma reads a setting of the connection that writes.
func WriterPragma(d *DB, name string) (value string, err error) {
	err = d.Write(context.Background(), func(tx *Tx) error {
		return tx.one(context.Background(), "PRAGMA "+name, nil, &value)
	})
	return value, err
}

// Plan tells how the engine would run a query.
func Plan(t interface{ Fatal(...any) }, d *DB, query string, arguments ...any) (lines []string) {
	err := d.read.each(context.Background(), "EXPLAIN QUERY PLAN "+query, arguments, func(scan func(...any) error) error {
		var id, parent, unused int
		var line string
		err := scan(&id, &parent, &unused, &line)
		lines = append(lines, line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// LogState tells how many pages the write-ahead log holds, and how many of them the database file has.
func LogState(t interface{ Fatal(...any) }, d *DB) (held, moved int) {
	d.checkpoints.turn.Lock()
	defer d.checkpoints.turn.Unlock()
	state, err := d.checkpoints.ask(context.Background(), d.dialect.measureLog)
	if err != nil {
		t.Fatal(err)
	}
	return state.held, state.moved
}

// LogPages is how long the log may get before it is moved.
const LogPages = logPages

// ReadOn begins to read and keeps on until the returned function is called.
func ReadOn(t interface{ Fatal(...any) }, d *DB) (end func()) {
	rows, err := d.readers.QueryContext(context.Background(), "SELECT a.id FROM apps a, goose_db_version")
	if err != nil || !rows.Next() {
		t.Fatal("nothing to read", err)
	}
	return func() { rows.Close() }
}

// FillProbe changes some 16 pages.
func (t *Tx) FillProbe() error { return t.fillProbe() }
