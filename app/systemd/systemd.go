// Package systemd tells the service manager that started us how we are: ready, alive, stopping. It speaks the protocol of
// sd_notify(3), which is a datagram of lines to a socket. Where no manager asked for it, it says nothing.
package systemd

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// Manager is the service manager, or nobody: the zero value.
type Manager struct {
	socket   string        // "": nobody listens
	watchdog time.Duration // how long it waits for a sign of life; 0: for ever
}

// FromEnvironment finds out who listens, from the variables that systemd sets: NOTIFY_SOCKET, and with WatchdogSec= also WATCHDOG_USEC
// and WATCHDOG_PID (sd_watchdog_enabled(3)).
func FromEnvironment(getenv func(string) string) Manager {
	manager := Manager{socket: getenv("NOTIFY_SOCKET")}
	microseconds, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if err == nil && microseconds > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		manager.watchdog = time.Duration(microseconds) * time.Microsecond
	}
	return manager
}

// Accompany tells the manager that requests are taken, and when the context ends that this is over. In between it gives signs of life as
// often as the manager wants them, each after answers has returned: a storage that fails is alive, one that never answers is not.
func (m Manager) Accompany(ctx context.Context, answers func(context.Context) error, log *slog.Logger) {
	if m.socket == "" {
		return
	}
	m.tell("READY=1", log)
	var due <-chan time.Time
	if m.watchdog > 0 {
		ticker := time.NewTicker(m.watchdog / 2)
		defer ticker.Stop()
		due = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			m.tell("STOPPING=1", log)
			return
		case <-due:
			_ = answers(ctx) // that there is an answer is the sign
			m.tell("WATCHDOG=1", log)
		}
	}
}

func (m Manager) tell(state string, log *slog.Logger) {
	// A name that begins with @ is one in Linux's abstract namespace, to systemd as to package net.
	socket, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err == nil {
		_, err = socket.Write([]byte(state))
		_ = socket.Close() // a datagram was sent with its write
	}
	if err != nil {
		log.Warn("the service manager cannot be told", "state", state, "error", err)
	}
}
