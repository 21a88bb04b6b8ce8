package db

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// Health is how the database is, for whoever looks after it.
type Health struct {
	Engine        string // name and version
	SchemaVersion int64
	FileBytes     int64 // of the database file
	LogBytes      int64 // of its write-ahead log
	Commits       uint64
	Writes        uint64 // gathered in those commits
	Waiting       int    // writes that wait for the writer now
	QueueLength   int    // how many may
	WriteFailed   bool   // the last transaction was lost
}

// Health tells how the database is.
func (d *DB) Health(ctx context.Context) (Health, error) {
	health := Health{Waiting: len(d.writer.queue), QueueLength: queueLength, WriteFailed: d.writer.failing.Load()}
	health.Commits, health.Writes = d.Written()
	var version string
	if err := d.read.one(ctx, d.dialect.version, nil, &version); err != nil {
		return health, err
	}
	health.Engine = d.dialect.name + " " + version
	var err error
	if health.SchemaVersion, err = d.SchemaVersion(ctx); err != nil {
		return health, d.read.failure(err)
	}
	var fileErr, logErr error
	health.FileBytes, fileErr = sizeOf(d.file(databaseFile))
	health.LogBytes, logErr = sizeOf(d.file(databaseFile + logSuffix))
	return health, d.read.failure(errors.Join(fileErr, logErr))
}

// sizeOf is the size of a file, 0 where there is none.
func sizeOf(path string) (int64, error) {
	found, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return found.Size(), nil
}

// DataKey is what may be told of a data key.
type DataKey struct {
	ID        int
	Purpose   string
	CreatedAt time.Time
}

// DataKeys lists the data keys in the order in which they were made.
func (q *Queries) DataKeys(ctx context.Context) ([]DataKey, error) {
	var keys []DataKey
	err := q.each(ctx, `SELECT id, purpose, created_at FROM data_keys ORDER BY id LIMIT 100`, nil, func(scan func(...any) error) error {
		var key DataKey
		err := scan(&key.ID, &key.Purpose, moment{&key.CreatedAt})
		keys = append(keys, key)
		return err
	})
	return keys, err
}
