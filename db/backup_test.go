package db_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"wxkeeper/db"
)

// TestCopyBesideWritesAndCheckpoints copies a database of several portions while others write all over it and move the log into the
// file. Each write changes two rows that lie far apart: a copy of one moment has them equal.
func TestCopyBesideWritesAndCheckpoints(t *testing.T) {
	const pairs, filler, copies = 2500, 3000, 4
	store, _ := open(t)
	for _, statement := range []string{
		`CREATE TABLE pairs (id INTEGER PRIMARY KEY, n INTEGER, filler BLOB)`,
		fmt.Sprintf(`WITH RECURSIVE ids (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM ids WHERE id < %d)
			INSERT INTO pairs SELECT id, 0, zeroblob(%d) FROM ids`, 2*pairs-1, filler),
	} {
		if err := db.ExecOnWriter(store, statement); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var acknowledged atomic.Int64
	var beside sync.WaitGroup
	beside.Go(func() {
		for n := int64(1); ctx.Err() == nil; n++ {
			one := 1 + rand.IntN(pairs-1)
			err := db.ExecOnWriter(store, `UPDATE pairs SET n = ? WHERE id IN (0, ?, ?, ?)`, n, pairs, one, pairs+one)
			if err != nil {
				t.Error(err)
				return
			}
			acknowledged.Store(n)
		}
	})
	beside.Go(func() {
		for ctx.Err() == nil {
			_ = store.Checkpoint(ctx) // while somebody copies, it ends with nothing but the log's beginning moved
		}
	})
	for range copies {
		before, folder := acknowledged.Load(), t.TempDir()
		if err := store.Copy(t.Context(), folder); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
			t.Errorf("the copy is %v, %v", left, err)
		}
		if damage, err := db.DamageOfCopy(t.Context(), folder); err != nil || len(damage) > 0 {
			t.Errorf("%v, %v", damage, err)
		}
		differing, newest := pairsOf(t, folder)
		if differing != 0 || newest < before {
			t.Errorf("%d pairs differ; the newest write is %d, %d had been acknowledged", differing, newest, before)
		}
	}
	stop()
	beside.Wait()
	if acknowledged.Load() < 100 {
		t.Errorf("nothing but %d writes went on beside", acknowledged.Load())
	}
}

func pairsOf(t *testing.T, folder string) (differing, newest int64) {
	t.Helper()
	copied, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	differing, err = db.Column[int64](copied,
		`SELECT COUNT(*) FROM pairs a JOIN pairs b ON b.id = a.id + (SELECT COUNT(*) / 2 FROM pairs) WHERE a.n <> b.n`)
	if err != nil {
		t.Fatal(err)
	}
	if newest, err = db.Column[int64](copied, `SELECT n FROM pairs WHERE id = 0`); err != nil {
		t.Fatal(err)
	}
	return differing, newest
}
