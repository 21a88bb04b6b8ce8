package db

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all in which engines differ.
type dialect struct {
	name  string // of the engine
	goose goose.Dialect
	words migrationWords

	begin            string // begins a transaction that will write
	measureLog       string // tells how much the write-ahead log holds, as the next three do
	moveLog          string // moves it into the database file beside all others, as far as that goes
	restartLog       string // moves the rest, so that the next write begins the log anew
	emptyLog         string // moves it and makes it empty
	overwriteDeleted string // from now on this connection overwrites what it deletes
	overwriteLess    string // from now on only where that costs no further writes
	damage           string // lists what is wrong with the structure of the database
	version          string // tells the engine's version
	writtenElsewhere string // tells a number that differs once another connection has changed the database

	insertNew string // begins an insert that leaves rows alone which are there already
	// addTo ends an insert: where the row exists, the column grows instead.
	addTo func(table string, key []string, column string) string

	duplicate func(error) bool // a unique key was violated
	broken    func(error) bool // the whole transaction is lost, not the statement alone
}

// migrationWords are the words a migration is written with.
type migrationWords struct {
	Int       string // 64-bit integer
	Key       string // 64-bit integer that is the primary key
	ASCII     string // identifiers, compared byte by byte
	Text      string // what people write
	Bytes     string
	Clustered string // ends a table whose rows lie in the order of their primary key

	dropIndex func(name, table string) string
}

// DropIndex is a statement.
func (w migrationWords) DropIndex(name, table string) string { return w.dropIndex(name, table) }

func sqliteDialect() dialect {
	return dialect{
		name:  "SQLite",
		goose: goose.DialectSQLite3,
		words: migrationWords{
			Int: "INTEGER", Key: "INTEGER PRIMARY KEY", ASCII: "TEXT", Text: "TEXT", Bytes: "BLOB",
			Clustered: "WITHOUT ROWID",
			dropIndex: func(name, _ string) string { return "DROP INDEX " + name },
		},
		begin:            "BEGIN IMMEDIATE",
		measureLog:       "PRAGMA wal_checkpoint(NOOP)",
		moveLog:          "PRAGMA wal_checkpoint(PASSIVE)",
		restartLog:       "PRAGMA wal_checkpoint(RESTART)",
		emptyLog:         "PRAGMA wal_checkpoint(TRUNCATE)",
		overwriteDeleted: "PRAGMA secure_delete = ON",
		overwriteLess:    "PRAGMA secure_delete = FAST",
		damage:           "PRAGMA integrity_check(20)",
		version:          "SELECT sqlite_version()",
		writtenElsewhere: "PRAGMA data_version",
		insertNew:        "INSERT OR IGNORE",
		addTo: func(table string, key []string, column string) string {
			return fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %[2]s = %[3]s.%[2]s + excluded.%[2]s",
				strings.Join(key, ", "), column, table)
		},
		duplicate: func(err error) bool {
			code := sqliteCode(err)
			return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY ||
				code == sqlite3.SQLITE_CONSTRAINT_ROWID
		},
		broken: func(err error) bool {
			switch sqliteCode(err) & 0xff {
			case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY,
				sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY,
				sqlite3.SQLITE_CANTOPEN:
				return true
			}
			return false
		},
	}
}

// sqliteCode is the extended result code of an SQLite error, 0 for any other error.
func sqliteCode(err error) int {
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		return failure.Code()
	}
	return 0
}
