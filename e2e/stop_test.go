package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStopAmidEverything stops a server under load, with connections that say nothing and logins that hang on WeChat: what has
// begun is answered, what was acknowledged is kept, and the process ends well.
func TestStopAmidEverything(t *testing.T) {
	t.Parallel()
	const hanging = 20
	w := newWeChat(t)
	settings := settingsOf(t, w.URL, "WXKEEPER_API_RATE=0")
	s := serve(t, settings)
	early := &visit{person: w.newPerson()}
	early.noteLogin(s.mustPost(t, "/login/", fields{"code": early.person.login()}, 0)) // leaves an idle connection in the pool
	for _, said := range []string{
		"",
		"POST /login/ HTTP/1.1\r\nHost: x\r\n",
		"POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
	} {
		dialAndSay(t, s, said)
	}
	l := startLoad(s, w)
	eventually(t, 20*time.Second, "load", func() bool { return w.callsInAll() > 50 })
	answered := make(chan error, hanging)
	var codes []string
	for range hanging {
		code := w.newPerson().loginIn(hangs)
		codes = append(codes, code)
		go func() { answered <- failsWith(s, code, 7) }()
	}
	eventually(t, 4*time.Second, "all of them hang", func() bool {
		return !slices.ContainsFunc(codes, func(code string) bool { return w.callsFor(code) == 0 })
	})

	began := time.Now()
	if err := s.stop(t, 15*time.Second); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, s.stderr.String())
	}
	t.Logf("stopped after %v", time.Since(began))
	for range hanging {
		if err := <-answered; err != nil {
			t.Errorf("a login that had begun: %v", err)
		}
	}
	all := &ledger{}
	all.add(append(l.wait(), early)...)
	s = serve(t, settings)
	all.wantKept(t, s)
	s.end(t)
}

// dialAndSay opens a connection that never finishes a request.
func dialAndSay(t *testing.T, s *server, said string) {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if _, err := fmt.Fprint(connection, said); err != nil {
		t.Fatal(err)
	}
}

// TestStopIdle: nobody is there, nothing to wait for.
func TestStopIdle(t *testing.T) {
	t.Parallel()
	s := serve(t, settingsOf(t, newWeChat(t).URL))
	s.mustPost(t, "/session/", fields{"token": "x"}, 2)
	began := time.Now()
	s.end(t)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestAStoppedFolderIsOneFile: after a stop everything is in the database itself, which may be copied alone.
func TestAStoppedFolderIsOneFile(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	one := w.newPerson()
	token := s.login(t, one.login()).Token
	s.getInfo(t, token, one.userInfo())
	s.end(t)
	database, err := os.ReadFile(filepath.Join(s.data, "wxkeeper.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.data, "wxkeeper.db-wal")); !os.IsNotExist(err) {
		t.Errorf("a write-ahead log is left: %v", err)
	}
	elsewhere := settingsOf(t, w.URL)
	folder := setting(elsewhere, "WXKEEPER_DATA")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, "wxkeeper.db"), database, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = serve(t, elsewhere)
	s.mustPost(t, "/session/", fields{"token": token}, 0)
	if got := export(t, elsewhere)[one.openid]; got.NickName != one.nickname {
		t.Errorf("the copy holds %+v", got)
	}
	s.end(t)
}
