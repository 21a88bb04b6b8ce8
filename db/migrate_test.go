package db_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxkeeper/db"
	"wxkeeper/db/disk"
)

// Every write of a migration is a moment to be killed at; so many of them are tried for each.
const (
	killsOfOne      = 30
	killsOfOneShort = 5
)

// TestMigrationsKilledAnywhere has each migration killed at each of its writes, with the power going too, so that what was not flushed may
// be gone. Started again it must end where it ends unbroken: in the same schema, with the same rows in tables that are not empty.
func TestMigrationsKilledAnywhere(t *testing.T) {
	t.Parallel()
	kills := killsOfOne
	if testing.Short() {
		kills = killsOfOneShort
	}
	folder, tried := privateFolder(t), 0
	for _, version := range db.Versions(t) {
		watched, err := disk.Watch(fmt.Sprintf("%s-%d", t.Name(), version))
		if err != nil {
			t.Fatal(err)
		}
		watched.Record()
		if err := db.MigrateTo(t.Context(), folder, watched, version); err != nil {
			t.Fatal(err)
		}
		unbroken, points := contentOf(t, folder), watched.Recorded()
		if points == 0 {
			t.Fatalf("migration %d was not watched", version)
		}
		step := max(1, (points+kills-1)/kills)
		for point := 0; point <= points; point += step {
			killed, seed := privateFolder(t), rand.Uint64()
			if err := watched.Rebuild(killed, point, seed); err != nil {
				t.Fatal(err)
			}
			if err := db.MigrateTo(t.Context(), killed, nil, version); err != nil {
				t.Fatalf("migration %d, killed at write %d of %d, seed %d: %v", version, point, points, seed, err)
			}
			if got := contentOf(t, killed); !slices.Equal(got, unbroken) {
				t.Fatalf("migration %d, killed at write %d of %d, seed %d, ends in\n%s\nunbroken in\n%s",
					version, point, points, seed, strings.Join(got, "\n"), strings.Join(unbroken, "\n"))
			}
			tried++
		}
		if err := watched.Close(); err != nil {
			t.Fatal(err)
		}
		fillEmptyTables(t, folder)
	}
	t.Logf("%d kills", tried)
	store, err := db.Open(t.Context(), folder) // whose writer wants the newest schema
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func privateFolder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

// contentOf is everything in a database, line by line: the schema, and every row but the times at which migrations ran.
func contentOf(t *testing.T, folder string) []string {
	t.Helper()
	handle := db.Raw(t, folder)
	defer handle.Close()
	lines := linesOf(t, handle, `SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name`)
	for _, table := range tables(t, handle) {
		for _, row := range linesOf(t, handle, `SELECT * FROM `+table) {
			lines = append(lines, table+": "+row)
		}
	}
	return append(lines, linesOf(t, handle, `SELECT version_id, is_applied FROM goose_db_version ORDER BY id`)...)
}

func tables(t *testing.T, handle *sql.DB) []string {
	t.Helper()
	return linesOf(t, handle, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY name`)
}

func linesOf(t *testing.T, handle *sql.DB, query string) (lines []string) {
	t.Helper()
	rows, err := handle.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Trim(fmt.Sprint(values), "[]"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// fillEmptyTables puts two rows into every table that has none, so that the next migration finds data in all of them.
func fillEmptyTables(t *testing.T, folder string) {
	t.Helper()
	handle := db.Raw(t, folder)
	defer handle.Close()
	for _, table := range tables(t, handle) {
		if len(linesOf(t, handle, `SELECT 1 FROM `+table)) > 0 {
			continue
		}
		var values []string
		for _, kind := range linesOf(t, handle, `SELECT type FROM pragma_table_info('`+table+`') ORDER BY cid`) {
			values = append(values, map[string]string{"INTEGER": "?1", "TEXT": "'text ' || ?1", "BLOB": "CAST('bytes ' || ?1 AS BLOB)"}[kind])
		}
		for n := 1; n <= 2; n++ {
			if _, err := handle.ExecContext(t.Context(), `INSERT INTO `+table+` VALUES (`+strings.Join(values, ", ")+`)`, n); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
	}
}
