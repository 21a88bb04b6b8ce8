package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
)

func TestEveryKindHasAnAnswer(t *testing.T) {
	for _, kind := range app.Kinds() {
		wire, known := wireFailures[kind]
		if !known || wire.code < 1 || wire.code > 15 || http.StatusText(wire.status) == "" || wire.status < 400 || wire.msg == "" {
			t.Errorf("%v: %+v", kind, wire)
		}
	}
	if len(wireFailures) != len(app.Kinds()) {
		t.Errorf("%d answers for %d kinds", len(wireFailures), len(app.Kinds()))
	}
}

// TestReadmesTellEveryCode: their tables have a row for each code that can be answered, and for no other.
func TestReadmesTellEveryCode(t *testing.T) {
	var want []string
	for _, wire := range wireFailures {
		want = append(want, strconv.Itoa(wire.code))
	}
	slices.Sort(want)
	for _, page := range []string{"../../README.md", "../../README.zh-CN.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, row := range regexp.MustCompile(`(?m)^\| (\d[\d, 、]*) \|`).FindAllStringSubmatch(string(text), -1) {
			told = append(told, regexp.MustCompile(`\d+`).FindAllString(row[1], -1)...)
		}
		slices.Sort(told)
		if !slices.Equal(told, slices.Compact(slices.Clone(want))) {
			t.Errorf("%s tells of %v", page, told)
		}
	}
}

// failWith routes one more call, which fails with the error.
func failWith(s *Server, path string, err error) {
	s.post(path, func(echo.Context) error { return err })
}

// TestFailures checks every row of the error table, and that the document knows it.
func TestFailures(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range app.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			s, log := newServer()
			cause := errors.New("the cause")
			failWith(s, "/fails", fmt.Errorf("wrapped: %w", app.Fail(kind, app.LoginStorage).Because(cause)))
			got := ask(t, s, request{method: "POST", path: "/fails/"})
			wantFailure(t, got, kind)
			if strings.Contains(got.Body, "cause") || strings.Contains(got.Body, "login.") {
				t.Errorf("the client is told too much: %s", got.Body)
			}
			logged := strings.Contains(log.String(), "the cause") && strings.Contains(log.String(), string(got.RequestID))
			if logged != (wireFailures[kind].status >= 500) {
				t.Errorf("logged: %v: %s", logged, log)
			}
			if path, documented := documentedWith(kind); documented {
				checkAnswer(t, doc, path, request{method: "POST", path: path}.build(), got)
			}
		})
	}
}

// documentedWith says which call may fail in this way.
func documentedWith(kind app.Kind) (path string, documented bool) {
	switch kind {
	case app.UnknownPath:
		return "", false // there is no path to write it under
	case app.MethodNotAllowed:
		return "", false // comes with Allow, which only the router knows
	case app.Misconfigured, app.InvalidCode, app.BlockedByWeChat:
		return "/login/", true
	}
	return "/getinfo/", true
}

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		kind app.Kind
		wait time.Duration
		want string
	}{
		{app.TooManyRequests, 0, "1"},
		{app.TooManyRequests, time.Millisecond, "1"},
		{app.TooManyRequests, 1001 * time.Millisecond, "2"},
		{app.TooManyRequests, time.Minute, "60"},
		{app.WeChatUnavailable, 0, ""},
		{app.WeChatUnavailable, 2 * time.Second, "2"},
		{app.InvalidToken, 0, ""},
	}
	for _, test := range tests {
		s, _ := newServer()
		failWith(s, "/fails", app.Fail(test.kind, "").After(test.wait))
		if got := ask(t, s, request{method: "POST", path: "/fails"}).Header.Get("Retry-After"); got != test.want {
			t.Errorf("%v after %v: %q, want %q", test.kind, test.wait, got, test.want)
		}
	}
}

func TestStatus200(t *testing.T) {
	s, _ := newServer(func(o *Options) { o.Status200 = true })
	failWith(s, "/fails", app.Fail(app.StorageUnavailable, "").After(time.Second))
	tests := []struct {
		method, path string
		http         int
		kind         app.Kind
	}{
		{"POST", "/login/", 200, app.MissingParameter},
		{"GET", "/login/", 200, app.MethodNotAllowed},
		{"POST", "/session", 200, app.MissingParameter},
		{"POST", "/nowhere", 200, app.UnknownPath},
		{"POST", "/fails", 200, app.StorageUnavailable},
		{"POST", "/healthz", 405, app.MethodNotAllowed},
		{"POST", "/readyz", 405, app.MethodNotAllowed},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			recorder := httpAnswer(s, request{method: test.method, path: test.path})
			if recorder.HTTP != test.http || !strings.Contains(recorder.Body, `"msg":"`+wireFailures[test.kind].msg+`"`) {
				t.Errorf("HTTP %d %s", recorder.HTTP, recorder.Body)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	s, log := newServer()
	s.post("/panics", func(echo.Context) error { panic("kaboom") })
	got := ask(t, s, request{method: "POST", path: "/panics/"})
	wantFailure(t, got, app.Internal)
	if text := log.String(); !strings.Contains(text, "kaboom") || !strings.Contains(text, "answer_test.go") {
		t.Errorf("neither cause nor stack in the log: %s", text)
	}
}

func TestAbortedAnswer(t *testing.T) {
	s, log := newServer()
	s.post("/aborts", func(echo.Context) error { panic(http.ErrAbortHandler) })
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler {
			t.Errorf("recovered %v", cause)
		}
		if log.String() != "" {
			t.Errorf("logged: %s", log)
		}
	}()
	httpAnswer(s, request{method: "POST", path: "/aborts"})
}

func TestCallerThatLeavesIsNotLogged(t *testing.T) {
	s, log := newServer()
	failWith(s, "/fails", app.Fail(app.StorageUnavailable, "").Because(context.Canceled))
	left, cancel := context.WithCancel(t.Context())
	cancel()
	s.Handler().ServeHTTP(httptest.NewRecorder(), request{method: "POST", path: "/fails"}.build().WithContext(left))
	if log.String() != "" {
		t.Errorf("logged: %s", log)
	}
}

func TestLogHoldsNothingPersonal(t *testing.T) {
	s, log := newServer()
	failWith(s, "/fails", app.Fail(app.StorageUnavailable, ""))
	ask(t, s, request{
		method: "POST", path: "/fails?token=SECRETQUERY", kind: "json", body: `{"token":"SECRETBODY"}`, from: "203.0.113.9:4711",
		header: map[string]string{"Authorization": "Bearer SECRETHEADER", "User-Agent": "SECRETAGENT", "Referer": "SECRETREFERER"},
	})
	text := log.String()
	if text == "" || strings.Contains(text, "SECRET") || strings.Contains(text, "203.0.113.9") {
		t.Errorf("log: %s", text)
	}
}

func TestAnswerThatCannotBeEncoded(t *testing.T) {
	s, _ := newServer()
	s.post("/odd", func(c echo.Context) error { return reply(c, func() {}) })
	wantFailure(t, ask(t, s, request{method: "POST", path: "/odd"}), app.Internal)
}

func TestAnswerKeepsEveryCharacter(t *testing.T) {
	s, _ := newServer()
	s.post("/odd", func(c echo.Context) error { return reply(c, loginReply{User: "<&>\x00\u2028😀"}) })
	got := ask(t, s, request{method: "POST", path: "/odd"})
	if want := `"user":"<&>\u0000\u2028😀"`; !strings.Contains(got.Body, want) {
		t.Errorf("%s, want %s", got.Body, want)
	}
}
