package command_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxkeeper/app/command"
	"wxkeeper/app/config"
	"wxkeeper/db"
)

// rehearse gives what a rehearsal with these settings says, and which settings it finds a problem with.
func rehearse(t *testing.T, settings config.Serve, vars ...string) (said string, refused []string) {
	t.Helper()
	settings.Appid = string(firstAppid)
	checked, err := settings.Config(config.Env{Vars: vars})
	var out bytes.Buffer
	err = command.Rehearse(t.Context(), checked, err, command.Streams{Out: &out})
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	for _, one := range problems {
		if one.Do == "" {
			t.Errorf("%s %s: and what is to be done?", one.Setting, one.What)
		}
		refused = append(refused, strings.TrimPrefix(one.Setting, "WXKEEPER_"))
	}
	return out.String(), refused
}

func serveIn(folder string) config.Serve {
	settings := config.Serve{Addr: "127.0.0.1:0"}
	settings.Data = folder
	return settings
}

var secrets = []string{"WXKEEPER_MASTER_KEY=" + masterKey.Reveal(), "WXKEEPER_SECRET=" + appSecret}

func TestRehearsal(t *testing.T) {
	f := newFolder(t)
	missing := filepath.Join(t.TempDir(), "not", "yet")
	said, refused := rehearse(t, serveIn(missing), secrets...)
	if len(refused) > 0 || !strings.Contains(said, "holds no database") || !strings.Contains(said, "Good: serve would start.") {
		t.Errorf("an empty place: %v\n%s", refused, said)
	}
	if _, err := os.Stat(filepath.Dir(missing)); err == nil {
		t.Error("a folder was made")
	}
	f.serve(firstAppid)
	if said, refused = rehearse(t, serveIn(f.path), secrets...); len(refused) > 0 || !strings.Contains(said, "which is this program's") {
		t.Errorf("a folder that was served: %v\n%s", refused, said)
	}
}

// TestRehearsalTellsEverything: whatever is wrong in the settings and around them is told together.
func TestRehearsalTellsEverything(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	settings := serveIn(f.path)
	settings.Addr, settings.MetricsAddr, settings.AdminAddr = taken.Addr().String(), taken.Addr().String(), "nowhere"
	settings.LogLevel = "loud"
	settings.BackupDir = filepath.Join(t.TempDir(), "unmounted")
	settings.BackupAgeRecipients = "age1" + strings.Repeat("q", 58)
	other := "WXKEEPER_MASTER_KEY=" + config.NewMasterKey().Reveal()
	said, refused := rehearse(t, settings, other, "WXKEEPER_SECRET="+appSecret)
	slices.Sort(refused)
	want := []string{"ADDR", "ADMIN_ADDR", "BACKUP_AGE_RECIPIENTS", "BACKUP_DIR", "LOG_LEVEL", "MASTER_KEY", "METRICS_ADDR"}
	if !slices.Equal(refused, want) || strings.Contains(said, "Good:") {
		t.Errorf("refused %v, want %v\n%s", refused, want, said)
	}

	for name, change := range map[string]func(*config.Serve){
		"a file in place of the folder": func(s *config.Serve) { s.Data = filepath.Join(f.path, "wxkeeper.db") },
		"no database": func(s *config.Serve) {
			s.Data = t.TempDir()
			if err := os.WriteFile(db.FileIn(s.Data), bytes.Repeat([]byte("noise "), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		settings := serveIn(f.path)
		change(&settings)
		if _, refused := rehearse(t, settings, secrets...); !slices.Contains(refused, "DATA") {
			t.Errorf("%s: refused %v", name, refused)
		}
	}
	settings = serveIn(f.path)
	settings.Addr = freeAddress(t)
	settings.AdminAddr = settings.Addr
	if _, refused := rehearse(t, settings, secrets...); !slices.Equal(refused, []string{"ADMIN_ADDR"}) {
		t.Errorf("one address twice: refused %v", refused)
	}
}

// TestRehearsalBesideAServer: before an upgrade the old server is still there, and its address is no problem.
func TestRehearsalBesideAServer(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid)
	lock, err := db.LockFolder(f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	settings := serveIn(f.path)
	settings.Addr = taken.Addr().String()
	if said, refused := rehearse(t, settings, secrets...); len(refused) > 0 || !strings.Contains(said, "A server uses the data folder now") {
		t.Errorf("refused %v\n%s", refused, said)
	}
}

// freeAddress is one that no system gives away by itself: whoever asks for any port gets one above these.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
}
