package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestOneServerAFolder: the second one refuses, and the first does not notice.
func TestOneServerAFolder(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	second := command(t, s.settings, "serve")
	if second.err == nil || !oneLine(second.stderr) || !strings.Contains(second.stderr, "another wxkeeper serves") ||
		!strings.Contains(second.stderr, s.data) {
		t.Errorf("%v: %s", second.err, second.stderr)
	}
	s.login(t, w.newPerson().login())
	s.kill() // a lock that outlives its process would lock everybody out
	serve(t, s.settings).end(t)
}

// TestSecretsFromFiles starts a server as one starts it for real: secrets in files, nothing to complain about but that there
// is no operator yet.
func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	w, folder := newWeChat(t), t.TempDir()
	inFile := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := serve(t, []string{
		"WXKEEPER_ADDR=127.0.0.1:0",
		"WXKEEPER_DATA=" + filepath.Join(folder, "data"),
		"WXKEEPER_APPID=" + appid,
		"WXKEEPER_SECRET_FILE=" + inFile("secret", appSecret+"\r\n"),
		"WXKEEPER_MASTER_KEY_FILE=" + inFile("master.key", succeed(t, nil, "keygen")),
		"WXKEEPER_WECHAT_URL=" + w.URL + "/",
	})
	one := w.newPerson()
	s.getInfo(t, s.login(t, one.login()).Token, one.userInfo())
	s.end(t)
	log := s.stderr.String()
	if strings.Count(log, `"WARN"`) != 1 || !strings.Contains(log, "wxkeeper operator add") || strings.Contains(log, `"ERROR"`) {
		t.Errorf("log:\n%s", log)
	}
}

// TestAnotherMasterKey: one line that says what to do, from every command, and the data stays as it is.
func TestAnotherMasterKey(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	one := w.newPerson()
	token := s.login(t, one.login()).Token
	s.end(t)
	other := append(s.settings[:len(s.settings):len(s.settings)],
		"WXKEEPER_MASTER_KEY="+strings.TrimSpace(succeed(t, nil, "keygen")))
	for _, arguments := range [][]string{{"serve"}, {"check"}, {"users", "export"}} {
		refused := command(t, other, arguments...)
		if refused.err == nil || refused.stdout != "" || !oneLine(refused.stderr) ||
			!strings.Contains(refused.stderr, "master key") || !strings.Contains(refused.stderr, "WXKEEPER_MASTER_KEY") {
			t.Errorf("%v: %v: %s", arguments, refused.err, refused.stderr)
		}
	}
	s = serve(t, s.settings)
	s.getInfo(t, token, one.userInfo())
	s.end(t)
}

// TestCommandsBesideTheServer runs everything that may run beside it, while it is at work.
func TestCommandsBesideTheServer(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=0"))
	l := startLoad(s, w)
	for range 3 {
		if report := succeed(t, s.settings, "check"); !strings.HasPrefix(report, "Sound: ") {
			t.Errorf("check: %s", report)
		}
		export(t, s.settings)
		exportCSV(t, s.settings)
		succeed(t, s.settings, "migrate")
	}
	s.end(t)
	all := &ledger{}
	all.add(l.wait()...)
	if all.answers() == 0 {
		t.Error("there was no load")
	}
}

// TestExport takes out what people put in, as JSON lines exactly and as CSV safe for a spreadsheet.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	nicknames := []string{
		"小明😀", "=1+1", "+8613800138000", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", "a,b", "say \"hi\"", "two\nlines",
		"NUL\x00in it", "<script>alert(1)</script>", "\u202eright to left", "👩‍👩‍👧‍👦🇨🇳",
	}
	owners := map[string]string{}
	for _, nickname := range nicknames {
		one := w.newPerson()
		one.rename(nickname)
		token := s.login(t, one.login()).Token
		if got := s.getInfo(t, token, one.userInfo()); got.Name != nickname {
			t.Errorf("%q came back as %q", nickname, got.Name)
		}
		s.mustPost(t, "/getinfo/", one.phoneNumber().fields(token), 0)
		owners[one.openid] = nickname
		if saved := export(t, s.settings)[one.openid]; saved.NickName != nickname || saved.PhoneNumber != one.phone || saved.Gender != 2 {
			t.Errorf("exported %+v", saved)
		}
	}
	text, rows := exportCSV(t, s.settings)
	if !strings.HasPrefix(text, "\ufeffappid,openid,unionid,nickName,avatarUrl,gender,language,city,province,country,phoneNumber") {
		t.Errorf("CSV begins %.100q", text)
	}
	if len(rows) != len(nicknames)+1 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows[1:] {
		wantHarmless(t, row, owners[row[1]])
	}
	s.end(t)
}

// wantHarmless wants no cell that a spreadsheet takes for a formula, and the nickname recognisable.
func wantHarmless(t *testing.T, row []string, nickname string) {
	t.Helper()
	for _, cell := range row {
		if strings.HasPrefix(strings.TrimLeft(cell, " "), "=") || strings.IndexAny(cell, "+-@\t\r") == 0 {
			t.Errorf("a formula: %q", cell)
		}
	}
	// What reads CSV may make one line break of \r\n.
	if got := strings.TrimPrefix(row[3], "'"); strings.ReplaceAll(got, "\r\n", "\n") != nickname {
		t.Errorf("nickname %q is %q", nickname, row[3])
	}
}

// TestPermissions: whatever the umask, nobody else reads the folder or anything in it, while the server is at work.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	for _, umask := range []string{"000", "022", "077"} {
		settings := settingsOf(t, w.URL)
		shell := exec.Command("/bin/sh", "-c", "umask "+umask+"; exec \"$0\" serve", binary)
		p := startCommand(t, settings, shell)
		at := newAPI(t, "http://"+p.await(t, &p.stderr, servingAddress))
		at.login(t, w.newPerson().login())
		if mode, tooOpen := permissionsOf(t, setting(settings, "WXKEEPER_DATA")); mode != 0o700 || len(tooOpen) > 0 {
			t.Errorf("umask %s: folder %v, files %v", umask, mode, tooOpen)
		}
		p.kill()
	}
}

// TestStatus200 is for clients that look at the body only, as the article's.
func TestStatus200(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_STATUS_200=true"))
	token := s.login(t, w.newPerson().login()).Token
	for _, call := range []struct {
		path string
		in   fields
		code int
	}{
		{"/login/", fields{}, 1},
		{"/session/", fields{"token": "x"}, 2},
		{"/getinfo/", sealText(w.newPerson().key(0), "{}").fields(token), 3},
		{"/login/", fields{"code": "0unknown"}, 4},
		{"/login/", fields{"code": "no code"}, 5},
		{"/nowhere/", fields{}, 13},
	} {
		r, err := s.post(call.path, call.in)
		if err != nil || r.http != http.StatusOK || r.Code != call.code {
			t.Errorf("%s: %v HTTP %d %s, want code %d", call.path, err, r.http, r.body, call.code)
		}
	}
}

// TestAPIRate: an address that fails too often waits as long as it is told, then is served again. The limit can be turned off.
func TestAPIRate(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=60"))
	token := s.login(t, w.newPerson().login()).Token
	limited := s.failUntilLimited(t, 60)
	wait, err := strconv.Atoi(limited.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 60 || limited.http != http.StatusTooManyRequests {
		t.Errorf("HTTP %d, Retry-After %q", limited.http, limited.header.Get("Retry-After"))
	}
	calls := w.callsInAll()
	s.mustPost(t, "/login/", fields{"code": w.newPerson().login()}, 6)
	if w.callsInAll() != calls {
		t.Error("WeChat was asked for somebody who has to wait")
	}
	eventually(t, time.Duration(wait+2)*time.Second, "served again", func() bool {
		r, err := s.post("/session/", fields{"token": token})
		return err == nil && r.Code == 0
	})

	free := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=0"))
	for range 400 {
		free.mustPost(t, "/session/", fields{"token": "unknown"}, 2)
	}
}

// failUntilLimited makes failures until it is told to wait: after so many, and a few that are forgiven meanwhile.
func (s *server) failUntilLimited(t *testing.T, allowed int) reply {
	t.Helper()
	for n := range 3 * allowed {
		r, err := s.post("/session/", fields{"token": fmt.Sprintf("unknown-%d", n)})
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Code == 6 && n < allowed:
			t.Fatalf("limited after %d failures", n)
		case r.Code == 6:
			return r
		case r.Code != 2:
			t.Fatalf("HTTP %d %s", r.http, r.body)
		}
	}
	t.Fatalf("not limited after %d failures", 3*allowed)
	return reply{}
}
