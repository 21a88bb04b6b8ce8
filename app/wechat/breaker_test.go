package wechat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app/wechat"
)

// In a bubble, sleeping is how time is made to pass.
const untilProbe = 2*time.Second + 1

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
		time.Sleep(untilProbe)
		if probe, next := attempt(t, client), attempt(t, client); probe != wechat.ProblemReset || next != wechat.ProblemBreakerOpen {
			t.Errorf("a bad probe: %s, then %s", probe, next)
		}
		time.Sleep(untilProbe)
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
		time.Sleep(untilProbe)
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
	for name, other := range map[string]step{
		"busy": busy, "quota": limited, "used": used, "empty": answers(""), "page": answers("<html>"),
		"refused": refusedDial, "no such host": noSuchHost, "no route": noRoute, "no handshake": noHandshake,
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
}

// What keeps nobody waiting says nothing about WeChat: it neither opens the breaker, nor closes it, nor lets others forget what was.
func TestBreakerIgnoresWhatComesAboutAtOnce(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		for range 9 {
			n.then(hangs)
			attempt(t, client)
			n.then(refusedDial)
			attempt(t, client)
		}
		n.then(slowLookup)
		attempt(t, client)
		if next := attempt(t, client); next != wechat.ProblemBreakerOpen {
			t.Errorf("after the tenth that took its time: %q", next)
		}
		time.Sleep(untilProbe)
		n.then(refusedDial)
		attempt(t, client)
		n.then(hangs)
		if probe, next := attempt(t, client), attempt(t, client); probe != wechat.ProblemTimeout || next != wechat.ProblemBreakerOpen {
			t.Errorf("a probe that was refused, then %s, then %s", probe, next)
		}
	})
}

// giveUp is a login whose caller is gone before the answer.
func giveUp(t *testing.T, client *wechat.Client, n *network) {
	t.Helper()
	n.then(hangs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Code2Session(ctx, "c1")
	if failed := failure(t, err); failed.Problem != wechat.ProblemCancelled {
		t.Fatal(failed)
	}
	n.then(cutOff)
}

// Callers who give up say nothing about WeChat: neither that it is gone, nor that it is back.
func TestBreakerIgnoresCallersWhoGiveUp(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		for range 30 {
			giveUp(t, client, n)
		}
		for range 9 {
			attempt(t, client)
		}
		giveUp(t, client, n)
		if last, next := attempt(t, client), attempt(t, client); last != wechat.ProblemReset || next != wechat.ProblemBreakerOpen {
			t.Errorf("the tenth failure: %s, then %s", last, next)
		}
		time.Sleep(untilProbe)
		giveUp(t, client, n)
		if probe, next := attempt(t, client), attempt(t, client); probe != wechat.ProblemReset || next != wechat.ProblemBreakerOpen {
			t.Errorf("after a probe nobody waited for: %s, then %s", probe, next)
		}
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
