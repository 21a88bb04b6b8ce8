package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNoDescriptors takes all file descriptors from the server. Who is connected gets clean answers, nobody else gets in, and
// when they are back all is well by itself.
func TestNoDescriptors(t *testing.T) {
	t.Parallel()
	const descriptors = "40"
	w := newWeChat(t)
	settings := settingsOf(t, w.URL, "WXKEEPER_API_RATE=0")
	limited := exec.Command("/bin/sh", "-c", `ulimit -n `+descriptors+` && exec "$0" serve`, binary)
	s := &server{process: startCommand(t, settings, limited), settings: settings, data: setting(settings, "WXKEEPER_DATA")}
	s.api = newAPI(t, "http://"+s.await(t, &s.stderr, servingAddress))
	early := &visit{person: w.newPerson()}
	early.noteLogin(s.mustPost(t, "/login/", fields{"code": early.person.login()}, 0)) // leaves a connection in the pool

	var idle []net.Conn
	for range 60 {
		connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		idle = append(idle, connection)
	}
	eventually(t, 20*time.Second, "no descriptor is left", func() bool { return strings.Contains(s.stderr.String(), "too many open files") })
	for range 10 {
		r, err := s.post("/getinfo/", early.person.userInfo().fields(early.token))
		if err != nil || r.Code != 0 && r.Code != 12 {
			t.Errorf("/getinfo/: %v %s", err, r.body)
		}
		r, err = s.post("/login/", fields{"code": w.newPerson().login()})
		if err != nil || r.Code != 0 && r.Code != 7 && r.Code != 12 {
			t.Errorf("/login/: %v %s", err, r.body)
		}
	}
	for _, connection := range idle {
		connection.Close()
	}
	eventually(t, 15*time.Second, "well again", func() bool {
		late := newAPI(t, s.url) // a connection of its own
		r, err := late.post("/login/", fields{"code": w.newPerson().login()})
		return err == nil && r.Code == 0
	})
	s.mustPost(t, "/session/", fields{"token": early.token}, 0)
	if lines := strings.Count(s.stderr.String(), "\n"); lines > 60 {
		t.Errorf("%d lines in the log:\n%s", lines, s.stderr.String())
	}
	s.end(t)
}

// TestDamagedDatabaseIsLeftAlone: the server refuses to start on a database that is none, says which, and changes nothing.
func TestDamagedDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	settings := settingsOf(t, w.URL)
	serve(t, settings).end(t)
	path := filepath.Join(setting(settings, "WXKEEPER_DATA"), "wxkeeper.db")
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"overwritten from the beginning": append(bytes.Repeat([]byte("noise "), 1000), sound[6000:]...),
		"cut off":                        sound[:len(sound)/3],
	} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		ran := command(t, settings, "serve")
		if ran.err == nil || !strings.Contains(ran.stderr, filepath.Dir(path)) {
			t.Errorf("%s: ended with %v and says %s", name, ran.err, ran.stderr)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, damaged) {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
}
