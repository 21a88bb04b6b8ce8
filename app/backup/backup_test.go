package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"wxkeeper/app"
	"wxkeeper/app/backup"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

var (
	start  = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	master = backup.MasterKey{1}
)

// house is a data folder with a server's store on it, and a clock.
type house struct {
	t      *testing.T
	folder string
	store  *db.DB
	ring   *db.KeyRing
	app    app.App
	out    string // folder for backups
	mu     sync.Mutex
	now    time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, folder: filepath.Join(t.TempDir(), "data"), out: t.TempDir(), now: start}
	h.open(h.folder)
	return h
}

// open opens a folder as a server does.
func (h *house) open(folder string) {
	h.t.Helper()
	h.folder = folder
	var err error
	if h.store, err = db.Open(context.Background(), folder); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.store.Close() })
	if h.ring, err = h.store.EnsureKeyRing(context.Background(), master, start); err != nil {
		h.t.Fatal(err)
	}
	if h.app, err = h.store.EnsureApp(context.Background(), "wx0123456789abcdef", start); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) close() {
	h.t.Helper()
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// add stores a user with a session key and a phone number.
func (h *house) add(openid string) error {
	return h.store.Write(context.Background(), func(tx *db.Tx) error {
		at := h.clock()
		user := app.User{ID: app.UserID(tx.NewID(at)), AppID: h.app.ID, OpenID: app.OpenID(openid), LastSeenAt: at}
		user.Number = app.UserNumber(100_000_000 + int64(user.ID)%800_000_000)
		user.Profile.Nickname = "昵称" + openid
		user.Phone = app.SealedPhone{Sealed: h.ring.Seal(db.PhonePlace(h.app.ID, user.ID, user.OpenID), []byte(`{"purePhoneNumber":"13800000001"}`))}
		if err := tx.InsertUser(user); err != nil {
			return err
		}
		key := app.KeyRecord{ID: app.KeyID(tx.NewID(at)), UserID: user.ID, AskedAt: at}
		key.Sealed = h.ring.Seal(db.KeyPlace(h.app.ID, key.ID, user.OpenID), []byte("AAAAAAAAAAAAAAAAAAAAAA=="))
		if err := tx.InsertKey(h.app.ID, key); err != nil {
			return err
		}
		return tx.Audit(h.ring, app.AuditRow{At: at, Operator: "li", Action: app.ActionCheck, UserID: user.ID, Reason: openid})
	})
}

func (h *house) mustAdd(openids ...string) {
	h.t.Helper()
	for _, openid := range openids {
		if err := h.add(openid); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) user(openid string) (app.User, error) {
	return h.store.Read().UserByOpenID(context.Background(), h.app.ID, app.OpenID(openid))
}

func (h *house) has(openid string) bool {
	h.t.Helper()
	_, err := h.user(openid)
	if err != nil && app.KindOf(err) != app.NotFound {
		h.t.Fatal(err)
	}
	return err == nil
}

// erase does what the keeper does when an operator erases a user.
func (h *house) erase(openid string) {
	h.t.Helper()
	user, err := h.user(openid)
	if err == nil {
		err = h.store.Write(context.Background(), func(tx *db.Tx) error { return tx.EraseUser(h.ring, user, h.clock()) })
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) take(to string, recipients ...string) backup.Taken {
	h.t.Helper()
	taken, err := backup.Take(context.Background(), h.store, backup.Options{To: to, Recipients: recipients, Clock: h.clock, Program: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	return taken
}

func (h *house) restoring(from string) backup.RestoreOptions {
	return backup.RestoreOptions{From: from, Folder: h.folder, Master: master, Clock: h.clock}
}

func TestBackupsUnderLoadHoldWhatWasAcknowledged(t *testing.T) {
	h := newHouse(t)
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var mu sync.Mutex
	more := sync.NewCond(&mu)
	var acknowledged []string
	for writer := range 8 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				openid := fmt.Sprintf("o-%d-%d", writer, n)
				if err := h.add(openid); err != nil {
					panic(err) // whoever waits for more would wait for ever
				}
				mu.Lock()
				acknowledged = append(acknowledged, openid)
				more.Signal()
				mu.Unlock()
			}
		})
	}
	type kept struct {
		path   string
		before []string
	}
	var backups []kept
	for n := range 6 {
		var to []string
		if n%2 == 1 {
			to = []string{identity.Recipient().String()}
		}
		mu.Lock()
		for len(acknowledged) < 50*(n+1) { // some more than at the last one
			more.Wait()
		}
		before := append([]string{}, acknowledged...)
		mu.Unlock()
		suffix := ""
		if to != nil {
			suffix = backup.EncryptedSuffix
		}
		path := filepath.Join(h.out, fmt.Sprintf("%d.db%s", n, suffix))
		options := backup.Options{To: path, Recipients: to, Clock: h.clock, Program: "test"}
		if to == nil {
			options.Verify = &master
		}
		if _, err := backup.Take(t.Context(), h.store, options); err != nil {
			t.Fatal(err)
		}
		backups = append(backups, kept{path, before})
	}
	stop()
	writers.Wait()
	for _, one := range backups {
		into := &house{t: t, folder: filepath.Join(t.TempDir(), "data"), now: start}
		options := into.restoring(one.path)
		options.Identities = strings.NewReader(identity.String())
		restored, err := backup.Restore(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if restored.Health.Users < len(one.before) || restored.Aside != "" {
			t.Errorf("%d users of at least %d; %+v", restored.Health.Users, len(one.before), restored)
		}
		into.open(into.folder)
		for _, openid := range one.before {
			if !into.has(openid) {
				t.Errorf("%s: %s was acknowledged before and is not there", filepath.Base(one.path), openid)
			}
		}
		health, err := keeper.Check(t.Context(), into.store, into.ring)
		if err != nil || len(health.Problems) > 0 {
			t.Errorf("check: %v %v", health.Problems, err)
		}
	}
}

func TestABackupIsPrivateAndReplacesNothing(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("o1")
	path := filepath.Join(h.out, "one.db")
	taken := h.take(path)
	for _, name := range []string{path, path + backup.ManifestSuffix} {
		if found, err := os.Stat(name); err != nil || found.Mode() != 0o600 {
			t.Errorf("%s: %v %v", name, found.Mode(), err)
		}
	}
	manifest, err := backup.ReadManifest(path)
	if err != nil || manifest != taken.Manifest || manifest.AuditRows != 1 || manifest.Schema == 0 || !manifest.TakenAt.Equal(start) {
		t.Errorf("%+v, %v", manifest, err)
	}
	before := read(t, path)
	h.mustAdd("o2")
	for _, name := range []string{path, strings.TrimSuffix(path, ".db")} {
		if name != path {
			write(t, name+backup.ManifestSuffix, "left")
		}
		if _, err := backup.Take(t.Context(), h.store, backup.Options{To: name, Clock: h.clock}); app.KindOf(err) != app.AlreadyExists {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(before, read(t, path)) {
		t.Error("the first backup was changed")
	}
	wantNames(t, h.out, "one.db", "one.db.json", "one.json")
}

func TestABackupCutShortIsNone(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("o1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Take(ctx, h.store, backup.Options{To: h.out, Clock: h.clock}); err == nil {
		t.Error("taken although it was cut short")
	}
	wantNames(t, h.out)
	taken := h.take(h.out)
	if err := os.Remove(taken.Path + backup.ManifestSuffix); err != nil { // as if it had been killed before the manifest
		t.Fatal(err)
	}
	h.close()
	if _, err := backup.Restore(t.Context(), h.restoring(taken.Path)); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("restored: %v", err)
	}
}

// TestARestoreKeepsServersOut: no server may begin while a restore is under way, up to the very moment before it replaces the data, which
// is when it asks for the time for the last time.
func TestARestoreKeepsServersOut(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("o1")
	taken := h.take(h.out)
	h.close()
	options, asked := h.restoring(taken.Path), 0
	options.Clock = func() time.Time {
		asked++
		if lock, err := db.LockFolder(h.folder); err == nil {
			lock.Release()
			t.Errorf("a server could begin when the time was asked for the time number %d", asked)
		}
		return h.clock()
	}
	restored, err := backup.Restore(t.Context(), options)
	if err != nil || asked < 2 || restored.Aside == "" {
		t.Fatalf("asked %d times for the time, %+v, %v", asked, restored, err)
	}
	lock, err := db.LockFolder(h.folder)
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	lock.Release()
}

func TestAnEncryptedBackupIsNeverClearInItsFolder(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("o-recognisable")
	identity, _ := age.GenerateX25519Identity()
	for range 5 {
		h.pass(time.Second)
		ended := make(chan struct{})
		watched := make(chan map[string]bool)
		go func() { watched <- namesUntil(ended, h.out) }()
		h.take(h.out, identity.Recipient().String())
		close(ended)
		for name := range <-watched {
			if strings.HasSuffix(name, ".db") {
				t.Errorf("while it was made there was %s", name)
			}
		}
		if err := os.RemoveAll(h.out); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(h.out, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	taken := h.take(h.out, identity.Recipient().String())
	wantNames(t, h.out, filepath.Base(taken.Path), filepath.Base(taken.Path)+".json")
	if bytes.Contains(read(t, taken.Path), []byte("o-recognisable")) || !strings.HasSuffix(taken.Path, ".age") {
		t.Error("the backup is clear")
	}
	wantNames(t, h.folder, "migrate.lock", "wxkeeper.db", "wxkeeper.db-shm", "wxkeeper.db-wal")
	h.close()
	if _, err := backup.Restore(t.Context(), h.restoring(taken.Path)); err == nil || !strings.Contains(err.Error(), "is encrypted") {
		t.Errorf("without identity: %v", err)
	}
	other, _ := age.GenerateX25519Identity()
	for _, text := range []string{other.String(), "nonsense"} {
		options := h.restoring(taken.Path)
		options.Identities = strings.NewReader(text)
		if _, err := backup.Restore(t.Context(), options); err == nil || strings.Contains(err.Error(), text) {
			t.Errorf("with %s: %v", text, err)
		}
	}
}

// namesUntil gathers the names of all files that come and go below a folder.
func namesUntil(ended <-chan struct{}, folder string) map[string]bool {
	seen := map[string]bool{}
	for {
		for _, pattern := range []string{"*", "*/*"} {
			found, _ := filepath.Glob(filepath.Join(folder, pattern)) // fails for a malformed pattern only
			for _, name := range found {
				seen[filepath.Base(name)] = true
			}
		}
		select {
		case <-ended:
			return seen
		default:
		}
	}
}

func TestRestoreReplacesAndKeepsAside(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("o1")
	taken := h.take(h.out)
	h.pass(time.Hour)
	h.mustAdd("o2")
	options := h.restoring(taken.Path)
	options.Try = true
	if restored, err := backup.Restore(t.Context(), options); err != nil || restored.Aside != "" || !h.has("o2") {
		t.Errorf("rehearsal: %+v %v", restored, err)
	}
	h.close()
	restored, err := backup.Restore(t.Context(), h.restoring(taken.Path))
	if err != nil {
		t.Fatal(err)
	}
	h.open(h.folder)
	if !h.has("o1") || h.has("o2") {
		t.Error("it is not the backup's data")
	}
	rows, err := h.store.Read().AuditRows(t.Context(), 2, 10)
	if err != nil || len(rows) != 1 || rows[0].Action != app.ActionRestore || rows[0].Detail != filepath.Base(taken.Path) {
		t.Errorf("audit log: %+v %v", rows, err)
	}
	h.close()
	h.open(restored.Aside)
	if !h.has("o1") || !h.has("o2") {
		t.Error("what was replaced is not aside")
	}
}

func TestRestoreErasesAgain(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("kept", "erased", "returned")
	old := h.take(filepath.Join(h.out, "old.db"))
	h.pass(time.Hour)
	h.erase("erased")
	h.erase("returned")
	h.pass(time.Hour)
	h.mustAdd("returned") // as a new user
	newer := h.take(filepath.Join(h.out, "newer.db"))

	t.Run("from an older one", func(t *testing.T) {
		h.t = t
		h.close()
		restored, err := backup.Restore(t.Context(), h.restoring(old.Path))
		if err != nil || restored.ErasedAgain != 2 || !restored.ErasedKnown {
			t.Fatalf("%+v %v", restored, err)
		}
		h.open(h.folder)
		if !h.has("kept") || h.has("erased") || h.has("returned") {
			t.Error("the wrong users are there")
		}
		h.close()
		for _, name := range []string{"wxkeeper.db", "wxkeeper.db-wal"} {
			text, err := os.ReadFile(filepath.Join(h.folder, name))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if bytes.Contains(text, []byte("昵称erased")) {
				t.Errorf("the erased user's name is in %s", name)
			}
		}
	})
	t.Run("from one after the erasing", func(t *testing.T) {
		restored, err := backup.Restore(t.Context(), h.restoring(newer.Path))
		if err != nil || restored.ErasedAgain != 0 {
			t.Fatalf("%+v %v", restored, err)
		}
		h.t = t
		h.open(h.folder)
		if !h.has("returned") || h.has("erased") {
			t.Error("whoever came again after being erased is gone, or an erased one is back")
		}
		h.close()
	})
	t.Run("twice from the older one", func(t *testing.T) { // what is known of erasures outlives a restore
		h.t = t
		h.pass(time.Hour)
		for range 2 {
			if restored, err := backup.Restore(t.Context(), h.restoring(old.Path)); err != nil || restored.ErasedAgain != 2 {
				t.Fatalf("%+v %v", restored, err)
			}
		}
	})
	t.Run("without the present data", func(t *testing.T) {
		damage(t, filepath.Join(h.folder, "wxkeeper.db"))
		options := h.restoring(old.Path)
		if _, err := backup.Restore(t.Context(), options); err == nil || !strings.Contains(err.Error(), "--erased-in") {
			t.Errorf("restored although nobody knows who was erased: %v", err)
		}
		options.ErasedIn = []string{newer.Path}
		options.Try = true
		if restored, err := backup.Restore(t.Context(), options); err != nil || restored.ErasedAgain != 2 {
			t.Errorf("with a newer backup: %+v %v", restored, err)
		}
		options.ErasedIn, options.ForgetErased, options.Try = nil, true, false
		restored, err := backup.Restore(t.Context(), options)
		if err != nil || restored.ErasedAgain != 0 || restored.ErasedKnown {
			t.Errorf("without: %+v %v", restored, err)
		}
	})
	t.Run("over other data", func(t *testing.T) {
		other := newHouse(t)
		other.close()
		relabel(t, other)
		if _, err := backup.Restore(t.Context(), other.restoring(old.Path)); err == nil || !strings.Contains(err.Error(), "no later state") {
			t.Errorf("restored over another's data: %v", err)
		}
	})
}

// relabel makes a folder's data keys those of another house.
func relabel(t *testing.T, h *house) {
	t.Helper()
	if err := os.RemoveAll(h.folder); err != nil {
		t.Fatal(err)
	}
	store, err := db.Open(t.Context(), h.folder)
	if err == nil {
		_, err = store.EnsureKeyRing(t.Context(), master, start.Add(time.Hour))
	}
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("o1", "o2", "o3")
	taken := h.take(filepath.Join(h.out, "good.db"))
	h.pass(time.Hour)
	h.mustAdd("later")
	other := h.take(filepath.Join(h.out, "other.db"))
	h.close()
	live := read(t, filepath.Join(h.folder, "wxkeeper.db"))

	good, manifest := read(t, taken.Path), read(t, taken.Path+backup.ManifestSuffix)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for name, one := range map[string]struct {
		text, manifest []byte
		master         backup.MasterKey
		says           string
	}{
		"one bit flipped":        {flipped, manifest, master, "changed or cut off"},
		"cut off":                {good[:len(good)-1], manifest, master, "changed or cut off"},
		"empty":                  {nil, manifest, master, "changed or cut off"},
		"another's manifest":     {good, read(t, other.Path+backup.ManifestSuffix), master, "changed or cut off"},
		"no manifest":            {good, nil, master, "cut short"},
		"a manifest cut off":     {good, manifest[:20], master, "no manifest"},
		"another master key":     {good, manifest, backup.MasterKey{2}, "master key does not fit"},
		"a newer schema":         {changed(t, good, `UPDATE goose_db_version SET version_id = 29990101000000 WHERE id = 3`), nil, master, "newer wxkeeper"},
		"a damaged page":         {scratched(good), nil, master, ""},
		"no database":            {[]byte(strings.Repeat("no database ", 1000)), nil, master, ""},
		"a changed audit row":    {changed(t, good, `UPDATE audit SET reason = 'forged' WHERE sequence = 2`), nil, master, "audit log"},
		"a deleted audit row":    {changed(t, good, `DELETE FROM audit WHERE sequence = 2`), nil, master, "audit log"},
		"a session key of other": {changed(t, good, `UPDATE session_keys SET sealed = (SELECT sealed FROM session_keys ORDER BY id LIMIT 1)`), nil, master, "does not open"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.db")
			write(t, path, string(one.text))
			options := h.restoring(path)
			options.Master = one.master
			switch {
			case one.manifest != nil:
				write(t, path+backup.ManifestSuffix, string(one.manifest))
			case name != "no manifest": // what was changed on purpose, with a manifest to match, as an attacker would
				options.NoManifest = true
			}
			_, err := backup.Restore(t.Context(), options)
			if err == nil || !strings.Contains(err.Error(), one.says) && !strings.Contains(causeOf(err), one.says) {
				t.Errorf("%v, want %q", err, one.says)
			}
			if !bytes.Equal(live, read(t, filepath.Join(h.folder, "wxkeeper.db"))) {
				t.Error("the data was touched")
			}
			wantNames(t, h.folder, "migrate.lock", "serve.lock", "wxkeeper.db")
		})
	}
	t.Run("while served", func(t *testing.T) {
		lock, err := db.LockFolder(h.folder)
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Release()
		if _, err := backup.Restore(t.Context(), h.restoring(taken.Path)); app.KindOf(err) != app.AlreadyExists {
			t.Errorf("restored under a server: %v", err)
		}
	})
	if _, err := backup.Restore(t.Context(), h.restoring(taken.Path)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func causeOf(err error) string {
	var failure *app.Error
	if errors.As(err, &failure) && failure.Cause != nil {
		return failure.Cause.Error()
	}
	return ""
}

func TestSchedule(t *testing.T) {
	h := newHouse(t)
	h.mustAdd("o1")
	var log bytes.Buffer
	schedule := backup.Schedule{
		Store: h.store, Folder: h.out, Every: 24 * time.Hour, Keep: 2, Program: "test", Clock: h.clock,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	turn := func() error {
		t.Helper()
		err := schedule.Run(t.Context())
		h.pass(time.Hour + time.Second)
		return err
	}
	write(t, filepath.Join(h.out, "mine.db"), "somebody else's")
	write(t, filepath.Join(h.out, "wxkeeper-20260101T000000Z.db"), "cut short")
	if err := os.Mkdir(filepath.Join(h.out, "wxkeeper-20260101T000001Z.db.partial123"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 72 {
		if err := turn(); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := h.store.Read().BackupRuns(t.Context(), 10)
	if err != nil || len(runs) != 3 || runs[0].Name != "wxkeeper-20261124T080048Z.db" || runs[0].Bytes == 0 || runs[0].Problem != "" {
		t.Errorf("%+v %v", runs, err)
	}
	wantNames(t, h.out, "mine.db", "wxkeeper-20261123T080024Z.db", "wxkeeper-20261123T080024Z.db.json",
		"wxkeeper-20261124T080048Z.db", "wxkeeper-20261124T080048Z.db.json")

	schedule.Folder = filepath.Join(h.out, "not mounted")
	var failures []error
	for range 30 {
		if err := turn(); err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) != 1 {
		t.Errorf("a failure that goes on is told %d times: %v", len(failures), failures)
	}
	since, problem, err := h.store.Read().BackupFailingSince(t.Context())
	if err != nil || !strings.Contains(problem, "not mounted") || !since.Equal(start.Add(72*(time.Hour+time.Second)).Truncate(time.Millisecond)) {
		t.Errorf("failing since %v: %q %v", since, problem, err)
	}
	schedule.Folder = h.out
	if err := turn(); err != nil || !strings.Contains(log.String(), "succeed again") {
		t.Errorf("%v, log %s", err, log.String())
	}
	if _, problem, err := h.store.Read().BackupFailingSince(t.Context()); problem != "" || err != nil {
		t.Errorf("still failing: %q %v", problem, err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// scratched is a database with its pages overwritten, all but the first.
func scratched(good []byte) []byte {
	bad := bytes.Clone(good)
	for i := 4096; i < len(bad); i += 4096 {
		copy(bad[i:], bytes.Repeat([]byte{0xa5}, 64))
	}
	return bad
}

func damage(t *testing.T, path string) { t.Helper(); write(t, path, string(scratched(read(t, path)))) }

func wantNames(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %v, want %v", filepath.Base(folder), got, want)
	}
}
