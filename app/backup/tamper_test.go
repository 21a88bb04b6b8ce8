package backup_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"
)

// changed is a database as somebody made it who has the file and no key.
func changed(t *testing.T, good []byte, statement string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "changed.db")
	write(t, path, string(good))
	handle, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(DELETE)")
	if err != nil {
		t.Fatal(err)
	}
	result, err := handle.Exec(statement)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		t.Fatalf("%s changed %d rows: %v", statement, rows, err)
	}
	if err := handle.Close(); err != nil {
		t.Fatal(err)
	}
	return read(t, path)
}
