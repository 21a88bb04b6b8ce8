package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// logBook keeps log lines that several goroutines write.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// noteTaker is a keeper that can note failures and nothing else: a request that reached it would be answered with 500.
var noteTaker = sync.OnceValue(func() *keeper.Keeper {
	folder, err := os.MkdirTemp("", "wxkeeper-web-")
	if err != nil {
		panic(err)
	}
	store, err := db.Open(context.Background(), folder)
	if err != nil {
		panic(err)
	}
	os.RemoveAll(folder)
	return keeper.New(keeper.Options{Store: store, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
})

// newServer builds a Server with the noteTaker.
func newServer(change ...func(*Options)) (*Server, *logBook) {
	book := &logBook{}
	options := Options{
		Keeper: noteTaker(),
		Ready:  func(context.Context) error { return nil },
		Log:    newLogger(book),
		Clock:  func() time.Time { return noon },
	}
	for _, apply := range change {
		apply(&options)
	}
	return New(options), book
}

func newLogger(book *logBook) *slog.Logger { return slog.New(slog.NewJSONHandler(book, nil)) }

// request is what a client sends; type "json" and "form" stand for theirs.
type request struct {
	method, path, kind, body string
	header                   map[string]string
	from                     string
}

// answer is what came back, decoded as any answer of the API.
type answer struct {
	HTTP      int             `json:"-"`
	Header    http.Header     `json:"-"`
	Body      string          `json:"-"`
	Status    int             `json:"status"`
	Code      int             `json:"code"`
	Msg       string          `json:"msg"`
	Data      json.RawMessage `json:"data"`
	RequestID app.RequestID   `json:"request_id"`
}

var mediaTypes = map[string]string{"json": jsonType, "form": formType}

func (r request) build() *http.Request {
	built := httptest.NewRequest(r.method, r.path, strings.NewReader(r.body))
	if kind, short := mediaTypes[r.kind]; short {
		r.kind = kind
	}
	if r.kind != "" {
		built.Header.Set("Content-Type", r.kind)
	}
	for name, value := range r.header {
		built.Header.Set(name, value)
	}
	if r.from != "" {
		built.RemoteAddr = r.from
	}
	return built
}

// ask sends a request straight to the handler, and holds every answer against what is always promised.
func ask(t testing.TB, s *Server, r request) answer {
	t.Helper()
	recorder, sent := httptest.NewRecorder(), r.build()
	s.Handler().ServeHTTP(recorder, sent)
	got := answer{HTTP: recorder.Code, Header: recorder.Header(), Body: recorder.Body.String()}
	if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", got.Header)
	}
	if got.Header.Get("Content-Type") == "application/json; charset=utf-8" && r.method != http.MethodHead {
		got.decode(t)
	}
	checkDocumented(t, sent, got)
	return got
}

func (a *answer) decode(t testing.TB) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), a); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	if a.Status != a.Code {
		t.Errorf("status and code differ: %s", a.Body)
	}
	if _, err := app.ParseRequestID(string(a.RequestID)); a.Code != 0 && err != nil {
		t.Errorf("request id: %s", a.Body)
	}
}

// wantFailure holds an answer against the error table, byte for byte but for the request id.
func wantFailure(t *testing.T, got answer, kind app.Kind) {
	t.Helper()
	wire := wireFailures[kind]
	want, _ := json.Marshal(map[string]any{"status": wire.code, "code": wire.code, "msg": wire.msg, "request_id": got.RequestID})
	var wantBody, gotBody any
	_ = json.Unmarshal(want, &wantBody)
	_ = json.Unmarshal([]byte(got.Body), &gotBody)
	if diff := cmp.Diff(wantBody, gotBody); diff != "" || got.HTTP != wire.status {
		t.Errorf("HTTP %d, want %d; %s", got.HTTP, wire.status, diff)
	}
}

func TestRoutes(t *testing.T) {
	tests := []struct {
		method, path string
		kind         app.Kind
		allow        string
	}{
		{"POST", "/", app.UnknownPath, ""},
		{"GET", "/nowhere", app.UnknownPath, ""},
		{"POST", "/login/x", app.UnknownPath, ""},
		{"POST", "/login//", app.UnknownPath, ""},
		{"POST", "//login/", app.UnknownPath, ""},
		{"POST", "/LOGIN/", app.UnknownPath, ""},
		{"POST", "/login/../session/", app.UnknownPath, ""},
		{"POST", "/login%2f", app.UnknownPath, ""},
		{"GET", "/healthz/", app.UnknownPath, ""},
		{"GET", "/login/", app.MethodNotAllowed, "OPTIONS, POST"},
		{"GET", "/login", app.MethodNotAllowed, "OPTIONS, POST"},
		{"PUT", "/getinfo/", app.MethodNotAllowed, "OPTIONS, POST"},
		{"DELETE", "/session", app.MethodNotAllowed, "OPTIONS, POST"},
		{"BREW", "/logout/", app.MethodNotAllowed, "OPTIONS, POST"},
		{"POST", "/healthz", app.MethodNotAllowed, "OPTIONS, GET, HEAD"},
		{"POST", "/openapi.yaml", app.MethodNotAllowed, "OPTIONS, GET, HEAD"},
		{"POST", "/verify/", app.MethodNotAllowed, "OPTIONS, GET, HEAD"},
		{"POST", "/prefetch", app.MethodNotAllowed, "OPTIONS, GET"},
		{"GET", "/verify/x", app.UnknownPath, ""},
		{"GET", "/verify//", app.UnknownPath, ""},
		{"GET", "/wechat/push/", app.UnknownPath, ""}, // not set up
		{"POST", "/wechat/push", app.UnknownPath, ""},
		{"GET", "/verify", app.InvalidToken, ""},
		{"GET", "/verify/?token=abc", app.InvalidToken, ""},
		{"OPTIONS", "/verify/", app.InvalidToken, ""},
		{"GET", "/prefetch", app.MissingParameter, ""},
		{"GET", "/prefetch/?appid=other&code=", app.MissingParameter, ""},
		{"POST", "/login", app.MissingParameter, ""},
		{"POST", "/login/", app.MissingParameter, ""},
		{"POST", "/getinfo", app.MissingParameter, ""},
		{"POST", "/getinfo/", app.MissingParameter, ""},
		{"POST", "/session", app.MissingParameter, ""},
		{"POST", "/session/", app.MissingParameter, ""},
		{"POST", "/logout", app.MissingParameter, ""},
		{"POST", "/logout/", app.MissingParameter, ""},
		{"POST", "/login/?code=abc", app.MissingParameter, ""},
		{"POST", "/session/?token=abc&a=1;b=2&%zz", app.MissingParameter, ""},
	}
	s, _ := newServer()
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			got := ask(t, s, request{method: test.method, path: test.path})
			wantFailure(t, got, test.kind)
			if allow := got.Header.Get("Allow"); allow != test.allow {
				t.Errorf("Allow: %q, want %q", allow, test.allow)
			}
		})
	}
}

// TestQueryIsNeverRead: a parameter that stands in the address alone is missing.
func TestQueryIsNeverRead(t *testing.T) {
	s, _ := newServer()
	for path, required := range map[string][]string{
		"/login/": {"code"}, "/getinfo/": {"token", "iv", "encryptedData"}, "/session/": {"token"}, "/logout/": {"token"}, "/phone/": {"token", "code"},
	} {
		for _, missing := range required {
			form, object := "other=x", `{"other":"x"`
			for _, name := range required {
				if name != missing {
					form, object = form+"&"+name+"=x", object+`,"`+name+`":"x"`
				}
			}
			for kind, body := range map[string]string{"json": object + "}", "form": form} {
				got := ask(t, s, request{method: "POST", path: path + "?" + missing + "=x", kind: kind, body: body})
				wantFailure(t, got, app.MissingParameter)
			}
		}
	}
}

func TestProbes(t *testing.T) {
	down := func(o *Options) { o.Ready = func(context.Context) error { return io.ErrUnexpectedEOF } }
	up, _ := newServer()
	broken, log := newServer(down, func(o *Options) { o.Status200 = true })
	for _, path := range []string{"/healthz", "/readyz"} {
		got := ask(t, up, request{method: "GET", path: path})
		if got.HTTP != 200 || got.Body != `{"status":0,"code":0,"msg":"ok","data":{}}`+"\n" {
			t.Errorf("%s: %d %s", path, got.HTTP, got.Body)
		}
		if head := ask(t, up, request{method: "HEAD", path: path}); head.HTTP != 200 {
			t.Errorf("HEAD %s: %d", path, head.HTTP)
		}
	}
	if got := ask(t, broken, request{method: "GET", path: "/healthz"}); got.HTTP != 200 {
		t.Errorf("a server that is not ready should still be alive: %d", got.HTTP)
	}
	wantFailure(t, ask(t, broken, request{method: "GET", path: "/readyz"}), app.StorageUnavailable)
	if !strings.Contains(log.String(), io.ErrUnexpectedEOF.Error()) {
		t.Errorf("the cause is not in the log: %s", log)
	}
	wantFailure(t, ask(t, broken, request{method: "POST", path: "/readyz"}), app.MethodNotAllowed)
}

func TestCallerIsKnown(t *testing.T) {
	s, _ := newServer()
	got := ask(t, s, request{method: "POST", path: "/login/"})
	arrived := got.RequestID.Times(noon, noon)
	if len(arrived) != 1 || !arrived[0].Equal(noon) {
		t.Errorf("request id %s arrived at %v", got.RequestID, arrived)
	}
}

// httpAnswer sends a request and takes the answer as it is.
func httpAnswer(s *Server, r request) answer {
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, r.build())
	return answer{HTTP: recorder.Code, Header: recorder.Header(), Body: recorder.Body.String()}
}

// data decodes what a good answer holds.
func (a answer) data(t testing.TB, into any) {
	t.Helper()
	if a.HTTP != http.StatusOK || a.Code != 0 {
		t.Fatalf("HTTP %d %s", a.HTTP, a.Body)
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		t.Fatal(err)
	}
}
