package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts plays what people type: testdata/script holds one story a file. In them wxkeeper is the built binary, run in an
// environment that holds nothing but what the script sets, and master.key is the file of a good key.
//
//	mode 0600 FILE...    checks permissions
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("MASTER_KEY", masterKey)
			return os.WriteFile(filepath.Join(env.WorkDir, "master.key"), []byte(masterKey+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"mode": checkMode},
	})
}

func checkMode(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 2 {
		script.Fatalf("usage: mode 0600 FILE...")
	}
	want, err := strconv.ParseUint(arguments[0], 8, 32)
	script.Check(err)
	for _, name := range arguments[1:] {
		info, err := os.Stat(script.MkAbs(name))
		script.Check(err)
		if got := info.Mode().Perm(); got != os.FileMode(want) {
			script.Fatalf("%s has mode %04o, want %04o", name, got, want)
		}
	}
}

// permissionsOf gives the folder's permissions and those of every file below it that has others than 0600.
func permissionsOf(t testing.TB, folder string) (own os.FileMode, tooOpen []string) {
	t.Helper()
	info, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d files in %s: %v", len(entries), folder, err)
	}
	for _, entry := range entries {
		file, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if file.Mode().Perm() != 0o600 {
			tooOpen = append(tooOpen, fmt.Sprintf("%s %v", entry.Name(), file.Mode()))
		}
	}
	return info.Mode().Perm(), tooOpen
}

// oneLine says whether a command had exactly one line to say.
func oneLine(text string) bool { return strings.Count(text, "\n") == 1 && len(text) > 1 }
