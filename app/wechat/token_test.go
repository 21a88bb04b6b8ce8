package wechat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxkeeper/app/wechat"
)

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
					time.Sleep(time.Until(store.token.ExpiresAt) - time.Nanosecond)
					wantGood(t, client)
					office.wantCalls(t, 1, 2)
					time.Sleep(time.Nanosecond)
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

// A caller may find no token, and come to ask for one when the flight of others has just landed.
func TestFlightThatComesLate(t *testing.T) {
	office := newBackOffice()
	client := atOffice(t, office, wechat.Options{})
	wantGood(t, client)
	client.RenewToken(t.Context())
	office.wantCalls(t, 1, 1)
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
