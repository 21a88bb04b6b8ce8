package wechat_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app/wechat"
)

// network plays WeChat and the way to it inside a synctest bubble: each call takes the next step, the last one for ever.
type network struct {
	mutex sync.Mutex
	steps []step
	calls []time.Time
}

type step func(context.Context) (body string, err error)

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mutex.Lock()
	next := n.steps[0]
	if len(n.steps) > 1 {
		n.steps = n.steps[1:]
	}
	n.calls = append(n.calls, time.Now())
	n.mutex.Unlock()
	body, err := next(r.Context())
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (n *network) then(steps ...step) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.steps, n.calls = steps, nil
}

func answers(body string) step { return func(context.Context) (string, error) { return body, nil } }
func fails(err error) step     { return func(context.Context) (string, error) { return "", err } }

// hangs never answers.
func hangs(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func after(wait time.Duration, next step) step {
	return func(ctx context.Context) (string, error) {
		select {
		case <-time.After(wait):
			return next(ctx)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

var (
	good        = answers(goodAnswer)
	busy        = answers(`{"errcode":-1,"errmsg":"system error"}`)
	used        = answers(`{"errcode":40163,"errmsg":"code been used"}`)
	limited     = answers(`{"errcode":45011,"errmsg":"api minute-quota reach limit"}`)
	refusedDial = fails(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	cutOff      = fails(&net.OpError{Op: "read", Err: syscall.ECONNRESET})
	noSuchHost  = fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}})
	slowLookup  = fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}})
	noRoute     = fails(&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH})
	noHandshake = fails(errors.New("tls: handshake failure"))
)

// inBubble runs a test against a made-up network with time that passes by itself.
func inBubble(t *testing.T, options wechat.Options, test func(t *testing.T, client *wechat.Client, n *network)) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		options.Transport = n
		test(t, newClient(t, options), n)
	})
}

func TestRetries(t *testing.T) {
	for name, test := range map[string]struct {
		steps []step
		calls int
		want  wechat.Class // "": a login
	}{
		"good at once":             {[]step{good}, 1, ""},
		"busy, then good":          {[]step{busy, good}, 2, ""},
		"busy twice, then good":    {[]step{busy, busy, good}, 3, ""},
		"busy for good":            {[]step{busy}, 3, wechat.ClassBusy},
		"no connection, then good": {[]step{refusedDial, good}, 2, ""},
		"no connection at all":     {[]step{refusedDial}, 3, wechat.ClassUnreachable},
		"busy, then no connection": {[]step{busy, refusedDial, good}, 3, ""},
		"cut off":                  {[]step{cutOff, good}, 1, wechat.ClassUnreachable},
		"busy, then cut off":       {[]step{busy, cutOff, good}, 2, wechat.ClassUnreachable},
		"code used":                {[]step{used, good}, 1, wechat.ClassCodeUsed},
		"quota":                    {[]step{limited, good}, 1, wechat.ClassLimited},
		"empty":                    {[]step{answers(""), good}, 1, wechat.ClassOdd},
		"no answer":                {[]step{hangs, good}, 1, wechat.ClassTimeout},
		"busy after 4.9 s":         {[]step{after(4900*time.Millisecond, busy), good}, 1, wechat.ClassBusy},
		"busy, then no answer":     {[]step{busy, hangs, good}, 2, wechat.ClassTimeout},
		"dial that times out, 3 tries": {[]step{after(2*time.Second, fails(&net.OpError{Op: "dial", Err: context.DeadlineExceeded}))},
			3, wechat.ClassTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
				n.then(test.steps...)
				start := time.Now()
				login, err := client.Code2Session(t.Context(), "c1")
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("took %v", took)
				}
				if len(n.calls) != test.calls {
					t.Errorf("%d calls, want %d: %v", len(n.calls), test.calls, err)
				}
				if test.want != "" {
					if failed := failure(t, err); failed.Class() != test.want || failed.Tries != test.calls {
						t.Errorf("%s after %d tries: %v", failed.Class(), failed.Tries, failed)
					}
				} else if err != nil || login.Tries != test.calls || !login.AskedAt.Equal(n.calls[test.calls-1]) {
					t.Errorf("login %+v, calls at %v, %v", login, n.calls, err)
				}
			})
		})
	}
}

func TestPausesGrowAndDiffer(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		seen := map[time.Duration]bool{}
		for range 20 {
			n.then(busy)
			client.Code2Session(t.Context(), "c1")
			first, second := n.calls[1].Sub(n.calls[0]), n.calls[2].Sub(n.calls[1])
			if first < 100*time.Millisecond || first > 300*time.Millisecond || second < 200*time.Millisecond || second > 600*time.Millisecond {
				t.Errorf("pauses of %v and %v", first, second)
			}
			seen[first] = true
		}
		if len(seen) < 10 {
			t.Errorf("20 logins paused for %d different times", len(seen))
		}
	})
}

func TestCallerWhoGivesUpDuringAPauseIsAnswered(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		n.then(busy)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := client.Code2Session(ctx, "c1")
		if failed := failure(t, err); failed.Class() != wechat.ClassBusy || len(n.calls) != 1 {
			t.Errorf("%v after %d calls", failed, len(n.calls))
		}
	})
}

func TestNoPauseThatTheTimeLeftDoesNotCover(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		n.then(after(4900*time.Millisecond, busy))
		start := time.Now()
		_, err := client.Code2Session(t.Context(), "c1")
		if failed := failure(t, err); failed.Class() != wechat.ClassBusy || time.Since(start) != 4900*time.Millisecond {
			t.Errorf("%v after %v", failed, time.Since(start))
		}
	})
}

func TestCallersDeadlineCounts(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		n.then(hangs)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := client.Code2Session(ctx, "c1")
		if failed := failure(t, err); failed.Problem != wechat.ProblemTimeout || time.Since(start) != time.Second {
			t.Errorf("%v after %v", failed, time.Since(start))
		}
	})
}

// attempt logs in once and gives the class of failure, "" for a login.
func attempt(t *testing.T, client *wechat.Client) wechat.Problem {
	t.Helper()
	_, err := client.Code2Session(t.Context(), "c1")
	if err == nil {
		return ""
	}
	return failure(t, err).Problem
}
