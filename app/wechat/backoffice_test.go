package wechat_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// testAccessToken has letters that change when escaped.
const testAccessToken = app.Secret("t0ken/of+wechat&1=")

const (
	tokenPath = "/cgi-bin/stable_token"
	checkPath = "/wxa/checksession"
	resetPath = "/wxa/resetusersessionkey"
)

const keyIsGood = `{"errcode":0,"errmsg":"ok"}`

// asked is a request as WeChat gets it.
type asked struct {
	method, path, contentType, body string
	query                           url.Values
	ctx                             context.Context
}

func (a asked) token() string { return a.query.Get("access_token") }

// backOffice plays WeChat and the way to it: one answer for each path.
type backOffice struct {
	answers map[string]func(asked) (string, error)
	mutex   sync.Mutex
	seen    []asked
}

func (b *backOffice) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	request := asked{r.Method, r.URL.Path, r.Header.Get("Content-Type"), string(body), r.URL.Query(), r.Context()}
	b.mutex.Lock()
	b.seen = append(b.seen, request)
	b.mutex.Unlock()
	answer, err := b.answers[r.URL.Path](request)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// on gives what was asked on a path so far.
func (b *backOffice) on(path string) (requests []asked) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, request := range b.seen {
		if request.path == path {
			requests = append(requests, request)
		}
	}
	return requests
}

// wantCalls checks how often WeChat was asked for a token and for a verdict.
func (b *backOffice) wantCalls(t *testing.T, tokens, checks int) {
	t.Helper()
	if gotTokens, gotChecks := len(b.on(tokenPath)), len(b.on(checkPath)); gotTokens != tokens || gotChecks != checks {
		t.Errorf("%d calls for a token and %d for a verdict, want %d and %d", gotTokens, gotChecks, tokens, checks)
	}
}

// newBackOffice gives out token 1, 2 and so on, and calls every key good.
func newBackOffice() *backOffice {
	office := &backOffice{}
	office.answers = map[string]func(asked) (string, error){
		tokenPath: func(asked) (string, error) {
			return tokenAnswer(fmt.Sprint("token", len(office.on(tokenPath))), "7200"), nil
		},
		checkPath: func(asked) (string, error) { return keyIsGood, nil },
	}
	return office
}

// refuse makes every token up to the given one fail with an errcode.
func (b *backOffice) refuse(last string, errcode int) {
	b.answers[checkPath] = func(a asked) (string, error) {
		if a.token() <= last {
			return errcodeAnswer(errcode), nil
		}
		return keyIsGood, nil
	}
}

func tokenAnswer(text, expiresIn string) string {
	return fmt.Sprintf(`{"access_token":%s,"expires_in":%s}`, quote(text), expiresIn)
}

func errcodeAnswer(errcode int) string {
	return fmt.Sprintf(`{"errcode":%d,"errmsg":"refused rid: 61a0b1c2-2d3e4f50"}`, errcode)
}

func atOffice(t testing.TB, office *backOffice, options wechat.Options) *wechat.Client {
	t.Helper()
	options.Transport = office
	return newClient(t, options)
}

func check(t testing.TB, client *wechat.Client) error {
	t.Helper()
	return client.CheckSession(t.Context(), "o1", testKey())
}

func wantGood(t testing.TB, client *wechat.Client) {
	t.Helper()
	if err := check(t, client); err != nil {
		t.Error(err)
	}
}
