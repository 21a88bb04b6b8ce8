package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func get(path, accepted string) *http.Response {
	answer, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	request.Header.Set("Accept-Encoding", accepted)
	Handler().ServeHTTP(answer, request)
	return answer.Result()
}

func TestEveryFileIsServedAsItIs(t *testing.T) {
	for name, one := range byName {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(want)
		if !strings.Contains(one.path, "."+hex.EncodeToString(sum[:])[:8]+".") {
			t.Errorf("%s is served as %s, which does not carry its hash", name, one.path)
		}
		for _, accepted := range []string{"", "br, gzip;q=0.5"} {
			answer := get(Path(name), accepted)
			var body io.Reader = answer.Body
			if accepted != "" {
				if body, err = gzip.NewReader(answer.Body); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s with Accept-Encoding %q: %d bytes (%v), want %d", name, accepted, len(got), err, len(want))
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	for name, contentType := range map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "favicon.svg": "image/svg+xml",
	} {
		want := map[string]string{"Content-Type": contentType, "Cache-Control": "public, max-age=31536000, immutable",
			"X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding", "Content-Encoding": ""}
		answer := get(Path(name), "identity")
		for header, value := range want {
			if got := answer.Header.Get(header); got != value {
				t.Errorf("%s: %s is %q, want %q", name, header, got, value)
			}
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for _, path := range []string{"/static/", "/static/app.css", "/static/static.go", "/static/app.00000000.css", "/static/../static.go", Path("app.css") + "/", ""} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL.Path = path
		answer := httptest.NewRecorder()
		Handler().ServeHTTP(answer, request)
		if answer.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, answer.Code)
		}
	}
	if Path("nothing.css") != "" || Has("/static/app.css") || !Has(Path("app.css")) {
		t.Error("Path or Has knows a file that is not served, or misses one that is")
	}
}

func TestMethods(t *testing.T) {
	for method, want := range map[string]int{http.MethodHead: 200, http.MethodPost: 405} {
		answer := httptest.NewRecorder()
		Handler().ServeHTTP(answer, httptest.NewRequest(method, Path("app.css"), nil))
		if answer.Code != want || answer.Body.Len() > 0 && want == 200 {
			t.Errorf("%s: %d with %d bytes, want %d", method, answer.Code, answer.Body.Len(), want)
		}
	}
}

func TestTakesGzip(t *testing.T) {
	for accepted, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP": true, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=0.1": true, "deflate": false, "xgzip": false,
	} {
		if got := takesGzip(accepted); got != want {
			t.Errorf("%q: %v, want %v", accepted, got, want)
		}
	}
}

// The script of ours stays small, and nothing in it needs what the content security policy forbids.
func TestScript(t *testing.T) {
	for _, name := range []string{"app.js", "charts.js"} {
		source := byName[name].plain
		if len(source) > 10_000 {
			t.Errorf("%s has %d bytes, want 10,000 at most", name, len(source))
		}
		for _, forbidden := range []string{"eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"} {
			if bytes.Contains(source, []byte(forbidden)) {
				t.Errorf("%s uses %s", name, forbidden)
			}
		}
	}
}
