package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBackupsUnderLoad takes backups beside a server at work; each brings back every token and every profile that was acknowledged
// before it began.
func TestBackupsUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	folder := t.TempDir()
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=0"))
	l := startLoad(s, w)
	type kept struct {
		path   string
		visits []*visit
	}
	var backups []kept
	for n := range 3 {
		eventually(t, 20*time.Second, "some more people have been served", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.visits) > 40*(n+1)
		})
		one := kept{path: filepath.Join(folder, string(rune('a'+n))+".db")}
		l.mu.Lock()
		one.visits = append(one.visits, l.visits...)
		l.mu.Unlock()
		succeed(t, s.settings, "backup", one.path)
		backups = append(backups, one)
	}
	s.end(t)
	l.wait()
	for _, one := range backups {
		into := append(s.settings[:len(s.settings):len(s.settings)], "WXKEEPER_DATA="+filepath.Join(t.TempDir(), "data"))
		succeed(t, into, "restore", one.path)
		succeed(t, into, "check")
		again := serve(t, into)
		users := export(t, into)
		for _, v := range one.visits { // each had ended before: everything of it was acknowledged
			user, found := users[v.person.openid]
			v.wantKept(t, user, found)
		}
		wantTokens(t, again, one.visits)
		again.end(t)
	}
}

// TestAKilledBackupLooksWholeOnlyIfItIs kills backups at any moment: what has a manifest restores, what has none is refused.
func TestAKilledBackupLooksWholeOnlyIfItIs(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	settings := settingsOf(t, w.URL)
	succeed(t, settings, "bench", "fill", "--users", "3000")
	folder := t.TempDir()
	began := time.Now()
	succeed(t, settings, "backup", filepath.Join(folder, "first.db"))
	took := time.Since(began)
	whole, cut := 0, 0
	for n := range 12 {
		path := filepath.Join(folder, "killed"+string(rune('a'+n))+".db")
		p := start(t, settings, "backup", path)
		<-time.After(time.Duration(rand.Int64N(int64(took) * 5 / 4)))
		p.kill()
		_, err := os.Stat(path + ".json")
		rehearsed := command(t, settings, "restore", path, "--try")
		if err == nil {
			whole++
			if rehearsed.err != nil {
				t.Errorf("killed %d: a manifest stands beside it, but %s", n, rehearsed.stderr)
			}
			continue
		}
		cut++
		if rehearsed.err == nil || !oneLine(rehearsed.stderr) {
			t.Errorf("killed %d: without a manifest, and %v %s", n, rehearsed.err, rehearsed.stderr)
		}
	}
	t.Logf("%d were whole, %d cut short", whole, cut)
	succeed(t, settings, "check")
}

// TestAKilledRestoreLeavesTheOneOrTheOther kills restores at any moment: the data is what it was or what it becomes, and sound.
func TestAKilledRestoreLeavesTheOneOrTheOther(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	first, second := w.newPerson(), w.newPerson()
	early := s.login(t, first.login()).Token
	path := filepath.Join(t.TempDir(), "one.db")
	succeed(t, s.settings, "backup", path)
	late := s.login(t, second.login()).Token
	s.kill() // so that there is a write-ahead log to be dealt with
	began := time.Now()
	succeed(t, s.settings, "restore", path, "--try")
	took := time.Since(began)
	before, after := 0, 0
	for range 8 {
		p := start(t, s.settings, "restore", path)
		<-time.After(took/2 + time.Duration(rand.Int64N(int64(took))))
		p.kill()
		s = serve(t, s.settings)
		s.mustPost(t, "/session/", fields{"token": early}, 0)
		switch r, err := s.post("/session/", fields{"token": late}); {
		case err != nil:
			t.Fatal(err)
		case r.Code == 0:
			before++
		default:
			after++
			late = s.login(t, second.login()).Token
		}
		s.kill()
		succeed(t, s.settings, "check")
	}
	t.Logf("%d times the data of before, %d times the backup's", before, after)
}

// TestScheduledBackups: the server takes them by itself, encrypted if told so.
func TestScheduledBackups(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	folder := t.TempDir()
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_BACKUP_DIR="+folder, "WXKEEPER_BACKUP_AGE_RECIPIENTS="+ageRecipient))
	var path string
	eventually(t, 20*time.Second, "a backup is there", func() bool {
		found, err := filepath.Glob(filepath.Join(folder, "wxkeeper-*.db.age.json"))
		if err != nil || len(found) != 1 {
			return false
		}
		path = strings.TrimSuffix(found[0], ".json")
		return true
	})
	s.end(t)
	if _, tooOpen := permissionsOf(t, folder); len(tooOpen) > 0 {
		t.Errorf("others may read %v", tooOpen)
	}
	identity := filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(identity, []byte(ageIdentity), 0o600); err != nil {
		t.Fatal(err)
	}
	succeed(t, s.settings, "restore", path, "--age-identity", identity, "--try")

	refused := serve(t, append(s.settings[:len(s.settings):len(s.settings)], "WXKEEPER_DATA="+filepath.Join(t.TempDir(), "data"),
		"WXKEEPER_BACKUP_DIR="+filepath.Join(folder, "not mounted")))
	refused.await(t, &refused.stderr, func(log string) (string, bool) {
		return "", strings.Contains(log, `"job":"backup"`) && strings.Contains(log, "not mounted")
	})
	refused.end(t)
}

// TestRotatingTheMasterKeyEndsNoSession kills rotate-key at any moment, again and again, and runs it to its end: every device is still
// signed in, everything opens, and the old key opens nothing.
func TestRotatingTheMasterKeyEndsNoSession(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	settings := settingsOf(t, w.URL)
	succeed(t, settings, "bench", "fill", "--users", "2000")
	s := serve(t, settings)
	people := map[string]*person{}
	for range 5 {
		one := w.newPerson()
		token := s.login(t, one.login()).Token
		s.mustPost(t, "/getinfo/", one.phoneNumber().fields(token), 0)
		people[token] = one
	}
	if refused := command(t, append(settings, "WXKEEPER_NEW_MASTER_KEY="+freshKey(t)), "rotate-key"); refused.err == nil ||
		!oneLine(refused.stderr) || !strings.Contains(refused.stderr, "another wxkeeper serves") {
		t.Errorf("under a server: %v %s", refused.err, refused.stderr)
	}
	s.end(t)
	fresh := freshKey(t)
	both := append(settings[:len(settings):len(settings)], "WXKEEPER_NEW_MASTER_KEY="+fresh)
	now := append(settings[:len(settings):len(settings)], "WXKEEPER_MASTER_KEY="+fresh)
	succeed(t, both, "rotate-key")
	for range 6 {
		p := start(t, both, "rotate-key", "--reencrypt")
		<-time.After(time.Duration(20+rand.IntN(150)) * time.Millisecond)
		p.kill()
		succeed(t, now, "check")
	}
	succeed(t, both, "rotate-key", "--reencrypt")
	if again := succeed(t, both, "rotate-key", "--reencrypt"); !strings.Contains(again, "already") {
		t.Errorf("again: %s", again)
	}
	for _, arguments := range [][]string{{"serve"}, {"check"}, {"users", "export"}} {
		refused := command(t, settings, arguments...)
		if refused.err == nil || refused.stdout != "" || !oneLine(refused.stderr) || !strings.Contains(refused.stderr, "master key") {
			t.Errorf("%v with the old key: %v %s", arguments, refused.err, refused.stderr)
		}
	}
	succeed(t, now, "check")
	s = serve(t, now)
	for token, one := range people {
		s.getInfo(t, token, one.userInfo())
		if saved := export(t, now)[one.openid]; saved.PhoneNumber != one.phone {
			t.Errorf("phone number %q is %q", one.phone, saved.PhoneNumber)
		}
	}
	s.end(t)
}

func freshKey(t *testing.T) string { t.Helper(); return strings.TrimSpace(succeed(t, nil, "keygen")) }

// TestManifest: what a backup is can be read by anybody, and holds no secret.
func TestManifest(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	s.login(t, w.newPerson().login())
	path := filepath.Join(t.TempDir(), "one.db")
	succeed(t, s.settings, "backup", path)
	s.end(t)
	text, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest map[string]any
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&manifest); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"format", "program", "schema", "taken_at", "encrypted", "bytes", "sha256", "audit_rows", "audit_head"} {
		if _, found := manifest[member]; !found {
			t.Errorf("the manifest lacks %s: %s", member, text)
		}
	}
}
