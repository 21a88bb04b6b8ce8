package systemd_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app/systemd"
)

// listen is systemd's end.
func listen(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Skipf("SKIPPED, this system has no such sockets: nothing is proven about systemd: %v", err)
	}
	t.Cleanup(func() { socket.Close() })
	_ = socket.SetReadDeadline(time.Now().Add(20 * time.Second))
	return socket
}

func hear(t *testing.T, socket *net.UnixConn) string {
	t.Helper()
	message := make([]byte, 100)
	n, err := socket.Read(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(message[:n])
}

func wantHeard(t *testing.T, socket *net.UnixConn, want string) {
	t.Helper()
	if got := hear(t, socket); got != want {
		t.Errorf("systemd was told %q, want %q", got, want)
	}
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value
			}
		}
		return ""
	}
}

// accompany runs until the given function ends it.
func accompany(manager systemd.Manager, answers func(context.Context) error, log *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { manager.Accompany(ctx, answers, log) })
	return func() {
		cancel()
		running.Wait()
	}
}

func answering(context.Context) error { return nil }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestReadyAndStopping(t *testing.T) {
	for name, address := range map[string]string{
		"a file":             filepath.Join(t.TempDir(), "notify"),
		"an abstract socket": "@wxkeeper-test-" + strconv.Itoa(os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			socket := listen(t, address)
			end := accompany(systemd.FromEnvironment(environment("NOTIFY_SOCKET="+address)), answering, quiet())
			wantHeard(t, socket, "READY=1")
			end()
			wantHeard(t, socket, "STOPPING=1")
		})
	}
}

// TestSignsOfLife: they come again and again, also from a storage that fails, and stop where nothing answers any more.
func TestSignsOfLife(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	socket := listen(t, address)
	hang := make(chan struct{})
	var asked int
	answers := func(ctx context.Context) error {
		asked++
		switch {
		case asked <= 3:
			return errors.New("the disk is full")
		case asked == 4:
			close(hang)
			fallthrough
		default: // asked once more amid the end
			<-ctx.Done()
			return ctx.Err()
		}
	}
	end := accompany(systemd.FromEnvironment(environment("NOTIFY_SOCKET="+address, "WATCHDOG_USEC=2000",
		"WATCHDOG_PID="+strconv.Itoa(os.Getpid()))), answers, quiet())
	wantHeard(t, socket, "READY=1")
	for range 3 {
		wantHeard(t, socket, "WATCHDOG=1")
	}
	<-hang
	_ = socket.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // 25 signs would be due
	if n, err := socket.Read(make([]byte, 100)); err == nil {
		t.Errorf("a sign of life of %d bytes from a storage that hangs", n)
	}
	end()
}

// TestNobodyListens: without systemd, or with the watchdog of another process, nothing is said, and a socket that is gone stops nobody.
func TestNobodyListens(t *testing.T) {
	asked := func(context.Context) error {
		t.Error("asked for a sign of life that nobody wants")
		return nil
	}
	systemd.FromEnvironment(environment()).Accompany(t.Context(), asked, quiet()) // returns by itself

	address := filepath.Join(t.TempDir(), "notify")
	socket := listen(t, address)
	for _, watchdog := range [][]string{{"WATCHDOG_USEC=1000", "WATCHDOG_PID=1"}, {"WATCHDOG_USEC=-1"}, {"WATCHDOG_USEC=soon"}} {
		end := accompany(systemd.FromEnvironment(environment(append(watchdog, "NOTIFY_SOCKET="+address)...)), asked, quiet())
		wantHeard(t, socket, "READY=1")
		end()
		wantHeard(t, socket, "STOPPING=1")
	}

	var said bytes.Buffer
	gone := systemd.FromEnvironment(environment("NOTIFY_SOCKET=" + filepath.Join(t.TempDir(), "gone")))
	accompany(gone, answering, slog.New(slog.NewTextHandler(&said, nil)))()
	if lines := strings.Count(said.String(), "cannot be told"); lines != 2 {
		t.Errorf("%d warnings: %s", lines, said.String())
	}
}
