package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// ready is how the sandbox says who may sign in.
var ready = regexp.MustCompile(`Pages +(http://\S+)/admin/ \(name admin, password (\S+)\)`)

// TestBrowser walks the dashboard of a sandbox with a real Chromium. WXKEEPER_SCREENSHOTS names a folder for a screenshot of
// every page, which are then taken in place of the tests.
func TestBrowser(t *testing.T) {
	chromium := chromiumHere()
	node, err := exec.LookPath("node")
	modules := filepath.Join("..", "node_modules", "playwright-core")
	switch _, missing := os.Stat(modules); {
	case err != nil:
		t.Skip("no Node.js here: the pages are not tried in a browser")
	case missing != nil:
		t.Skip("playwright-core is not installed (make generate): the pages are not tried in a browser")
	case chromium == "":
		t.Skip("no Chromium here (Debian: chromium): the pages are not tried in a browser")
	}
	p, said := startSandbox(t, "TMPDIR="+t.TempDir())
	login := ready.FindStringSubmatch(p.stdout.String())
	if login == nil {
		t.Fatalf("no login is printed: %s", p.stdout.String())
	}
	arguments := []string{"--test", "--test-concurrency=1", "browser/"}
	if folder := os.Getenv("WXKEEPER_SCREENSHOTS"); folder != "" {
		arguments = []string{"browser/screenshots.mjs", folder}
	}
	walk := exec.CommandContext(t.Context(), node, arguments...)
	walk.WaitDelay = 5 * time.Second
	walk.Env = append(os.Environ(), "WXKEEPER_CHROMIUM="+chromium, "WXKEEPER_PAGES="+login[1], "WXKEEPER_PASSWORD="+login[2],
		"WXKEEPER_PHONES="+sandboxURL.FindString(said[2]))
	output, err := walk.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	for complaint := range strings.Lines(p.stderr.String()) {
		if !strings.Contains(complaint, "wrong password or name") { // which a story tries
			t.Errorf("the server complains: %s", complaint)
		}
	}
}

var sandboxURL = regexp.MustCompile(`^http://[^/]+`)

// chromiumHere finds a browser, "" where there is none.
func chromiumHere() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
