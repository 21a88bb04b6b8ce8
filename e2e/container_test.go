package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestContainerBuild runs the steps of the Containerfile as plain commands, on nothing but what it copies, and the program in a folder
// like the image's. Building the image itself would fetch a compiler from a registry: that is not done here.
func TestContainerBuild(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("SKIPPED, make is not on this machine: nothing is proven about the Containerfile")
	}
	t.Log("SKIPPED: the image itself is not built; its steps are run as plain commands")
	text, err := os.ReadFile("../Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	stages := strings.Split(string(text), "\nFROM ")
	work := t.TempDir()
	for line := range strings.Lines(stages[1]) {
		order, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch order {
		case "COPY":
			names := strings.Fields(rest)
			for _, name := range names[:len(names)-1] {
				copyTo(t, filepath.Join(source, name), filepath.Join(work, name))
			}
		case "RUN":
			step := exec.Command("/bin/sh", "-c", rest)
			step.Dir, step.Env = work, append(os.Environ(), "VERSION=v0.0.0-container")
			if said, err := step.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", rest, err, said)
			}
		}
	}
	program := filepath.Join(work, "wxkeeper")
	wantStatic(t, program)
	settings := append(settingsOf(t, newWeChat(t).URL), "WXKEEPER_DATA="+filepath.Join(work, "data"))
	s := &server{process: startCommand(t, settings, exec.Command(program, "serve"))}
	address := s.await(t, &s.stderr, servingAddress)
	if log := s.stderr.String(); !strings.Contains(log, `"version":"v0.0.0-container"`) {
		t.Errorf("which version is it? %s", log)
	}
	health := startCommand(t, []string{"WXKEEPER_ADDR=" + address}, exec.Command(program, "check", "--health")) // HEALTHCHECK's
	if err := health.wait(t, 20*time.Second); err != nil {
		t.Errorf("the health check fails: %v %s", err, health.stderr.String())
	}
	s.end(t)
}

// wantStatic wants a program that needs no other file to start: there is none in the image.
func wantStatic(t *testing.T, program string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is linked with what is not in the image: %v", part.Type)
		}
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var content []byte
		if content, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, content, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
