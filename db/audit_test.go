package db

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"wxkeeper/app"
)

// auditedFolder is a database with a log of so many rows, and a handle that knows no rules.
func auditedFolder(t *testing.T, rows int) (*DB, *KeyRing, *sql.DB) {
	t.Helper()
	folder := t.TempDir()
	store, err := Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	appendAudit(t, store, ring, rows)
	handle, err := sql.Open("sqlite", filepath.Join(folder, databaseFile)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handle.Close() })
	return store, ring, handle
}

func appendAudit(t *testing.T, store *DB, ring *KeyRing, rows int) {
	t.Helper()
	err := store.Write(t.Context(), func(tx *Tx) error {
		for i := range rows {
			err := tx.Audit(ring, app.AuditRow{
				At: time.UnixMilli(int64(1000 + i)), Operator: "alice", Action: app.ActionRelogin, AppID: 1, UserID: app.UserID(i % 7), Reason: fmt.Sprint("reason ", i),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantBroken(t *testing.T, what string, store *DB, ring *KeyRing, want bool) {
	t.Helper()
	broken, err := store.Read().BrokenAudit(t.Context(), ring)
	if err != nil || (broken != 0) != want {
		t.Errorf("%s: broken at %d, %v", what, broken, err)
	}
}

// Whatever is done to the log by somebody without its key is found, wherever it is done, and the next rows do not make it good.
func TestTamperingIsFound(t *testing.T) {
	const rows = 40
	columns := []string{"at = at + 1", "operator = 'bob'", "action = 'users.check'", "app_id = app_id + 1", "user_id = user_id + 1",
		"reason = reason || ' '", "detail = 'x'", "mac = zeroblob(32)"}
	seeded := rand.New(rand.NewPCG(1, 2))
	for kind, tamper := range map[string]func(exec func(string, ...any), at int){
		"changed": func(exec func(string, ...any), at int) {
			exec("UPDATE audit SET "+columns[seeded.IntN(len(columns))]+" WHERE sequence = ?", at)
		},
		"deleted": func(exec func(string, ...any), at int) { exec("DELETE FROM audit WHERE sequence = ?", at) },
		"deleted and closed up": func(exec func(string, ...any), at int) {
			exec("DELETE FROM audit WHERE sequence = ?", at)
			for one := at + 1; one <= rows; one++ {
				exec("UPDATE audit SET sequence = sequence - 1 WHERE sequence = ?", one)
			}
			exec("UPDATE audit_head SET sequence = sequence - 1")
		},
		"inserted": func(exec func(string, ...any), at int) {
			for one := rows; one >= at; one-- {
				exec("UPDATE audit SET sequence = sequence + 1 WHERE sequence = ?", one)
			}
			exec(`INSERT INTO audit SELECT ?, at, 'bob', action, app_id, user_id, reason, detail, mac FROM audit WHERE sequence = ?`, at, at+1)
			exec("UPDATE audit_head SET sequence = sequence + 1")
		},
		"appended": func(exec func(string, ...any), at int) {
			exec(`INSERT INTO audit SELECT ?, at, operator, action, app_id, user_id, reason, detail, mac FROM audit WHERE sequence = ?`, rows+1, at)
		},
		"reordered": func(exec func(string, ...any), at int) {
			other := at%rows + 1
			exec("UPDATE audit SET sequence = -1 WHERE sequence = ?", at)
			exec("UPDATE audit SET sequence = ? WHERE sequence = ?", at, other)
			exec("UPDATE audit SET sequence = ? WHERE sequence = -1", other)
		},
		"cut off": func(exec func(string, ...any), at int) { exec("DELETE FROM audit WHERE sequence >= ?", at) },
		"cut off with the head": func(exec func(string, ...any), at int) {
			exec("DELETE FROM audit WHERE sequence >= ?", at)
			exec("UPDATE audit_head SET sequence = ?, mac = COALESCE((SELECT mac FROM audit WHERE sequence = ?), x'')", at-1, at-1)
		},
		"cut off without a head": func(exec func(string, ...any), at int) {
			exec("DELETE FROM audit WHERE sequence >= ?", at)
			exec("DELETE FROM audit_head")
		},
	} {
		t.Run(kind, func(t *testing.T) {
			store, ring, handle := auditedFolder(t, rows)
			wantBroken(t, "as written", store, ring, false)
			backup := []string{"CREATE TEMP TABLE kept AS SELECT * FROM audit", "CREATE TEMP TABLE kept_head AS SELECT * FROM audit_head"}
			restore := []string{"DELETE FROM audit", "INSERT INTO audit SELECT * FROM kept", "DELETE FROM audit_head", "INSERT INTO audit_head SELECT * FROM kept_head"}
			handle.SetMaxOpenConns(1)
			run := func(statements ...string) {
				t.Helper()
				for _, one := range statements {
					if _, err := handle.Exec(one); err != nil {
						t.Fatal(err)
					}
				}
			}
			run(backup...)
			for round := range 100 {
				at := 1 + seeded.IntN(rows)
				run("BEGIN")
				tamper(func(statement string, arguments ...any) {
					t.Helper()
					if _, err := handle.Exec(statement, arguments...); err != nil {
						t.Fatalf("%s: %v", statement, err)
					}
				}, at)
				run("COMMIT")
				wantBroken(t, fmt.Sprintf("round %d, at row %d", round, at), store, ring, true)
				appendAudit(t, store, ring, 2)
				wantBroken(t, fmt.Sprintf("round %d, at row %d, and two rows later", round, at), store, ring, true)
				run("BEGIN")
				run(restore...)
				run("COMMIT")
			}
			wantBroken(t, "put back", store, ring, false)
		})
	}
}

// A log that is still empty cannot be made of one that is not.
func TestTheWholeLogCannotBeCutOff(t *testing.T) {
	store, ring, handle := auditedFolder(t, 3)
	for _, statement := range []string{"DELETE FROM audit", "UPDATE audit_head SET sequence = 0, mac = x''"} {
		if _, err := handle.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	wantBroken(t, "emptied", store, ring, true)
	empty, ring, _ := auditedFolder(t, 0)
	wantBroken(t, "empty", empty, ring, false)
}

// The check reads pages: where one ends is no different from elsewhere, and rows written meanwhile are no tampering.
func TestAuditIsFollowedPageByPage(t *testing.T) {
	store, ring, _ := auditedFolder(t, 2*auditPage)
	var chain AuditChain
	for page := 1; !chain.Ended; page++ {
		var err error
		if chain, err = store.Read().FollowAudit(t.Context(), ring, chain); err != nil {
			t.Fatal(err)
		}
		if page == 2 {
			appendAudit(t, store, ring, 1)
		}
	}
	if chain.Broken != 0 || chain.Last.Sequence != 2*auditPage+1 {
		t.Errorf("%+v", chain)
	}
}
