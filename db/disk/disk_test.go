package disk_test

import (
	"context"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/db/disk"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func watch(t *testing.T) *disk.Disk {
	t.Helper()
	watched, err := disk.Watch(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := watched.Close(); err != nil {
			t.Error(err)
		}
	})
	return watched
}

func open(t *testing.T, watched *disk.Disk, folder string) *db.DB {
	t.Helper()
	store, err := db.Open(t.Context(), folder, db.WithDisk(watched))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func writeApp(store *db.DB, appid app.Appid) error {
	_, err := store.EnsureApp(context.Background(), appid, start)
	return err
}

func TestFlushesAndBytesAreCounted(t *testing.T) {
	watched := watch(t)
	store := open(t, watched, t.TempDir())
	if err := writeApp(store, "wx0"); err != nil { // the first commit also flushes the head of the log
		t.Fatal(err)
	}
	flushes, bytes := watched.Flushes(), watched.Bytes()
	for _, appid := range []app.Appid{"wx1", "wx2", "wx3"} {
		if err := writeApp(store, appid); err != nil {
			t.Fatal(err)
		}
	}
	if got := watched.Flushes() - flushes; got != 3 {
		t.Errorf("%d flushes for 3 commits", got)
	}
	if watched.Bytes()-bytes < 3*4096 {
		t.Errorf("%d bytes for 3 commits", watched.Bytes()-bytes)
	}
}

func TestFlushesAreSlow(t *testing.T) {
	watched := watch(t)
	store := open(t, watched, t.TempDir())
	watched.Slow(30 * time.Millisecond)
	began := time.Now()
	if err := writeApp(store, "wx1"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestTroublesComeAndGo(t *testing.T) {
	for name, trouble := range map[string]*disk.Trouble{"full": disk.Full, "read-only": disk.ReadOnly} {
		t.Run(name, func(t *testing.T) {
			watched := watch(t)
			store := open(t, watched, t.TempDir())
			watched.Have(trouble)
			if err := writeApp(store, "wx1"); app.KindOf(err) != app.StorageUnavailable {
				t.Errorf("error is %v", err)
			}
			watched.Have(nil)
			if err := writeApp(store, "wx2"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAWatchedDiskHasOneNameAndOneEnd(t *testing.T) {
	watched := watch(t)
	if _, err := disk.Watch(watched.Name()); err == nil {
		t.Error("watched twice under one name")
	}
	store := open(t, watched, t.TempDir())
	if err := watched.Close(); err == nil {
		t.Error("closed under an open database")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRebuiltDisk: what was flushed is there whatever the seed, and what came later is sometimes there and sometimes not.
func TestRebuiltDisk(t *testing.T) {
	watched := watch(t)
	watched.Record()
	store := open(t, watched, t.TempDir())
	if err := writeApp(store, "wx1"); err != nil {
		t.Fatal(err)
	}
	flushed := watched.Recorded()
	if err := writeApp(store, "wx2"); err != nil {
		t.Fatal(err)
	}
	flushing := watched.Recorded() - 1 // all is written, the flush has not ended
	found := map[string]int{}
	for seed := range uint64(30) {
		for name, point := range map[string]int{"flushed": flushed, "flushing": flushing} {
			again := t.TempDir()
			if err := watched.Rebuild(again, point, seed); err != nil {
				t.Fatal(err)
			}
			store, err := db.Open(t.Context(), again)
			if err != nil {
				t.Fatalf("%s, seed %d: %v", name, seed, err)
			}
			apps, err := store.Read().Apps(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range apps {
				found[name+" "+string(one.Appid)]++
			}
			store.Close()
		}
	}
	if found["flushed wx1"] != 30 || found["flushing wx1"] != 30 || found["flushed wx2"] != 0 {
		t.Errorf("found %v", found)
	}
	if late := found["flushing wx2"]; late == 0 || late == 30 {
		t.Errorf("what was not flushed was there %d times of 30", late)
	}
}
