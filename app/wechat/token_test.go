package wechat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
		tokenPath: func(asked) (string, error) { return tokenAnswer(fmt.Sprint("token", len(office.on(tokenPath))), "7200"), nil },
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

func TestTokenIsAskedForAsWeChatWantsIt(t *testing.T) {
	office := newBackOffice()
	wantGood(t, atOffice(t, office, wechat.Options{}))
	request := office.on(tokenPath)[0]
	want := map[string]any{"grant_type": "client_credential", "appid": string(testAppid),
		"secret": testSecret.Reveal(), "force_refresh": false}
	if diff := cmp.Diff(want, decodeObject(t, []byte(request.body))); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if request.method != "POST" || request.contentType != "application/json" || len(request.query) != 0 {
		t.Errorf("%s with query %v and a body of %s", request.method, request.query, request.contentType)
	}
}

func TestOneTokenForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.answers[tokenPath] = func(asked) (string, error) {
			time.Sleep(time.Second)
			return tokenAnswer("token1", "7200"), nil
		}
		client := atOffice(t, office, wechat.Options{})
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { wantGood(t, client) })
		}
		callers.Wait()
		wantGood(t, client)
		office.wantCalls(t, 1, 101)
	})
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	for _, errcode := range []int{40001, 40014, 42001} {
		t.Run(fmt.Sprint(errcode), func(t *testing.T) {
			office := newBackOffice()
			office.refuse("token1", errcode)
			client := atOffice(t, office, wechat.Options{})
			wantGood(t, client)
			office.wantCalls(t, 2, 2)
			office.refuse("token9", errcode)
			failed := failure(t, check(t, client))
			if failed.API != "checksession" || failed.Errcode != errcode || failed.Class() != wechat.ClassConfiguration {
				t.Error(failed)
			}
			office.wantCalls(t, 3, 4)
			for _, request := range office.on(tokenPath) {
				if !strings.Contains(request.body, `"force_refresh":false`) {
					t.Errorf("asked with %s", request.body)
				}
			}
		})
	}
}

func TestOtherErrcodesLeaveTheToken(t *testing.T) {
	for _, errcode := range []int{40003, 40164, 45009, 45011, 48001, 87007, 87009} {
		office := newBackOffice()
		office.refuse("token1", errcode)
		client := atOffice(t, office, wechat.Options{})
		for range 2 {
			if failed := failure(t, check(t, client)); failed.Errcode != errcode {
				t.Error(failed)
			}
		}
		office.wantCalls(t, 1, 2)
	}
}

func TestTokenThatCannotBeReplaced(t *testing.T) {
	office := newBackOffice()
	client := atOffice(t, office, wechat.Options{})
	wantGood(t, client)
	office.refuse("token1", 42001)
	office.answers[tokenPath] = func(asked) (string, error) { return errcodeAnswer(40125), nil }
	if failed := failure(t, check(t, client)); failed.API != "stable_token" || failed.Errcode != 40125 {
		t.Error(failed)
	}
	office.wantCalls(t, 2, 2)
}

// 50 callers fail with the first token at different times: whoever comes late finds the second one.
func TestLateRefusalDropsNoNewerToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.answers[checkPath] = func(a asked) (string, error) {
			if a.token() != "token1" {
				return keyIsGood, nil
			}
			time.Sleep(time.Duration(len(office.on(checkPath))) * 10 * time.Millisecond)
			return errcodeAnswer(42001), nil
		}
		client := atOffice(t, office, wechat.Options{})
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() { wantGood(t, client) })
		}
		callers.Wait()
		office.wantCalls(t, 2, 100)
	})
}

// A token may fail while it is still being stored: the flight that brought it has no other one to give.
func TestRefusalOvertakesTheFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.refuse("token1", 42001)
		slow := wechat.AccessTokenStore{Save: func(ctx context.Context, token wechat.AccessToken) error {
			time.Sleep(500 * time.Millisecond)
			return nil
		}}
		client := atOffice(t, office, wechat.Options{AccessTokens: slow})
		var callers sync.WaitGroup
		callers.Go(func() { wantGood(t, client) })
		synctest.Wait()
		wantGood(t, client)
		callers.Wait()
		office.wantCalls(t, 2, 4)
	})
}

func TestHowLongATokenIsUsed(t *testing.T) {
	for expiresIn, want := range map[string]time.Duration{
		"7200": 6900 * time.Second, "601": 301 * time.Second, "600": 300 * time.Second, "599": 299500 * time.Millisecond,
		"300": 150 * time.Second, "10": 5 * time.Second, "1": 500 * time.Millisecond, `"300"`: 150 * time.Second,
		"0": 0, "-1": 0, "null": 0, `"soon"`: 0, "[]": 0, "1e3": 0, "99999999999999999999": 0,
		"9223372036854775807": 6900 * time.Second,
	} {
		t.Run(expiresIn, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				office, store := newBackOffice(), &sharedStore{}
				office.answers[tokenPath] = func(asked) (string, error) {
					time.Sleep(10 * time.Millisecond) // on its way, a token ages
					return tokenAnswer("token1", expiresIn), nil
				}
				start := time.Now()
				client := atOffice(t, office, wechat.Options{AccessTokens: store.functions()})
				wantGood(t, client)
				if got := store.token.ExpiresAt.Sub(start); got != want {
					t.Errorf("used for %v, want %v", got, want)
				}
				if want > 0 {
					time.Sleep(time.Until(store.token.ExpiresAt) - 1)
					wantGood(t, client)
					office.wantCalls(t, 1, 2)
					time.Sleep(1)
				}
				calls := len(office.on(checkPath))
				wantGood(t, client)
				office.wantCalls(t, 2, calls+1)
			})
		})
	}
}

func TestTokenWithoutALife(t *testing.T) {
	office := newBackOffice()
	office.answers[tokenPath] = func(asked) (string, error) { return `{"access_token":"token1"}`, nil }
	client := atOffice(t, office, wechat.Options{})
	wantGood(t, client)
	wantGood(t, client)
	office.wantCalls(t, 2, 2)
}

func TestAnswersThatAreNoToken(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   wechat.Error
	}{
		"wrong secret":    {errcodeAnswer(40125), wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 40125, Message: "refused", Rid: "61a0b1c2-2d3e4f50"}},
		"day's quota":     {errcodeAnswer(45009), wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 45009, Message: "refused", Rid: "61a0b1c2-2d3e4f50"}},
		"minute's quota":  {errcodeAnswer(45011), wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 45011, Message: "refused", Rid: "61a0b1c2-2d3e4f50"}},
		"not the latest":  {errcodeAnswer(40001), wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 40001, Message: "refused", Rid: "61a0b1c2-2d3e4f50"}},
		"address":         {`{"errcode":40164,"errmsg":"invalid ip 203.0.113.5"}`, wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 40164, Message: "invalid ip 203.0.113.5", Address: "203.0.113.5"}},
		"secret in it":    {`{"errcode":40125,"errmsg":` + quote("bad "+string(testSecret)) + `}`, wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 40125, Message: "bad [secret]"}},
		"our body in it":  {`{"errcode":47001,"errmsg":` + quote("bad "+quote(string(testSecret))) + `}`, wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 47001, Message: `bad "[secret]"`}},
		"empty":           {"", wechat.Error{Problem: wechat.ProblemEmpty}},
		"page":            {"<html>", wechat.Error{Problem: wechat.ProblemNotJSON}},
		"nothing in it":   {"{}", wechat.Error{Problem: wechat.ProblemMissingField, Field: "access_token"}},
		"token empty":     {tokenAnswer("", "7200"), wechat.Error{Problem: wechat.ProblemMissingField, Field: "access_token"}},
		"token a list":    {`{"access_token":["x"],"expires_in":7200}`, wechat.Error{Problem: wechat.ProblemMissingField, Field: "access_token"}},
		"token with line": {tokenAnswer("a\nb", "7200"), wechat.Error{Problem: wechat.ProblemBadField, Field: "access_token"}},
		"token too long":  {tokenAnswer(strings.Repeat("x", 513), "7200"), wechat.Error{Problem: wechat.ProblemBadField, Field: "access_token"}},
	} {
		t.Run(name, func(t *testing.T) {
			office := newBackOffice()
			office.answers[tokenPath] = func(asked) (string, error) { return test.answer, nil }
			err := check(t, atOffice(t, office, wechat.Options{}))
			test.want.API, test.want.Tries = "stable_token", 1
			if diff := cmp.Diff(&test.want, failure(t, err), cmpopts.IgnoreUnexported(wechat.Error{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			office.wantCalls(t, 1, 0)
		})
	}
}

func TestTokenOf512Letters(t *testing.T) {
	long := strings.Repeat("x", 512)
	office := newBackOffice()
	office.answers[tokenPath] = func(asked) (string, error) { return tokenAnswer(long, "7200"), nil }
	wantGood(t, atOffice(t, office, wechat.Options{}))
	if got := office.on(checkPath)[0].token(); got != long {
		t.Errorf("sent %q", got)
	}
}

func TestBusyTokenCallIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.answers[tokenPath] = func(a asked) (string, error) {
			if len(office.on(tokenPath)) < 3 {
				return busy(a.ctx)
			}
			return tokenAnswer("token3", "7200"), nil
		}
		wantGood(t, atOffice(t, office, wechat.Options{}))
		for _, request := range office.on(tokenPath) {
			if !json.Valid([]byte(request.body)) {
				t.Errorf("repeated with the body %q", request.body)
			}
		}
		office.wantCalls(t, 3, 1)
	})
}

func TestCallerWhoGivesUpLeavesOthersTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.answers[tokenPath] = func(a asked) (string, error) {
			return after(2*time.Second, answers(tokenAnswer("token1", "7200")))(a.ctx)
		}
		client := atOffice(t, office, wechat.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		impatient, late := make(chan error), make(chan error)
		go func() { impatient <- client.CheckSession(ctx, "o1", testKey()) }()
		synctest.Wait()
		go func() {
			hurry, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			late <- client.CheckSession(hurry, "o1", testKey())
		}()
		cancel()
		for outcome, want := range map[chan error]wechat.Problem{impatient: wechat.ProblemCancelled, late: wechat.ProblemTimeout} {
			if failed := failure(t, <-outcome); failed.API != "stable_token" || failed.Problem != want || failed.Tries != 0 {
				t.Errorf("%v, want %s", failed, want)
			}
		}
		wantGood(t, client)
		office.wantCalls(t, 1, 1)
	})
}

// sharedStore is where two processes share a token.
type sharedStore struct {
	mutex sync.Mutex
	token wechat.AccessToken
}

func (s *sharedStore) functions() wechat.AccessTokenStore {
	return wechat.AccessTokenStore{
		Load: func(context.Context) (wechat.AccessToken, error) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			return s.token, nil
		},
		Save: func(_ context.Context, token wechat.AccessToken) error {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.token = token
			return nil
		},
	}
}

func TestTwoProcessesShareAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office, store := newBackOffice(), &sharedStore{}
		one := atOffice(t, office, wechat.Options{AccessTokens: store.functions()})
		two := atOffice(t, office, wechat.Options{AccessTokens: store.functions()})
		wantGood(t, one)
		wantGood(t, two)
		office.wantCalls(t, 1, 2)
		office.refuse("token1", 40001)
		wantGood(t, one) // stores the second
		office.wantCalls(t, 2, 4)
		wantGood(t, two) // finds it
		office.wantCalls(t, 2, 6)
		time.Sleep(6900 * time.Second)
		wantGood(t, two)
		wantGood(t, one)
		office.wantCalls(t, 3, 8)
	})
}

func TestStoreThatFails(t *testing.T) {
	broken := errors.New("disk full")
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, test := range map[string]struct {
		fail  func(context.Context) error
		delay time.Duration
	}{
		"at once": {func(context.Context) error { return broken }, 0},
		"slowly":  {hang, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				office := newBackOffice()
				office.answers[tokenPath] = func(asked) (string, error) { return tokenAnswer(string(testAccessToken), "7200"), nil }
				client := atOffice(t, office, wechat.Options{
					Log: slog.New(slog.NewJSONHandler(&log, nil)),
					AccessTokens: wechat.AccessTokenStore{
						Load: func(ctx context.Context) (wechat.AccessToken, error) { return wechat.AccessToken{}, test.fail(ctx) },
						Save: func(ctx context.Context, token wechat.AccessToken) error { return test.fail(ctx) },
					},
				})
				start := time.Now()
				wantGood(t, client)
				wantGood(t, client)
				if took := time.Since(start); took != test.delay {
					t.Errorf("took %v", took)
				}
				office.wantCalls(t, 1, 2)
				if lines := strings.Count(log.String(), "\n"); lines != 2 {
					t.Errorf("%d lines in the log:\n%s", lines, log.String())
				}
				wantNoSecret(t, log.String())
			})
		})
	}
}

func TestTokenIsNotShown(t *testing.T) {
	office := newBackOffice()
	office.answers[tokenPath] = func(asked) (string, error) { return tokenAnswer(string(testAccessToken), "7200"), nil }
	store := &sharedStore{}
	client := atOffice(t, office, wechat.Options{AccessTokens: store.functions()})
	wantGood(t, client)
	wantNoSecret(t, fmt.Sprintf("%v %+v %#v %v %+v %#v", client, client, client, store.token, store.token, store.token))
}
