package db_test

import (
	"strings"
	"testing"
	"time"

	"wxkeeper/db"
)

func TestHealthTellsWhatIsKnownOfTheDatabase(t *testing.T) {
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	created := time.UnixMilli(1_800_000_000_000)
	if _, err := store.EnsureKeyRing(t.Context(), [32]byte{}, created); err != nil {
		t.Fatal(err)
	}
	health, err := store.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(health.Engine, "SQLite 3.") || health.SchemaVersion < 20261122000000 {
		t.Errorf("engine %q, schema %d", health.Engine, health.SchemaVersion)
	}
	if health.FileBytes == 0 || health.LogBytes == 0 || health.Commits == 0 || health.Writes < health.Commits || health.QueueLength == 0 {
		t.Errorf("got %+v", health)
	}
	keys, err := store.Read().DataKeys(t.Context())
	if err != nil || len(keys) == 0 || keys[0].ID != 1 || keys[0].Purpose != "sealing" || !keys[0].CreatedAt.Equal(created) {
		t.Errorf("data keys %+v, %v", keys, err)
	}
}

func TestLeasesAreListed(t *testing.T) {
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	now := time.UnixMilli(1_800_000_000_000)
	err = store.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.TakeLease("sweep", 7, now, time.Hour); err != nil {
			return err
		}
		lease, err := tx.TakeLease("check keys", 8, now, time.Hour)
		if err != nil {
			return err
		}
		return tx.GiveLeaseBack(lease)
	})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := store.Read().Leases(t.Context())
	if err != nil || len(leases) != 2 {
		t.Fatalf("got %+v, %v", leases, err)
	}
	if returned := leases[0]; returned.Name != "check keys" || returned.ExpiresAt.After(now) {
		t.Errorf("given back: %+v", returned)
	}
	if held := leases[1]; held.Name != "sweep" || held.Holder != 7 || !held.ExpiresAt.Equal(now.Add(time.Hour)) {
		t.Errorf("held: %+v", held)
	}
}
