package wechat_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// The signature of a GET under signedKey, from the vectors: lower-case hex.
const (
	testSignature = app.Secret("46e043c5525c2d817c44be603d30837a808a1d930d038f6fdc3e62a201fed128")
	signedKeyText = "o0q0otL8aEzpcZL/FT9WsQ=="
)

func signedKey() app.SessionKey { return app.SessionKey{Secret: signedKeyText} }

func TestSignedCallsOnTheWire(t *testing.T) {
	var requests []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r)
		switch r.URL.Path {
		case tokenPath:
			text(tokenAnswer(string(testAccessToken), "7200"))(w, r)
		case checkPath:
			text(keyIsGood)(w, r)
		case resetPath:
			text(`{"errcode":0,"errmsg":"ok","openid":"o&1","session_key":"tiihtNczf5v6AKRyjwEUhQ=="}`)(w, r)
		}
	}))
	defer server.Close()
	client := newClient(t, wechat.Options{BaseURL: server.URL})
	if err := client.CheckSession(t.Context(), "o&1", signedKey()); err != nil {
		t.Fatal(err)
	}
	key, askedAt, err := client.ResetUserSessionKey(t.Context(), "o&1", signedKey())
	if err != nil || key != testKey() || time.Since(askedAt) > time.Minute || len(requests) != 3 {
		t.Fatalf("another key than WeChat gave, at %v after %d calls: %v", askedAt, len(requests), err)
	}
	want := url.Values{"access_token": {string(testAccessToken)}, "openid": {"o&1"},
		"signature": {string(testSignature)}, "sig_method": {"hmac_sha256"}}
	for _, request := range requests[1:] {
		if diff := cmp.Diff(want, request.URL.Query()); diff != "" || request.Method != "GET" || request.ContentLength != 0 {
			t.Errorf("%s %s: query (-want +got):\n%s", request.Method, request.URL.Path, diff)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		answer step
		class  wechat.Class
	}{
		"stale":            {answers(errcodeAnswer(87009)), wechat.ClassKeyDead},
		"none at WeChat":   {answers(errcodeAnswer(87007)), wechat.ClassKeyDead},
		"another method":   {answers(errcodeAnswer(87008)), wechat.ClassOdd},
		"another app's":    {answers(errcodeAnswer(40003)), wechat.ClassOdd},
		"minute's quota":   {limited, wechat.ClassLimited},
		"day's quota":      {answers(errcodeAnswer(45009)), wechat.ClassQuota},
		"address":          {answers(errcodeAnswer(40164)), wechat.ClassConfiguration},
		"busy for good":    {busy, wechat.ClassBusy},
		"cut off":          {cutOff, wechat.ClassUnreachable},
		"no connection":    {refusedDial, wechat.ClassUnreachable},
		"no answer":        {hangs, wechat.ClassTimeout},
		"empty":            {answers(""), wechat.ClassOdd},
		"without verdict":  {answers("{}"), wechat.ClassOdd},
		"of a strange hub": {answers(`{"status":"ok"}`), wechat.ClassOdd},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				office := newBackOffice()
				answer := func(a asked) (string, error) { return test.answer(a.ctx) }
				office.answers[checkPath], office.answers[resetPath] = answer, answer
				client := atOffice(t, office, wechat.Options{})
				if failed := failure(t, check(t, client)); failed.Class() != test.class || failed.API != "checksession" {
					t.Errorf("%s: %v", failed.Class(), failed)
				}
				key, askedAt, err := client.ResetUserSessionKey(t.Context(), "o1", testKey())
				if failed := failure(t, err); failed.Class() != test.class || failed.API != "resetusersessionkey" {
					t.Errorf("%s: %v", failed.Class(), failed)
				}
				if key != (app.SessionKey{}) || !askedAt.IsZero() {
					t.Errorf("a key of %d letters, asked for at %v", len(key.Secret), askedAt)
				}
			})
		})
	}
}

func TestAnswersThatAreNoNewKey(t *testing.T) {
	for answer, field := range map[string]string{
		strings.Replace(goodAnswer, "oGZUI0", "oOther", 1):  "openid",
		`{"errcode":0,"session_key":"` + testKeyText + `"}`: "openid",
		`{"errcode":0,"openid":"o1"}`:                       "session_key",
		`{"errcode":0,"openid":"o1","session_key":"short"}`: "session_key",
	} {
		office := newBackOffice()
		office.answers[resetPath] = func(asked) (string, error) { return answer, nil }
		_, _, err := atOffice(t, office, wechat.Options{}).ResetUserSessionKey(t.Context(), "o1", testKey())
		if failed := failure(t, err); failed.API != "resetusersessionkey" || failed.Field != field || failed.Tries != 1 {
			t.Errorf("%s: %v", answer, failed)
		}
		if strings.Contains(failure(t, err).Error(), testKeyText) {
			t.Errorf("the new key stands in %v", err)
		}
	}
}

// What orders keys is when the reset itself was asked for, not when the token that it needed was.
func TestResetIsDatedByItsLastCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		var last time.Time
		office.answers[resetPath] = func(a asked) (string, error) {
			last = time.Now()
			if len(office.on(resetPath)) == 1 {
				return after(time.Second, busy)(a.ctx)
			}
			return goodAnswer, nil
		}
		_, askedAt, err := atOffice(t, office, wechat.Options{}).ResetUserSessionKey(t.Context(), "oGZUI0egBJY1zhBYw2KhdUfwVJJE", testKey())
		if err != nil || !askedAt.Equal(last) {
			t.Errorf("asked at %v, dated %v: %v", last, askedAt, err)
		}
	})
}

func TestChecksTakeNoRoomOfLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		slow := func(answer string) func(asked) (string, error) {
			return func(a asked) (string, error) { return after(time.Second, answers(answer))(a.ctx) }
		}
		office.answers[checkPath], office.answers["/sns/jscode2session"] = slow(keyIsGood), slow(goodAnswer)
		client := atOffice(t, office, wechat.Options{MaxWaiting: 1})
		outcomes := make(chan error)
		for range 100 {
			go func() { outcomes <- check(t, client) }()
		}
		go func() {
			_, err := client.Code2Session(t.Context(), "c1")
			outcomes <- err
		}()
		for range 101 {
			if err := <-outcomes; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestBreakerIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.answers[checkPath] = func(a asked) (string, error) { return cutOff(a.ctx) }
		client := atOffice(t, office, wechat.Options{})
		for range 10 {
			check(t, client)
		}
		if got := attempt(t, client); got != wechat.ProblemBreakerOpen {
			t.Errorf("a login after 10 checks that were cut off: %q", got)
		}
		if failed := failure(t, check(t, client)); failed.Problem != wechat.ProblemBreakerOpen {
			t.Error(failed)
		}
	})
}

func TestCheckTakesTwiceTheTimeoutAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.answers[tokenPath] = func(a asked) (string, error) {
			return after(4*time.Second, answers(tokenAnswer("token1", "7200")))(a.ctx)
		}
		office.answers[checkPath] = func(a asked) (string, error) {
			return after(4*time.Second, answers(errcodeAnswer(42001)))(a.ctx)
		}
		start := time.Now()
		err := check(t, atOffice(t, office, wechat.Options{}))
		if failed := failure(t, err); failed.Problem != wechat.ProblemTimeout || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", failed, time.Since(start))
		}
		time.Sleep(5 * time.Second) // until the token that nobody waits for any more is there
	})
}

// Whatever stands between us and WeChat may send back what we sent.
func TestEchoShowsNoTokenAndNoSignature(t *testing.T) {
	sent := "GET /?access_token=" + url.QueryEscape(string(testAccessToken)) + "&token=" + string(testAccessToken) +
		"&signature=" + string(testSignature)
	for name, answer := range map[string]step{
		"errmsg": answers(`{"errcode":40097,"errmsg":` + quote(sent) + `}`),
		"rid":    answers(`{"errcode":40097,"errmsg":"x rid: ` + string(testSignature) + `"}`),
		"cause":  fails(errors.New("malformed HTTP response " + sent)),
		"URL":    fails(&url.Error{Op: "Get", URL: sent, Err: errors.New(sent)}),
	} {
		office := newBackOffice()
		office.answers[tokenPath] = func(asked) (string, error) { return tokenAnswer(string(testAccessToken), "7200"), nil }
		office.answers[checkPath] = func(a asked) (string, error) { return answer(a.ctx) }
		failed := failure(t, atOffice(t, office, wechat.Options{}).CheckSession(t.Context(), "o1", signedKey()))
		t.Log(name, failed)
	}
}

func TestPooledConnectionThatBreaksIsNotPostedAgain(t *testing.T) {
	var cuts, tokens atomic.Int32
	client := standIn(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sns/jscode2session" {
			text(goodAnswer)(w, r)
		} else {
			tokens.Add(1)
			hangUp("", &cuts)(w, r)
		}
	})
	if _, err := client.Code2Session(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	if failed := failure(t, check(t, client)); failed.Problem != wechat.ProblemReset || tokens.Load() != 1 {
		t.Errorf("%v after %d calls", failed, tokens.Load())
	}
}

func FuzzTokenAndCheckAnswers(f *testing.F) {
	f.Add(tokenAnswer("token1", "7200"), keyIsGood)
	f.Add(tokenAnswer("token1", `"-1"`), `{"errcode":"42001"}`)
	f.Add(`{"access_token":1,"expires_in":{}}`, goodAnswer)
	f.Fuzz(func(t *testing.T, token, answer string) {
		office := newBackOffice()
		office.answers[tokenPath] = func(asked) (string, error) { return token, nil }
		office.answers[checkPath] = func(asked) (string, error) { return answer, nil }
		office.answers[resetPath] = office.answers[checkPath]
		client := atOffice(t, office, wechat.Options{Timeout: 50 * time.Millisecond})
		if err := check(t, client); err != nil {
			failure(t, err)
		}
		key, _, err := client.ResetUserSessionKey(context.Background(), "o1", testKey())
		if err != nil {
			failure(t, err)
		} else if _, err := key.Bytes(); err != nil {
			t.Error(err)
		}
	})
}
