package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is the binary at work, with nothing in its environment but what it is given.
type process struct {
	command        *exec.Cmd
	stdout, stderr transcript
	ended          chan struct{}
	err            error // how it ended, once it has
}

// start starts the binary. Whatever happens, it is gone when the test ends.
func start(t testing.TB, environment []string, arguments ...string) *process {
	t.Helper()
	return startCommand(t, environment, exec.Command(binary, arguments...))
}

func startCommand(t testing.TB, environment []string, command *exec.Cmd) *process {
	t.Helper()
	p := &process{command: command, ended: make(chan struct{})}
	p.command.Env = append([]string{}, environment...) // nil would mean our own
	p.command.Stdout, p.command.Stderr = &p.stdout, &p.stderr
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as a power cut does, and waits until it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended by itself
	<-p.ended
}

// stop asks the process to end, as a service manager does, and waits.
func (p *process) stop(t testing.TB, within time.Duration) error {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	return p.wait(t, within)
}

// wait gives how the process ended, nil for exit code 0.
func (p *process) wait(t testing.TB, within time.Duration) error {
	t.Helper()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(within):
		t.Fatalf("still running after %v\n%s%s", within, p.stdout.String(), p.stderr.String())
		return nil
	}
}

// await waits until the output of a stream satisfies find, and gives what it found.
func (p *process) await(t testing.TB, stream *transcript, find func(text string) (string, bool)) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		text, more := stream.read()
		if found, ok := find(text); ok {
			return found
		}
		select {
		case <-more:
		case <-p.ended:
			// The process may have ended between our look and now: look once more.
			if found, ok := find(stream.String()); ok {
				return found
			}
			t.Fatalf("ended too early: %v\n%s%s", p.err, p.stdout.String(), p.stderr.String())
		case <-deadline:
			t.Fatalf("did not say what it should\n%s%s", p.stdout.String(), p.stderr.String())
		}
	}
}

// outcome is what a command that ends by itself did.
type outcome struct {
	stdout, stderr string
	err            error
}

// command runs the binary to its end.
func command(t testing.TB, environment []string, arguments ...string) outcome {
	t.Helper()
	p := start(t, environment, arguments...)
	err := p.wait(t, time.Minute)
	return outcome{p.stdout.String(), p.stderr.String(), err}
}

// succeed runs the binary to its end and gives what it printed.
func succeed(t testing.TB, environment []string, arguments ...string) string {
	t.Helper()
	ran := command(t, environment, arguments...)
	if ran.err != nil {
		t.Fatalf("%q: %v\n%s%s", arguments, ran.err, ran.stdout, ran.stderr)
	}
	return ran.stdout
}

// transcript collects what a process prints.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed at the next output
}

// Write takes output of the process.
func (s *transcript) Write(output []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return s.text.Write(output)
}

// String gives everything printed so far.
func (s *transcript) String() string {
	text, _ := s.read()
	return text
}

func (s *transcript) read() (text string, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return s.text.String(), s.more
}
