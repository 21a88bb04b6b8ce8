package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/go-cmp/cmp"
)

var document = sync.OnceValues(func() (*openapi3.T, error) {
	loaded, err := openapi3.NewLoader().LoadFromData(openAPIDocument)
	if err != nil {
		return nil, err
	}
	return loaded, loaded.Validate(context.Background())
})

// documentedPath is the form in which the document names a path: calls of the API with their slash.
func documentedPath(path string) string {
	calls := []string{"/login", "/getinfo", "/phone", "/profile", "/avatar", "/report", "/session", "/logout", "/sign", "/introspect",
		"/verify", "/prefetch", "/wechat/push"}
	if slices.Contains(calls, path) {
		return path + "/"
	}
	if name, found := strings.CutPrefix(path, "/avatar/"); found && name != "" {
		return "/avatar/{name}"
	}
	return path
}

// checkDocumented holds an answer against the document, wherever that speaks of the request at all.
func checkDocumented(t testing.TB, sent *http.Request, got answer) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	path := documentedPath(sent.URL.EscapedPath())
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(sent.Method) == nil {
		return
	}
	checkAnswer(t, doc, path, sent, got)
}

func checkAnswer(t testing.TB, doc *openapi3.T, path string, sent *http.Request, got answer) {
	t.Helper()
	item := doc.Paths.Value(path)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: sent,
			Route:   &routers.Route{Spec: doc, Path: path, PathItem: item, Method: sent.Method, Operation: item.GetOperation(sent.Method)},
		},
		Status:  got.HTTP,
		Header:  got.Header,
		Body:    io.NopCloser(strings.NewReader(got.Body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		t.Errorf("%s %s is answered otherwise than documented: %v\n%s", sent.Method, sent.URL.Path, err, got.Body)
	}
}

func TestEveryRouteIsDocumented(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	s, _ := newServer(withPush(t))
	var routed []string
	for _, route := range s.echo.Routes() {
		if route.Method != http.MethodHead && route.Method != http.MethodOptions {
			routed = append(routed, route.Method+" "+documentedPath(route.Path))
		}
	}
	slices.Sort(documented)
	slices.Sort(routed)
	if diff := cmp.Diff(documented, slices.Compact(routed)); diff != "" {
		t.Error(diff)
	}
}

func TestDocumentIsServed(t *testing.T) {
	s, _ := newServer()
	got := ask(t, s, request{method: "GET", path: "/openapi.yaml"})
	if got.HTTP != 200 || got.Body != string(openAPIDocument) {
		t.Errorf("HTTP %d, %d bytes", got.HTTP, len(got.Body))
	}
}

// TestDocumentRefuses proves that the check above can fail.
func TestDocumentRefuses(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	good := `{"status":0,"code":0,"msg":"ok","data":{"user":"123456789","expires_in":5,"key_status":{"state":"confirmed"},"next":"ok"}}`
	tests := map[string]struct {
		answer string
		valid  bool
	}{
		"good":        {good, true},
		"wrong code":  {strings.Replace(good, `"code":0`, `"code":1`, 1), false},
		"extra field": {strings.Replace(good, `"user"`, `"openid":"o","user"`, 1), false},
		"no state":    {strings.Replace(good, `"state":"confirmed"`, "", 1), false},
		"a suspicion": {strings.Replace(good, `"confirmed"`, `"suspect"`, 1), false},
		"other next":  {strings.Replace(good, `"next":"ok"`, `"next":"now"`, 1), false},
		"no data":     {`{"status":0,"code":0,"msg":"ok"}`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			probe := &testing.T{}
			sent := &http.Request{Method: "POST", URL: &url.URL{Path: "/session/"}, Header: http.Header{}}
			header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
			checkAnswer(probe, doc, "/session/", sent, answer{HTTP: 200, Header: header, Body: test.answer})
			if probe.Failed() == test.valid {
				t.Errorf("valid: %v", !probe.Failed())
			}
		})
	}
}
