package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/oasdiff/yaml"

	"wxkeeper/app/config"
)

// wantSettings wants every variable of ours in a text to be a setting that the program knows.
func wantSettings(t *testing.T, where, text string) {
	t.Helper()
	table := config.SettingsTable()
	for _, name := range regexp.MustCompile(`WXKEEPER_[A-Z_]+`).FindAllString(text, -1) {
		if !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s sets %s, which is no setting", where, name)
		}
	}
}

// wantCommand wants the program to understand its arguments, without running.
func wantCommand(t *testing.T, where string, arguments ...string) {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("wxkeeper"), kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	if err == nil {
		_, err = parser.Parse(arguments)
	}
	if err != nil {
		t.Errorf("%s runs %q: %v", where, arguments, err)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestContainerfile looks at what can be seen without building an image; e2e runs the build's steps.
func TestContainerfile(t *testing.T) {
	text := readText(t, "Containerfile")
	wantSettings(t, "Containerfile", text)
	stages := strings.Split(text, "\nFROM ")
	last := stages[len(stages)-1]
	for _, want := range []string{"scratch\n", "\nUSER 65532:65532\n", "\nSTOPSIGNAL SIGTERM\n", "\nVOLUME /data\n", "WXKEEPER_DATA=/data"} {
		if !strings.Contains(last, want) {
			t.Errorf("the image lacks %q", want)
		}
	}
	for _, order := range []string{"HEALTHCHECK", "CMD"} {
		match := regexp.MustCompile(`(?m)^` + order + `.*?(\[.*\])$`).FindStringSubmatch(last)
		var words []string
		if match == nil || json.Unmarshal([]byte(match[1]), &words) != nil {
			t.Fatalf("%s is no list of words: there is no shell in there", order)
		}
		if words[0] == "/wxkeeper" {
			words = words[1:]
		}
		wantCommand(t, order, words...)
	}
	goMod := readText(t, "go.mod")
	image := regexp.MustCompile(`golang:([0-9.]+)`).FindStringSubmatch(text)
	if image == nil || !strings.Contains(goMod, "\ngo "+image[1]+".") {
		t.Errorf("built with %v, go.mod wants another Go", image)
	}
	for _, match := range regexp.MustCompile(`(?m)^COPY (\S.*) \S+$`).FindAllStringSubmatch(stages[1], -1) {
		for name := range strings.FieldsSeq(match[1]) {
			if _, err := os.Stat(name); err != nil && !strings.HasPrefix(name, "--") {
				t.Errorf("COPY: %v", err)
			}
		}
	}
}

// composition is what of compose.yaml is looked at.
type composition struct {
	Services map[string]struct {
		Environment map[string]string
		Command     []string
		Secrets     []string
		Volumes     []string
		Ports       []string
		ReadOnly    bool                                  `json:"read_only"`
		CapDrop     []string                              `json:"cap_drop"`
		DependsOn   map[string]struct{ Condition string } `json:"depends_on"`
		Networks    map[string]struct {
			Address string `json:"ipv4_address"`
		}
		Build struct{ Dockerfile string }
	}
	Volumes map[string]struct{}
	Secrets map[string]struct{ File string }
}

func TestCompose(t *testing.T) {
	text := readText(t, "compose.yaml")
	var got composition
	if _, err := yaml.Unmarshal([]byte(text), &got, yaml.DecodeOpts{}); err != nil {
		t.Fatal(err)
	}
	keeper, caddy := got.Services["wxkeeper"], got.Services["caddy"]
	for name, value := range keeper.Environment {
		if secret, isFile := strings.CutSuffix(name, "_FILE"); isFile {
			name = secret
			if mounted := strings.TrimPrefix(value, "/run/secrets/"); !slices.Contains(keeper.Secrets, mounted) {
				t.Errorf("%s is %s, which is not mounted", name, value)
			}
		}
		wantSettings(t, "compose.yaml", name)
	}
	for _, secret := range keeper.Secrets {
		if got.Secrets[secret].File == "" {
			t.Errorf("the secret %s comes from nowhere", secret)
		}
	}
	if proxy := caddy.Networks["front"].Address; proxy == "" || keeper.Environment["WXKEEPER_TRUSTED_PROXIES"] != proxy {
		t.Errorf("Caddy is at %q, wxkeeper trusts %q", proxy, keeper.Environment["WXKEEPER_TRUSTED_PROXIES"])
	}
	if len(keeper.Ports) > 0 || !slices.Equal(caddy.Ports, []string{"80:80", "443:443"}) {
		t.Errorf("wxkeeper is reached at %v, Caddy at %v", keeper.Ports, caddy.Ports)
	}
	if !keeper.ReadOnly || !slices.Equal(keeper.CapDrop, []string{"ALL"}) || keeper.Build.Dockerfile != "Containerfile" ||
		caddy.DependsOn["wxkeeper"].Condition != "service_healthy" || !slices.Contains(caddy.Command, "wxkeeper:8000") {
		t.Errorf("%+v %+v", keeper, caddy)
	}
	for name, service := range got.Services {
		for _, mounted := range service.Volumes {
			volume, _, _ := strings.Cut(mounted, ":")
			if _, known := got.Volumes[volume]; !known {
				t.Errorf("%s mounts %s, which is no volume", name, volume)
			}
		}
	}
}

const unit = "docs/systemd/wxkeeper.service"

// TestUnit has systemd itself read the unit, with a program in the place of ours that is there.
func TestUnit(t *testing.T) {
	text := readText(t, unit)
	wantSettings(t, unit, strings.ReplaceAll(text, "_FILE=", "="))
	match := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/wxkeeper (.*)$`).FindStringSubmatch(text)
	if match == nil {
		t.Fatal("the unit starts something else")
	}
	wantCommand(t, unit, strings.Fields(match[1])...)
	for _, want := range []string{"Type=notify\n", "WatchdogSec=", "LoadCredential=master.key:", "LoadCredential=app.secret:"} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the unit lacks %s", want)
		}
	}

	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("SKIPPED, systemd-analyze is not on this machine: systemd itself has not read the unit")
	}
	path := filepath.Join(t.TempDir(), "wxkeeper.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "/usr/local/bin/wxkeeper", "/bin/sh")), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || bytes.Contains(said, []byte("wxkeeper.service")) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
	const exposure = 15 // in tenths: 1.5 of 10, "OK"
	said, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", fmt.Sprintf("--threshold=%d", exposure), path).CombinedOutput()
	switch {
	case bytes.Contains(said, []byte("unrecognized option")):
		t.Log("SKIPPED: this systemd-analyze cannot judge a unit that is not installed")
	case err != nil:
		t.Errorf("systemd-analyze security: %v\n%s", err, said)
	}
}

// TestRelease reads what make would do for a release: six platforms, checksums, a bill of materials for each, bytes that depend on the
// source, its version and Go alone.
func TestRelease(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("SKIPPED, make is not on this machine: nothing is proven about releases")
	}
	said, err := exec.Command("make", "-n", "release", "VERSION=v1.2.3").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{
		"linux/amd64 linux/arm64 linux/loong64 darwin/amd64 darwin/arm64 windows/amd64", "SHA256SUMS", "version --sbom", "-X main.version=v1.2.3",
		"CGO_ENABLED=0", "-trimpath", "-buildvcs=false", "-buildid=",
	} {
		if !bytes.Contains(said, []byte(want)) {
			t.Errorf("make release does without %s:\n%s", want, said)
		}
	}
}
