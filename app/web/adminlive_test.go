package web

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
)

// watcher is a browser that has opened the live events.
type watcher struct {
	t      *testing.T
	status int
	lines  *bufio.Scanner
	leave  context.CancelFunc
}

// message is one message of the stream; a beat has only its comment.
type message struct{ id, event, data, comment string }

func (b *browser) watch(lastTold string) *watcher {
	b.t.Helper()
	ctx, leave := context.WithCancel(b.t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/admin/events/live", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Accept-Language", b.Language)
	if lastTold != "" {
		request.Header.Set("Last-Event-ID", lastTold)
	}
	answer, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		leave()
		answer.Body.Close()
	})
	return &watcher{b.t, answer.StatusCode, bufio.NewScanner(answer.Body), leave}
}

// next waits for a message; false: the stream has ended.
func (w *watcher) next() (message, bool) {
	var m message
	for w.lines.Scan() {
		if w.lines.Text() == "" {
			return m, true
		}
		name, value, _ := strings.Cut(w.lines.Text(), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data += value + "\n"
		default:
			m.comment += name + value
		}
	}
	return message{}, false
}

// row waits for an event.
func (w *watcher) row() message {
	w.t.Helper()
	for {
		m, going := w.next()
		if !going {
			w.t.Fatal("the stream has ended")
		}
		if m.event == "row" {
			return m
		}
	}
}

func TestLiveEventsArrive(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	chinese := b.watch("")
	b.Language = "en"
	english := b.watch("")
	programs := o.people(t, hostileNickname)
	number := o.user(t, programs[0]).Number.String()
	first, second := chinese.row(), chinese.row()
	if !strings.Contains(first.data, "首次登录") || !strings.Contains(second.data, "解密成功") || first.id >= second.id {
		t.Errorf("told %+v and %+v", first, second)
	}
	for _, m := range []message{first, second} {
		if !strings.HasPrefix(m.data, "<li>") || strings.Contains(m.data, "<script>") || !strings.Contains(m.data, "/admin/users/"+number) {
			t.Errorf("the row is %s", m.data)
		}
	}
	if m := english.row(); !strings.Contains(m.data, "First login") {
		t.Errorf("in English: %s", m.data)
	}
	if m := b.watch(first.id).row(); m.id != second.id || !strings.Contains(m.data, "Opened") {
		t.Errorf("told again after %s: %+v", first.id, m)
	}
}

func TestLiveEventsEndWithTheSession(t *testing.T) {
	o := newOffice(t)
	o.dashboard.streamBeat = time.Millisecond
	b := o.signIn(t, app.RoleViewer)
	w := b.watch("")
	if m, going := w.next(); !going || m.comment != "" {
		t.Fatalf("no beat but %+v", m)
	}
	b.post("/admin/logout")
	for {
		m, going := w.next()
		if !going {
			t.Fatal("the stream ended without saying so")
		}
		if m.event == "end" {
			break
		}
	}
	if m, going := w.next(); going {
		t.Errorf("after the end: %+v", m)
	}
	if w := b.watch(""); w.status != http.StatusUnauthorized {
		t.Errorf("signed out: HTTP %d", w.status)
	}
}

func TestLiveEventsAreBounded(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	first := b.watch("")
	for range streamsPerOperator - 1 {
		b.watch("")
	}
	if w := b.watch(""); w.status != http.StatusTooManyRequests {
		t.Errorf("one stream too many: HTTP %d", w.status)
	}
	if w := o.signIn(t, app.RoleViewer).watch(""); w.status != http.StatusOK {
		t.Errorf("somebody else's stream: HTTP %d", w.status)
	}
	first.leave()
	for end := time.Now().Add(20 * time.Second); b.watch("").status != http.StatusOK; {
		if time.Now().After(end) {
			t.Fatal("a stream that has ended still counts")
		}
	}
}

func TestLiveEventsOutliveTheServersLimitsAndEndWithTheServer(t *testing.T) {
	o := newOffice(t)
	o.dashboard.streamBeat = 10 * time.Millisecond
	b := o.signIn(t, app.RoleViewer)
	b.client.CloseIdleConnections()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	server := NewHTTPServer(o.dashboard.Handler(), slog.New(slog.DiscardHandler))
	server.ReadTimeout, server.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	server.RegisterOnShutdown(o.feed.Close)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	b.base = "http://" + listener.Addr().String()
	var watchers []*watcher
	for range streamsPerOperator {
		watchers = append(watchers, b.watch(""))
	}
	for began := time.Now(); time.Since(began) < 3*server.WriteTimeout; {
		for _, w := range watchers {
			if _, going := w.next(); !going {
				t.Fatal("the server's limits ended the stream")
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Fatalf("streams keep the server from stopping: %v", err)
	}
	<-ended
	for _, w := range watchers {
		for m, going := w.next(); going; m, going = w.next() {
			if m.event != "" {
				t.Errorf("a browser that may come back is told %+v", m)
			}
		}
		w.leave()
	}
	b.client.CloseIdleConnections()
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, before there were %d", runtime.NumGoroutine(), before)
		}
	}
}
