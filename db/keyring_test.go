package db_test

import (
	"bytes"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/db"
)

func ring(t *testing.T, store *db.DB, master byte) *db.KeyRing {
	t.Helper()
	made, err := store.EnsureKeyRing(t.Context(), [32]byte{master}, start)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestSealedValuesOpenInTheirPlaceOnly(t *testing.T) {
	store, one := open(t)
	keys := ring(t, store, 1)
	secret := []byte("tiihtNczf5v6AKRyjwEUhQ==")
	place := db.KeyPlace(one.ID, 5, "openid")
	sealed := keys.Seal(place, secret)
	if bytes.Contains(sealed, secret) {
		t.Fatal("the secret stands in clear")
	}
	if bytes.Equal(sealed, keys.Seal(place, secret)) {
		t.Error("sealing twice gives the same bytes")
	}
	if got, err := keys.Open(place, sealed); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("opened %q, %v", got, err)
	}
	for name, other := range map[string]db.Place{
		"another app":   db.KeyPlace(one.ID+1, 5, "openid"),
		"another row":   db.KeyPlace(one.ID, 6, "openid"),
		"another user":  db.KeyPlace(one.ID, 5, "openid2"),
		"another table": db.PhonePlace(one.ID, 5, "openid"),
	} {
		if _, err := keys.Open(other, sealed); err == nil {
			t.Errorf("opened in %s", name)
		}
	}
	for length := range sealed {
		if _, err := keys.Open(place, sealed[:length]); err == nil {
			t.Errorf("opened when cut to %d bytes", length)
		}
	}
}

func TestDataKeysSurviveARestart(t *testing.T) {
	store, one := open(t)
	place := db.KeyPlace(one.ID, 5, "openid")
	first := ring(t, store, 1)
	sealed := first.Seal(place, []byte("secret"))
	second := ring(t, store, 1)
	if got, err := second.Open(place, sealed); err != nil || string(got) != "secret" {
		t.Errorf("opened %q, %v", got, err)
	}
	key, err := app.NewSessionKey("tiihtNczf5v6AKRyjwEUhQ==")
	if err != nil {
		t.Fatal(err)
	}
	if first.Fingerprint(key) != second.Fingerprint(key) {
		t.Error("fingerprints differ")
	}
	if !bytes.Equal(first.PhoneHash("13800000000"), second.PhoneHash("13800000000")) {
		t.Error("phone hashes differ")
	}
	if n, err := db.Column[int](store, "SELECT COUNT(*) FROM data_keys"); err != nil || n != 4 {
		t.Errorf("%d data keys, %v", n, err)
	}
}

func TestWrongMasterKeyIsOneClearLine(t *testing.T) {
	store, _ := open(t)
	ring(t, store, 1)
	_, err := store.EnsureKeyRing(t.Context(), [32]byte{2}, start)
	if err == nil || !strings.Contains(err.Error(), "does not fit this data folder") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v", err)
	}
}

func TestLostDataKeysAreNotMadeAnew(t *testing.T) {
	store, one := open(t)
	ring(t, store, 1)
	addUser(t, store, newUser(one, "openid", 1))
	if err := db.ExecOnWriter(store, "DELETE FROM data_keys"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, start); app.KindOf(err) != app.StorageUnavailable {
		t.Errorf("error is %v", err)
	}
}

func TestReadingMakesNoKeys(t *testing.T) {
	store, _ := open(t)
	if _, err := store.KeyRing(t.Context(), [32]byte{1}); err == nil || !strings.Contains(err.Error(), "nothing has been served") {
		t.Errorf("error is %v", err)
	}
	if n, err := db.Column[int](store, "SELECT COUNT(*) FROM data_keys"); err != nil || n != 0 {
		t.Errorf("%d data keys, %v", n, err)
	}
}
