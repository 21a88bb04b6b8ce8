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

func TestBreaker(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		n.then(hangs)
		for range 10 {
			if got := attempt(t, client); got != wechat.ProblemTimeout {
				t.Fatal(got)
			}
		}
		n.then(cutOff)
		_, err := client.Code2Session(t.Context(), "c1")
		if failed := failure(t, err); failed.Problem != wechat.ProblemBreakerOpen || failed.Tries != 0 || len(n.calls) != 0 {
			t.Fatalf("after 10 timeouts: %v, %d calls", failed, len(n.calls))
		}
		time.Sleep(2*time.Second + 1)
		if probe, next := attempt(t, client), attempt(t, client); probe != wechat.ProblemReset || next != wechat.ProblemBreakerOpen {
			t.Errorf("a bad probe: %s, then %s", probe, next)
		}
		time.Sleep(2*time.Second + 1)
		n.then(good)
		if probe, next := attempt(t, client), attempt(t, client); probe != "" || next != "" || len(n.calls) != 2 {
			t.Errorf("a good probe: %q, then %q, %d calls", probe, next, len(n.calls))
		}
	})
}

func TestOnlyOneProbeAtATime(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		n.then(cutOff)
		for range 10 {
			attempt(t, client)
		}
		time.Sleep(2*time.Second + 1)
		n.then(after(time.Second, good))
		probe := make(chan error)
		go func() {
			_, err := client.Code2Session(t.Context(), "c1")
			probe <- err
		}()
		synctest.Wait()
		if got := attempt(t, client); got != wechat.ProblemBreakerOpen {
			t.Errorf("beside the probe: %q", got)
		}
		if err := <-probe; err != nil || len(n.calls) != 1 {
			t.Errorf("probe: %v, %d calls", err, len(n.calls))
		}
	})
}

func TestWhatTheBreakerDoesNotMind(t *testing.T) {
	cancelled := step(func(context.Context) (string, error) { return "", context.Canceled })
	for name, other := range map[string]step{
		"busy": busy, "quota": limited, "used": used, "empty": answers(""), "page": answers("<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
				n.then(other)
				for range 30 {
					if got := attempt(t, client); got == wechat.ProblemBreakerOpen {
						t.Fatal("the breaker opened")
					}
				}
			})
		})
	}
	t.Run("9 failures, then an answer", func(t *testing.T) {
		inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
			for range 5 {
				n.then(cutOff)
				for range 9 {
					attempt(t, client)
				}
				n.then(used)
				if got := attempt(t, client); got != wechat.ProblemErrcode {
					t.Fatal(got)
				}
			}
		})
	})
	t.Run("callers who give up", func(t *testing.T) {
		inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
			n.then(cancelled, cutOff)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			for range 30 {
				_, err := client.Code2Session(ctx, "c1")
				if failed := failure(t, err); !errors.Is(failed, context.Canceled) && failed.Problem != wechat.ProblemCancelled {
					t.Fatal(failed)
				}
			}
		})
	})
}

func TestWaitingLoginsAreBounded(t *testing.T) {
	for _, test := range []struct{ option, bound int }{{2, 2}, {0, 1024}} {
		inBubble(t, wechat.Options{MaxWaiting: test.option}, func(t *testing.T, client *wechat.Client, n *network) {
			n.then(after(time.Second, good))
			outcomes := make(chan error, test.bound)
			for range test.bound {
				go func() {
					_, err := client.Code2Session(t.Context(), "c1")
					outcomes <- err
				}()
			}
			synctest.Wait()
			start := time.Now()
			_, err := client.Code2Session(t.Context(), "one too many")
			if failed := failure(t, err); failed.Problem != wechat.ProblemWaitingFull || failed.Tries != 0 || !time.Now().Equal(start) {
				t.Errorf("%v after %v", failed, time.Since(start))
			}
			for range test.bound {
				if err := <-outcomes; err != nil {
					t.Fatal(err)
				}
			}
			if got := attempt(t, client); got != "" {
				t.Errorf("room again, but %s", got)
			}
		})
	}
}
