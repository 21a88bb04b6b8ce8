package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// measured is a line of bench run.
type measured struct {
	Scenario  string
	Target    string
	Goal      string
	Value     float64
	Requests  uint64
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Errors    int
	Wrong     int      `json:"wrong_bodies"`
	First     string   `json:"first_failure"`
	Flushes   *float64 `json:"flushes_per_write"`
	Database  int64    `json:"database_bytes"`
}

// startBench starts a run with few users and short rounds.
func startBench(t *testing.T, folder string, more ...string) *process {
	t.Helper()
	arguments := []string{"bench", "run", "--users", "200", "--sessions", "60", "--clients", "4", "--rounds", "1", "--lasts", "200ms"}
	return start(t, []string{"TMPDIR=" + t.TempDir()}, append(append(arguments, "--data", folder), more...)...)
}

// What is measured depends on the machine: here it is only that everything is, and that every answer was right.
func TestBench(t *testing.T) {
	t.Parallel()
	run := startBench(t, t.TempDir(), "--json", "--part", "start,idle,login,getinfo,verify,session,mixed,pages,search,single,half,dashboard,soak",
		"--soak", "2s")
	if err := run.wait(t, 2*time.Minute); err != nil {
		t.Fatalf("%v\n%s", err, run.stderr.String())
	}
	scenarios, goals := map[string]int{}, 0
	for line := range strings.Lines(run.stdout.String()) {
		var one measured
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch {
		case one.Goal != "":
			goals++
			if counts := strings.Contains(one.Goal, "errors"); counts == (one.Value > 0) {
				t.Errorf("nothing measured, or errors: %s", line)
			}
		case one.Scenario != "":
			scenarios[one.Scenario]++
			one.wantSound(t, line)
		}
	}
	for name, targets := range map[string]int{"login": 2, "getinfo": 2, "verify": 2, "session": 1, "mixed": 1, "pages": 1} {
		if scenarios[name] != targets {
			t.Errorf("%s was measured of %d servers, want %d", name, scenarios[name], targets)
		}
	}
	if len(scenarios) < 35 || goals < 12 {
		t.Errorf("%d scenarios, %d goals", len(scenarios), goals)
	}
}

func (m measured) wantSound(t *testing.T, line string) {
	t.Helper()
	if m.Errors > 0 || m.Wrong > 0 || m.First != "" {
		t.Errorf("not every answer was right: %s", line)
	}
	if m.Requests == 0 || m.PerSecond <= 0 || m.P50 <= 0 || m.P99 < m.P50 || m.Max < m.P99 || m.Database == 0 {
		t.Errorf("no measurement: %s", line)
	}
	if writes := m.Scenario == "login" || m.Scenario == "getinfo"; writes && (m.Flushes == nil || *m.Flushes <= 0) {
		t.Errorf("flushes were not counted: %s", line)
	}
}

// Whoever is killed stops nothing: the servers must notice.
func TestBenchLeavesNobodyBehind(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := startBench(t, folder, "--part", "login", "--lasts", "1h")
	run.await(t, &run.stderr, func(text string) (string, bool) { return "", strings.Contains(text, "login, wxkeeper") })
	data := filepath.Join(folder, "200-users", "data")
	run.kill()
	eventually(t, 20*time.Second, "the server has stopped", func() bool {
		_, err := os.Stat(filepath.Join(data, "wxkeeper.db-wal")) // the last to close the database removes it
		return os.IsNotExist(err)
	})
}

func TestBenchStops(t *testing.T) {
	t.Parallel()
	run := startBench(t, t.TempDir(), "--part", "verify", "--lasts", "1h")
	run.await(t, &run.stderr, func(text string) (string, bool) { return "", strings.Contains(text, "verify, wxkeeper") })
	if err := run.stop(t, 20*time.Second); err == nil || !strings.Contains(run.stderr.String(), "stopped") {
		t.Errorf("%v: %s", err, run.stderr.String())
	}
}
