package wechat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxkeeper/app/wechat"
)

func TestHealthCountsCallsByMinute(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		for range 98 {
			n.then(after(30*time.Millisecond, good))
			attempt(t, client)
		}
		n.then(after(900*time.Millisecond, used))
		attempt(t, client)
		n.then(after(100*time.Millisecond, cutOff))
		attempt(t, client)
		health := client.Health(time.Now())
		if len(health.Minutes) != 60 || health.Breaker != wechat.BreakerClosed || health.LastRefusal != nil {
			t.Fatalf("%d minutes, %s, %v", len(health.Minutes), health.Breaker, health.LastRefusal)
		}
		got, want := health.Summary(60), wechat.HealthSummary{
			Calls: 100, Failed: 1, P50: 30 * time.Millisecond, P95: 30 * time.Millisecond, Max: 900 * time.Millisecond,
			Mean: (98*30*time.Millisecond + 900*time.Millisecond) / 99,
		}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if failed := health.LastFailure; failed == nil || failed.Problem != wechat.ProblemReset ||
			failed.API != "jscode2session" || !failed.At.Equal(time.Now()) {
			t.Errorf("last failure: %+v", failed)
		}
		time.Sleep(59 * time.Minute)
		if got := client.Health(time.Now()); got.Minutes[0].Calls == 0 || got.Summary(59).Calls != 0 {
			t.Errorf("59 minutes later: %+v", got.Minutes[0])
		}
		time.Sleep(time.Minute)
		if got := client.Health(time.Now()); got.Summary(60).Calls != 0 {
			t.Errorf("an hour later: %+v", got.Summary(60))
		}
		n.then(good)
		attempt(t, client)
		if got := client.Health(time.Now()).Summary(1); got.Calls != 1 || got.Failed != 0 {
			t.Errorf("after an hour the minute's place holds %+v", got)
		}
	})
}

func TestHealthTellsFailuresFromRefusals(t *testing.T) {
	const notAllowed = `{"errcode":40164,"errmsg":"invalid ip 203.0.113.5, not in whitelist rid: 1-2-3"}`
	for name, test := range map[string]struct {
		step             step
		failed           int
		failure, refusal int // errcodes; -2: none
	}{
		"login":       {good, 0, -2, -2},
		"code used":   {used, 0, -2, -2},
		"busy":        {busy, 3, -1, -2},
		"minute full": {limited, 0, -2, 45011},
		"not allowed": {answers(notAllowed), 0, -2, 40164},
		"a page":      {answers("<html>"), 1, 0, -2},
		"no answer":   {hangs, 1, 0, -2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
				n.then(test.step)
				attempt(t, client)
				health := client.Health(time.Now())
				if got := health.Summary(60).Failed; got != test.failed {
					t.Errorf("%d failed", got)
				}
				if got := errcodeOf(health.LastFailure); got != test.failure {
					t.Errorf("last failure: %d", got)
				}
				if got := errcodeOf(health.LastRefusal); got != test.refusal {
					t.Errorf("last refusal: %d", got)
				}
				if test.refusal == 40164 && health.LastRefusal.Address != "203.0.113.5" {
					t.Errorf("our address: %q", health.LastRefusal.Address)
				}
			})
		})
	}
}

func errcodeOf(failure *wechat.HealthFailure) int {
	if failure == nil {
		return -2
	}
	return failure.Errcode
}

func TestHealthTellsWhetherCallsAreMade(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		n.then(cutOff)
		for range 12 {
			attempt(t, client)
		}
		health := client.Health(time.Now())
		if got := health.Summary(60); got.Calls != 10 || got.Failed != 10 || got.P95 != 0 || health.Breaker != wechat.BreakerOpen {
			t.Errorf("%+v, breaker %s", got, health.Breaker)
		}
		time.Sleep(untilProbe)
		if got := client.Health(time.Now()).Breaker; got != wechat.BreakerProbing {
			t.Errorf("breaker %s", got)
		}
	})
}

func TestHealthKnowsTheAccessToken(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		if got := client.Health(time.Now()).AccessTokenUntil; !got.IsZero() {
			t.Errorf("until %v before it was needed", got)
		}
		n.then(answers(fmt.Sprintf(`{"access_token":%q,"expires_in":7200}`, testAccessToken.Reveal())), answers(`{"errcode":0}`))
		began := time.Now()
		if err := client.CheckSession(t.Context(), "o1", testKey()); err != nil {
			t.Fatal(err)
		}
		health := client.Health(time.Now())
		if got := health.AccessTokenUntil.Sub(began); got != 115*time.Minute {
			t.Errorf("it lives %v", got)
		}
		if text := fmt.Sprintf("%+v %#v", health, health); strings.Contains(text, testAccessToken.Reveal()) {
			t.Errorf("the token stands in %s", text)
		}
	})
}

// TestPercentiles wants a latency that is not below the truth, and above it by no more than a step.
func TestPercentiles(t *testing.T) {
	inBubble(t, wechat.Options{}, func(t *testing.T, client *wechat.Client, n *network) {
		for i := range 100 {
			n.then(after(time.Duration(i+1)*time.Millisecond, good))
			attempt(t, client)
		}
		got := client.Health(time.Now()).Summary(60)
		if got.P50 != 50*time.Millisecond || got.P95 != 100*time.Millisecond || got.Max != 100*time.Millisecond {
			t.Errorf("%+v", got)
		}
	})
}
