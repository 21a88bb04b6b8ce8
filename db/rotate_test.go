package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
	"wxkeeper/db/sample"
)

// sealedHouse is a folder in which something is sealed in every place there is.
func sealedHouse(t *testing.T, users int) (*db.DB, app.App) {
	t.Helper()
	store, one := open(t)
	keys := ring(t, store, 1)
	if err := sample.Fill(t.Context(), store, keys, one.ID, sample.Options{Users: users, Now: start, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	operator := app.OperatorSession{ID: 7, OperatorID: 3, SeenAt: start}
	err := store.Write(t.Context(), func(tx *db.Tx) error {
		record, err := tx.AppRecord(t.Context(), one.Appid)
		if err != nil {
			return err
		}
		places := db.AppSecretPlaces(one)
		record.Sealed = app.AppSecrets[[]byte]{
			Secret: keys.Seal(places.Secret, []byte("secret")), PushToken: keys.Seal(places.PushToken, []byte("token")),
			PushKey: keys.Seal(places.PushKey, []byte("key")),
		}
		if err := tx.UpdateApp(record); err != nil {
			return err
		}
		sealed := keys.Seal(db.AccessTokenPlace(one.ID, one.Appid), []byte("access token"))
		if err := tx.SaveAccessToken(one.ID, sealed, start); err != nil {
			return err
		}
		alice := app.Operator{ID: 3, Name: "alice", Role: app.RoleAdmin}
		if err := tx.InsertOperator(alice); err != nil {
			return err
		}
		if err := tx.SetOperatorTOTP(alice.ID, keys.Seal(db.TOTPPlace(alice), []byte("seed")), 1, start); err != nil {
			return err
		}
		if err := tx.InsertOperatorSession(operator, app.CookieHash{}); err != nil {
			return err
		}
		hook := app.Webhook{ID: 6, Sealed: keys.Seal(db.WebhookPlace(6), []byte("webhook"))}
		if err := tx.InsertWebhook(hook); err != nil {
			return err
		}
		robot := app.Robot{ID: 5, Kind: app.RobotFeishu, Sealed: keys.Seal(db.RobotPlace(5, app.RobotFeishu), []byte("robot"))}
		if err := tx.InsertRobot(robot); err != nil {
			return err
		}
		return tx.SetOperatorSessionValues(operator.ID, keys.Seal(db.OperatorValuesPlace(operator), []byte("values")))
	})
	if err != nil {
		t.Fatal(err)
	}
	return store, one
}

func wantEverythingOpen(t *testing.T, store *db.DB, one app.App, master byte) {
	t.Helper()
	keys, err := store.KeyRing(t.Context(), [32]byte{master})
	if err != nil {
		t.Fatal(err)
	}
	health, err := keeper.Check(t.Context(), store, keys)
	if err != nil || len(health.Problems) > 0 || health.Keys == 0 {
		t.Errorf("check: %+v %v", health, err)
	}
	sealed, _, err := store.Read().AccessToken(t.Context(), one.ID)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := keys.Open(db.AccessTokenPlace(one.ID, one.Appid), sealed); err != nil || string(text) != "access token" {
		t.Errorf("access token: %q %v", text, err)
	}
	alice := app.Operator{ID: 3, Name: "alice", TOTPSince: start}
	seed, err := store.Read().OperatorTOTP(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := keys.Open(db.TOTPPlace(alice), seed); err != nil || string(text) != "seed" {
		t.Errorf("seed of one-time codes: %q %v", text, err)
	}
	hook, err := store.Read().Webhook(t.Context(), 6)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := keys.Open(db.WebhookPlace(hook.ID), hook.Sealed); err != nil || string(text) != "webhook" {
		t.Errorf("address of a webhook: %q %v", text, err)
	}
	robot, err := store.Read().Robot(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := keys.Open(db.RobotPlace(robot.ID, robot.Kind), robot.Sealed); err != nil || string(text) != "robot" {
		t.Errorf("address of a robot: %q %v", text, err)
	}
	values, err := store.Read().OperatorSessionValues(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	place := db.OperatorValuesPlace(app.OperatorSession{ID: 7, OperatorID: 3})
	if text, err := keys.Open(place, values); err != nil || string(text) != "values" {
		t.Errorf("values of an operator's session: %q %v", text, err)
	}
}

func sealingKeys(t *testing.T, store *db.DB) (ids []int) {
	t.Helper()
	keys, err := store.Read().DataKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if key.Purpose == "sealing" {
			ids = append(ids, key.ID)
		}
	}
	return ids
}

func rotate(t *testing.T, store *db.DB, from, to byte, at time.Time) bool {
	t.Helper()
	rotated, err := keeper.RotateMasterKey(t.Context(), store, [32]byte{from}, [32]byte{to}, at)
	if err != nil {
		t.Fatal(err)
	}
	return rotated
}

func TestRotatedKeysOpenUnderTheNewMasterKeyOnly(t *testing.T) {
	store, one := sealedHouse(t, 50)
	wrapped := wrappings(t, store)
	if !rotate(t, store, 1, 2, start.Add(time.Hour)) {
		t.Error("not rotated")
	}
	if _, err := store.KeyRing(t.Context(), [32]byte{1}); err == nil {
		t.Error("the old master key still opens the ring")
	}
	wantEverythingOpen(t, store, one, 2)
	if rotate(t, store, 1, 2, start.Add(2*time.Hour)) {
		t.Error("rotated twice")
	}
	if _, err := keeper.RotateMasterKey(t.Context(), store, [32]byte{1}, [32]byte{3}, start); err == nil ||
		!strings.Contains(fmt.Sprint(errors.Unwrap(err), err), "master key does not fit") {
		t.Errorf("with a wrong old key: %v", err)
	}
	wantEverythingOpen(t, store, one, 2)
	wantNowhere(t, store, wrapped)
}

// wrappings are the data keys as they are wrapped now.
func wrappings(t *testing.T, store *db.DB) [][]byte {
	t.Helper()
	wrapped, err := store.Wrappings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// wantNowhere wants bytes to be in no file of the database any more.
func wantNowhere(t *testing.T, store *db.DB, gone [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(store.Folder(), "wxkeeper.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, one := range gone {
			if bytes.Contains(text, one) {
				t.Errorf("%s still holds wrapping %d of before", filepath.Base(name), i+1)
			}
		}
	}
}

func TestReencryptingMayBeCutShortAnywhere(t *testing.T) {
	store, one := sealedHouse(t, 700)
	old := wrappings(t, store)
	rotate(t, store, 1, 2, start.Add(time.Hour))
	old = append(old, wrappings(t, store)[0]) // the sealing key's
	cut := errors.New("cut short")
	points := 0
	for after := 1; ; after++ { // cut short after each commit, once
		ctx, cancel := context.WithCancelCause(t.Context())
		seen := 0
		needed, err := keeper.Reencrypt(ctx, store, [32]byte{2}, start.Add(2*time.Hour), func(int, int) {
			if seen++; seen == after {
				cancel(cut)
			}
		})
		cancel(nil)
		wantEverythingOpen(t, store, one, 2)
		if err == nil {
			if !needed {
				t.Error("nothing was done")
			}
			break
		}
		points++
		if ids := sealingKeys(t, store); len(ids) != 2 {
			t.Fatalf("cut short after %d steps: sealing keys %v", after, ids)
		}
	}
	if points < 5 {
		t.Errorf("cut short at %d points only", points)
	}
	if ids := sealingKeys(t, store); len(ids) != 1 || slices.Contains(ids, 1) {
		t.Errorf("sealing keys %v", ids)
	}
	needed, err := keeper.Reencrypt(t.Context(), store, [32]byte{2}, start.Add(3*time.Hour), func(int, int) {})
	if needed || err != nil {
		t.Errorf("again: %v %v", needed, err)
	}
	wantNowhere(t, store, old)
	keys, _ := store.KeyRing(t.Context(), [32]byte{2})
	if rows, err := store.Read().AuditRows(t.Context(), 1, 1000); err != nil || rows[len(rows)-1].Action != app.ActionReencrypt ||
		rows[len(rows)-2].Action != app.ActionRotateKey {
		t.Errorf("audit log ends %+v %v", rows[len(rows)-2:], err)
	}
	if broken, err := store.Read().BrokenAudit(t.Context(), keys); broken != 0 || err != nil {
		t.Errorf("audit log breaks at %d: %v", broken, err)
	}
}

// TestEverySealedColumnIsReencrypted: a column of sealed values that re-encrypting does not know would be lost with the old data key.
func TestEverySealedColumnIsReencrypted(t *testing.T) {
	store, _ := open(t)
	columns, err := store.ColumnsNamedSealed(t.Context())
	if err != nil || len(columns) < 5 {
		t.Fatal(columns, err)
	}
	if known := db.KnownSealedColumns(); !slices.Equal(columns, known) {
		t.Errorf("columns of sealed values: %v; re-encrypting (sealedColumns in rotate.go) knows %v", columns, known)
	}
}

// TestCheckOpensEverythingSealed spoils one column after another.
func TestCheckOpensEverythingSealed(t *testing.T) {
	store, _ := sealedHouse(t, 5)
	keys := ring(t, store, 1)
	health, err := keeper.Check(t.Context(), store, keys)
	if err != nil || len(health.Problems) > 0 || health.Secrets != 8 {
		t.Fatalf("%+v %v", health, err)
	}
	told := 0
	for _, column := range db.KnownSealedColumns() {
		if err := store.Spoil(t.Context(), column); err != nil {
			t.Fatal(err)
		}
		health, err := keeper.Check(t.Context(), store, keys)
		problems := len(health.Problems) + health.Unsaid
		if err != nil || problems <= told {
			t.Errorf("%s: %q %v", column, health.Problems, err)
		}
		told = problems
		table, name, _ := strings.Cut(column, ".")
		if table == "users" || table == "session_keys" { // told of by user
			continue
		}
		if said := strings.Join(health.Problems, "\n"); !strings.Contains(said, table+" ") || !strings.Contains(said, name+" does not open") {
			t.Errorf("%s: %s", column, said)
		}
	}
}
