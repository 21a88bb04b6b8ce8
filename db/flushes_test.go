package db_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/db/disk"
)

// TestFlushesForAcknowledgedWrites counts how often the disk is flushed for each write: once for a lone client, who is never
// told of a commit that is not on disk, and seldom for many, who share one flush.
func TestFlushesForAcknowledgedWrites(t *testing.T) {
	for _, test := range []struct {
		clients, writes int // writes of each client
		flush           time.Duration
		least, most     float64 // flushes a write
	}{
		{clients: 1, writes: 200, least: 0.95, most: 1.2},
		{clients: 32, writes: 30, flush: time.Millisecond, most: 0.25},
		{clients: 256, writes: 8, flush: time.Millisecond, most: 0.05},
	} {
		t.Run(fmt.Sprint(test.clients), func(t *testing.T) {
			watched, err := disk.Watch(t.Name())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { watched.Close() })
			store, one := open(t, db.WithDisk(watched))
			watched.Slow(test.flush)
			before := watched.Flushes()
			var clients sync.WaitGroup
			for client := range test.clients {
				clients.Go(func() {
					for n := range test.writes {
						user := newUser(one, fmt.Sprintf("openid-%d-%d", client, n), app.UserNumber(100_000+client*1000+n))
						err := store.Write(context.Background(), func(tx *db.Tx) error {
							user.ID = app.UserID(tx.NewID(start))
							return tx.InsertUser(user)
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			clients.Wait()
			flushes := float64(watched.Flushes()-before) / float64(test.clients*test.writes)
			t.Logf("%d clients, %v more a flush: %.3f flushes a write", test.clients, test.flush, flushes)
			if flushes < test.least || flushes > test.most {
				t.Errorf("want %.2f to %.2f", test.least, test.most)
			}
		})
	}
}
