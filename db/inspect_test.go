package db_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxkeeper/db"
)

// state is every file of a folder, by name, with its permissions and a sum of what it holds.
func state(t *testing.T, folder string) map[string][32]byte {
	t.Helper()
	found := map[string][32]byte{}
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found[info.Mode().String()+" "+path] = sha256.Sum256(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantUntouched(t *testing.T, folder string, before map[string][32]byte) {
	t.Helper()
	after := state(t, folder)
	for name, sum := range before {
		if after[name] != sum {
			t.Errorf("%s was changed", name)
		}
		delete(after, name)
	}
	for name := range after {
		t.Errorf("%s was made", name)
	}
}

// TestInspectChangesNothing looks at a folder while a server is at work, after it stopped, after it was killed, and where there is
// none.
func TestInspectChangesNothing(t *testing.T) {
	folder, master := filepath.Join(t.TempDir(), "data"), [32]byte{9}
	if found, err := db.Inspect(t.Context(), folder, master); err != nil || found != (db.Inspection{}) {
		t.Errorf("of nothing: %+v, %v", found, err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder was made")
	}

	lock, err := db.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if found, err := db.Inspect(t.Context(), folder, master); err != nil || found.KeyProblem != nil || !found.Served {
		t.Errorf("before keys were made: %+v, %v", found, err)
	}
	if _, err := store.EnsureKeyRing(t.Context(), master, start); err != nil {
		t.Fatal(err)
	}
	known, err := store.SchemaVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	look := func(name string, want db.Inspection) {
		t.Helper()
		want.Exists, want.SchemaVersion, want.KnownSchema = true, known, known
		before := state(t, folder)
		if found, err := db.Inspect(t.Context(), folder, master); err != nil || found != want {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		found, err := db.Inspect(t.Context(), folder, [32]byte{8})
		if err != nil || found.KeyProblem == nil || !strings.Contains(found.KeyProblem.Error(), "master key does not fit") {
			t.Errorf("%s, another master key: %+v, %v", name, found, err)
		}
		wantUntouched(t, folder, before)
	}
	look("at work", db.Inspection{Served: true})

	killed := filepath.Join(t.TempDir(), "data") // what a server leaves that was killed now: keys in the log, and nobody there
	if err := os.CopyFS(killed, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	lock.Release()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	look("stopped", db.Inspection{})
	folder = killed
	look("killed", db.Inspection{})
}

func TestInspectRefusesWhatServeRefuses(t *testing.T) {
	folder, master := filepath.Join(t.TempDir(), "data"), [32]byte{9}
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.ExecOnWriter(store, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (29991231000000, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Inspect(t.Context(), folder, master); err == nil || !strings.Contains(err.Error(), "run a newer wxkeeper") {
		t.Errorf("newer: %v", err)
	}
	if err := os.WriteFile(db.FileIn(folder), []byte(strings.Repeat("noise ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Inspect(t.Context(), folder, master); err == nil {
		t.Error("noise was taken for a database")
	}
}

// TestInspectTellsOfAMigration: before an upgrade one wants to know, and the schema stays as it is.
func TestInspectTellsOfAMigration(t *testing.T) {
	folder, versions := filepath.Join(t.TempDir(), "data"), db.Versions(t)
	first, last := versions[0], versions[len(versions)-1]
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := db.MigrateTo(t.Context(), folder, nil, first); err != nil {
		t.Fatal(err)
	}
	before := state(t, folder)
	want := db.Inspection{Exists: true, SchemaVersion: first, KnownSchema: last}
	if found, err := db.Inspect(t.Context(), folder, [32]byte{9}); err != nil || found != want {
		t.Errorf("%+v, %v, want %+v", found, err, want)
	}
	wantUntouched(t, folder, before)
}
