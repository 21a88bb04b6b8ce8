package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// open opens a database in a folder of its own, with one app.
func open(t *testing.T, options ...db.Option) (*db.DB, app.App) {
	t.Helper()
	store, err := db.Open(t.Context(), t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	one, err := store.EnsureApp(t.Context(), "wx0123456789abcdef", start)
	if err != nil {
		t.Fatal(err)
	}
	return store, one
}

func write(t *testing.T, store *db.DB, fn func(*db.Tx) error) {
	t.Helper()
	if err := store.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func newUser(of app.App, openid string, number app.UserNumber) app.User {
	return app.User{
		ID: app.UserID(app.NewID(start)), AppID: of.ID, OpenID: app.OpenID(openid), Number: number, LastSeenAt: start,
	}
}

func addUser(t *testing.T, store *db.DB, user app.User) app.User {
	t.Helper()
	write(t, store, func(tx *db.Tx) error { return tx.InsertUser(user) })
	return user
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	syscall.Umask(0)
	defer syscall.Umask(0o022)
	folder := filepath.Join(t.TempDir(), "state")
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.EnsureApp(t.Context(), "wx1", start); err != nil {
		t.Fatal(err)
	}
	err = filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has permissions %o, want %o", filepath.Base(path), got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	folder := t.TempDir()
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	one, err := store.EnsureApp(t.Context(), "wx1", start)
	if err != nil {
		t.Fatal(err)
	}
	user := addUser(t, store, newUser(one, "openid-1", 123456789))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store, err = db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	found, err := store.Read().UserByNumber(t.Context(), one.ID, 123456789)
	if err != nil || found.ID != user.ID {
		t.Fatalf("found %v, %v; want user %v", found.ID, err, user.ID)
	}
	if again, err := store.EnsureApp(t.Context(), "wx1", start); err != nil || again != one {
		t.Fatalf("app is %v, %v; want %v", again, err, one)
	}
}

func TestManyStartersMigrateOnce(t *testing.T) {
	folder := t.TempDir()
	results := make(chan error)
	for range 4 {
		go func() {
			store, err := db.Open(context.Background(), folder)
			if err == nil {
				err = store.Close()
			}
			results <- err
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestDamagedFileIsNeverReplaced(t *testing.T) {
	for name, spoil := range map[string]func(folder string) error{
		"not a database": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "wxkeeper.db"), []byte(strings.Repeat("noise ", 2000)), 0o600)
		},
		"log without database": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "wxkeeper.db-wal"), []byte("log"), 0o600)
		},
		"log of an empty database": func(folder string) error {
			return errors.Join(os.WriteFile(filepath.Join(folder, "wxkeeper.db"), nil, 0o600),
				os.WriteFile(filepath.Join(folder, "wxkeeper.db-wal"), []byte("log"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := spoil(folder); err != nil {
				t.Fatal(err)
			}
			store, err := db.Open(t.Context(), folder)
			if err == nil {
				store.Close()
				t.Fatal("opened")
			}
			if app.KindOf(err) != app.StorageUnavailable {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TestDamagedPageIsTold: what does not need the page goes on, what does is refused, and the check finds it.
func TestDamagedPageIsTold(t *testing.T) {
	folder := t.TempDir()
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	one, err := store.EnsureApp(t.Context(), "wx1", start)
	if err != nil {
		t.Fatal(err)
	}
	user := addUser(t, store, newUser(one, "openid", 1))
	root, err := db.Column[int64](store, "SELECT rootpage FROM sqlite_schema WHERE name = 'users'")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "wxkeeper.db")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(content[(root-1)*4096:root*4096], strings.Repeat("noise ", 1000))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if store, err = db.Open(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Read().UserByID(t.Context(), user.ID); app.KindOf(err) != app.StorageUnavailable {
		t.Errorf("reading the page: %v", err)
	}
	if err := store.Write(t.Context(), inserting(newUser(one, "other", 2))); app.KindOf(err) != app.StorageUnavailable {
		t.Errorf("writing to the page: %v", err)
	}
	if _, err := store.EnsureApp(t.Context(), "wx2", start); err != nil {
		t.Errorf("another page: %v", err)
	}
	if damage, err := store.Damage(t.Context()); err != nil || len(damage) == 0 {
		t.Errorf("damage %q, %v", damage, err)
	}
}

func TestReadHandleCannotWrite(t *testing.T) {
	folder := t.TempDir()
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := db.ExecOnReaders(store, "INSERT INTO apps (id, appid, created_at) VALUES (9, 'x', 0)"); err == nil {
		t.Fatal("the read handle wrote")
	}
}

func TestOneServerPerFolder(t *testing.T) {
	folder := t.TempDir()
	first, err := db.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.LockFolder(folder); app.KindOf(err) != app.AlreadyExists {
		t.Fatalf("second lock: %v", err)
	}
	first.Release()
	second, err := db.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	second.Release()
}

func TestOtherSchemasAreRefused(t *testing.T) {
	opened := func(ctx context.Context, folder string) (*db.DB, error) { return db.Open(ctx, folder) }
	for name, test := range map[string]struct {
		change string
		open   func(context.Context, string) (*db.DB, error)
		says   string
	}{
		"newer":         {"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99991231235959, 1)", opened, "newer wxkeeper"},
		"newer, beside": {"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99991231235959, 1)", db.OpenBeside, "newer wxkeeper"},
		"older, beside": {"DELETE FROM goose_db_version WHERE version_id > 0", db.OpenBeside, "wxkeeper migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			store, err := db.Open(t.Context(), folder)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.ExecOnWriter(store, test.change); err != nil {
				t.Fatal(err)
			}
			store.Close()
			store, err = test.open(t.Context(), folder)
			if err == nil {
				store.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error is %v", err)
			}
		})
	}
}

func TestCommitsAreFlushed(t *testing.T) {
	store, _ := open(t)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		if got, err := db.WriterPragma(store, pragma); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", pragma, got, err, want)
		}
	}
}

func TestReadyAfterAFullDisk(t *testing.T) {
	store, one := open(t)
	if err := store.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	restore := db.LimitPages(t, store)
	user := newUser(one, "full", 1)
	user.UnionID = app.UnionID(make([]byte, 1<<20))
	if err := store.Write(t.Context(), inserting(user)); app.KindOf(err) != app.StorageUnavailable {
		t.Fatalf("a full disk gave %v", err)
	}
	if err := store.Ready(t.Context()); err == nil {
		t.Error("ready with a full disk")
	}
	restore()
	if err := store.Ready(t.Context()); err != nil {
		t.Errorf("the disk has room again: %v", err)
	}
}

var errOurs = errors.New("ours")

func TestAnEmptyFolderIsClosedToOthers(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		want os.FileMode
	}{"empty": {"", 0o700}, "with other things in it": {"notes.txt", 0o755}} {
		folder := t.TempDir()
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if test.file != "" {
			if err := os.WriteFile(filepath.Join(folder, test.file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		store, err := db.Open(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		store.Close()
		info, err := os.Stat(folder)
		if err != nil || info.Mode().Perm() != test.want {
			t.Errorf("%s: permissions %o, %v", name, info.Mode().Perm(), err)
		}
	}
}

func TestClosingEmptiesTheLog(t *testing.T) {
	folder := t.TempDir()
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.EnsureApp(t.Context(), "wx1", start); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "wxkeeper.db-wal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the write-ahead log is still there: %v", err)
	}
}
