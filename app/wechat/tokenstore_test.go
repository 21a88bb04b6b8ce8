package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app/wechat"
)

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
