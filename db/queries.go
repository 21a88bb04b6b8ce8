package db

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync"
	"time"

	"wxkeeper/app"
)

// Queries reads. On the read handle a statement that would write fails; inside Write it sees the transaction's own changes.
type Queries struct {
	dialect dialect
	prepare func(query string) (*sql.Stmt, error)
}

// preparePool prepares each statement once for a pool.
func preparePool(pool *sql.DB) func(string) (*sql.Stmt, error) {
	var prepared sync.Map
	return func(query string) (*sql.Stmt, error) {
		if statement, ok := prepared.Load(query); ok {
			return statement.(*sql.Stmt), nil
		}
		statement, err := pool.Prepare(query)
		if err != nil {
			return nil, err
		}
		if earlier, ok := prepared.LoadOrStore(query, statement); ok {
			return earlier.(*sql.Stmt), statement.Close()
		}
		return statement, nil
	}
}

// one reads a single row.
func (q *Queries) one(ctx context.Context, query string, arguments []any, into ...any) error {
	statement, err := q.prepare(query)
	if err != nil {
		return q.failure(err)
	}
	return q.failure(statement.QueryRowContext(ctx, arguments...).Scan(into...))
}

// brief is the context of a read by a key. Such a read is over before anybody could give it up, and a context that may end costs
// two goroutines a statement.
func brief(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// each reads rows one by one. The row function must not query.
func (q *Queries) each(ctx context.Context, query string, arguments []any, row func(scan func(...any) error) error) error {
	statement, err := q.prepare(query)
	if err != nil {
		return q.failure(err)
	}
	rows, err := statement.QueryContext(ctx, arguments...)
	if err != nil {
		return q.failure(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return q.failure(err)
		}
	}
	return q.failure(rows.Err())
}

// limitTo writes a constant limit. SQLite prepares a statement again each time where the limit is a parameter, which costs more than a
// point read: hot queries have none.
func limitTo(rows int) string { return " LIMIT " + strconv.Itoa(rows) }

// limitToAtLeast is limitTo for lists of any length, whose readers leave out what is too much: rounded up, so that few statements are
// prepared.
func limitToAtLeast(rows int) string {
	limit := 64 // holds a page
	for limit < rows {
		limit *= 2
	}
	return limitTo(limit)
}

// failure turns whatever the engine says into an app.Error.
func (q *Queries) failure(err error) error {
	var known *app.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return app.Fail(app.NotFound, "")
	case q.dialect.duplicate(err):
		return app.Fail(app.AlreadyExists, "").Because(err)
	default:
		return app.Fail(app.StorageUnavailable, "").Because(err)
	}
}

// milliseconds is how times are stored: epoch milliseconds, 0 for never.
func milliseconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// moment is a stored time that is being read.
type moment struct{ to *time.Time }

// Scan reads epoch milliseconds.
func (m moment) Scan(value any) error {
	stored, ok := value.(int64)
	if !ok {
		return errors.New("time is not a number")
	}
	*m.to = time.Time{}
	if stored != 0 {
		*m.to = time.UnixMilli(stored)
	}
	return nil
}

// microseconds is how the order of answers is stored: milliseconds do not tell two logins at once apart.
func microseconds(at time.Time) int64 { return at.UnixMicro() }

// microMoment is a stored time in microseconds that is being read.
type microMoment struct{ to *time.Time }

// Scan reads epoch microseconds.
func (m microMoment) Scan(value any) error {
	stored, ok := value.(int64)
	if !ok {
		return errors.New("time is not a number")
	}
	*m.to = time.UnixMicro(stored)
	return nil
}
