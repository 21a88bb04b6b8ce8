package contract_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"wxkeeper/app/web/contract"
)

// echoServer tells what it was sent.
func echoServer(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Sent"))
		w.WriteHeader(http.StatusTeapot)
		quoted, _ := json.Marshal(string(body))
		fmt.Fprintf(w, `{"status":7,"code":7,"method":%q,"path":%q,"type":%q,"body":%s,"deep":{"n":1234567890123456789,"null":null}}`,
			r.Method, r.URL.Path, r.Header.Get("Content-Type"), quoted)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func values(kind, argument string) (string, error) {
	if kind == "word" {
		return argument + `+"/é`, nil
	}
	return "", errors.New("unknown kind")
}

func TestEverythingHolds(t *testing.T) {
	scripts := fstest.MapFS{"all.txt": {Data: []byte(`
# what can be said of an answer
POST /path/${word:x}
X-Sent: hello there
json {"a":"${word:y}",
  "b":1}
status 418
code 7
header X-Seen hello there
header X-Absent
method is POST
path is /path/x+"/é
type is application/json
body is {"a":"y+\"/é", "b":1}
body contains "deep":{"n":
deep.n is 1234567890123456789
deep.null is null
deep keys null n
answer keys status code method path type body deep
path matches ^/path/x
capture kept method
capture part path ^/(pa)th

POST /${kept}
X-Sent: ${part}
form a=${word:z}&b=1
path is /POST
header X-Seen pa
path matches ^/${kept}$
type is application/x-www-form-urlencoded
body is a=z%2B%22%2F%C3%A9&b=1

PUT /raw
Content-Type: text/plain
raw "\x00${filler:3}"
type is text/plain
body matches ^.aaa$

GET /none
body is
type is
`)}}
	contract.Run(t, echoServer(t), scripts, values)
}

func TestWhatDoesNotHoldIsTold(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"status", "GET /\nstatus 200", "line 2: status 200: is 418"},
		{"code", "GET /\ncode 3", "member code: is 7"},
		{"header", "GET /\nheader X-Seen here", "header X-Seen here: is "},
		{"contains", "GET /\nbody contains nowhere", "it does not"},
		{"is", "GET /\nmethod is POST", "is GET"},
		{"matches", "GET /\nmethod matches ^P", "is GET"},
		{"keys", "GET /\ndeep keys n", "is n null"},
		{"keys of no object", "GET /\nmethod keys n", "no object"},
		{"missing member", "GET /\ndeep.none is 1", "there is no deep.none"},
		{"member of no object", "GET /\nmethod.none is 1", "there is no method.none"},
		{"capture", "GET /\ncapture x none", "there is no none"},
		{"part", "GET /\ncapture x method ^(P)", "is GET"},
		{"part that is none", "GET /\ncapture x method ^G", "is GET"},
		{"part by a bad pattern", "GET /\ncapture x method (", "missing closing"},
		{"pattern", "GET /\nmethod matches (", "missing closing"},
		{"question", "GET /\nperhaps 5", "no such question"},
		{"value in a body", "POST /\njson {\"a\":\"${other:x}\"}", "${other:x}: unknown kind"},
		{"value in a header", "GET /\nX-Sent: ${other}", "unknown kind"},
		{"value in a question", "GET /\nmethod is ${other}", "unknown kind"},
		{"value in a pattern", "GET /\nmethod matches ${other}", "unknown kind"},
		{"value in a path", "GET /${other}", "unknown kind"},
		{"quotes", "POST /\nraw \"\\q\"", "invalid syntax"},
		{"order", "GET /\nstatus 418\nX-Sent: late", "line 3: "},
		{"two bodies", "POST /\njson {}\nraw {}", "line 3: a second body"},
		{"no request", "status 200", "before any request"},
		{"second exchange", "GET /\nstatus 418\n\nGET /\nstatus 1", "line 5: "},
	}
	base := echoServer(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := contract.Play(base, test.script, values)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if err := contract.Play(server.URL, "GET /", values); err == nil {
		t.Error("a script passed without a server")
	}
}

func TestNoJSON(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	err := contract.Play(server.URL, "GET /\ncode 3", values)
	if err == nil || !strings.Contains(err.Error(), "no JSON") {
		t.Error(err)
	}
}
