package web

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"wxkeeper/app"
)

// newLimited builds a Server with a limit and a clock that only moves when told to.
func newLimited(perMinute int) (*Server, *time.Time) {
	now := noon
	s, _ := newServer(func(o *Options) {
		o.APIRate = perMinute
		o.Clock = func() time.Time { return now }
	})
	s.post("/succeeds", func(c echo.Context) error { return reply(c, nothing{}) })
	return s, &now
}

func TestFailuresRunOut(t *testing.T) {
	s, now := newLimited(3)
	bad := request{method: "POST", path: "/session/", from: "203.0.113.9:1"}
	good := request{method: "POST", path: "/succeeds", from: "203.0.113.9:1"}
	for range 10 {
		ask(t, s, good)
	}
	for range 3 {
		wantFailure(t, ask(t, s, bad), app.MissingParameter)
	}
	for _, refused := range []request{bad, good, {method: "POST", path: "/getinfo", kind: "json", body: "x", from: "203.0.113.9:2"}} {
		got := ask(t, s, refused)
		wantFailure(t, got, app.TooManyRequests)
		if wait := got.Header.Get("Retry-After"); wait != "20" {
			t.Errorf("Retry-After: %q", wait)
		}
	}
	for _, open := range []request{
		{method: "GET", path: "/healthz", from: "203.0.113.9:1"},
		{method: "GET", path: "/readyz", from: "203.0.113.9:1"},
		{method: "POST", path: "/succeeds", from: "203.0.113.10:1"},
	} {
		if got := ask(t, s, open); got.HTTP != 200 {
			t.Errorf("%s from %s: %d", open.path, open.from, got.HTTP)
		}
	}
	*now = now.Add(20 * time.Second)
	wantFailure(t, ask(t, s, bad), app.MissingParameter)
	wantFailure(t, ask(t, s, bad), app.TooManyRequests)
	*now = now.Add(time.Hour)
	for range 3 {
		wantFailure(t, ask(t, s, bad), app.MissingParameter)
	}
	wantFailure(t, ask(t, s, bad), app.TooManyRequests)
}

func TestWhichFailuresCount(t *testing.T) {
	for _, kind := range app.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			s, _ := newLimited(1)
			failWith(s, "/fails", app.Fail(kind, ""))
			httpAnswer(s, request{method: "POST", path: "/fails"})
			second := httpAnswer(s, request{method: "POST", path: "/succeeds"})
			counted := second.HTTP == 429
			wantCounted := wireFailures[kind].status < 500 && kind != app.TooManyRequests
			if counted != wantCounted {
				t.Errorf("counted: %v", counted)
			}
		})
	}
}

// A thousand phones behind one carrier's address: what they do well is never limited, nor that their sessions were ended by us.
func TestManyPhonesShareAnAddress(t *testing.T) {
	s, _ := newLimited(3)
	failWith(s, "/forced", app.Fail(app.InvalidToken, app.DeviceForced))
	failWith(s, "/guessed", app.Fail(app.InvalidToken, app.TokenUnknown))
	post := func(path string) int {
		return httpAnswer(s, request{method: "POST", path: path, from: "203.0.113.9:1"}).HTTP
	}
	for range 2 {
		post("/guessed")
	}
	for i := range 1000 {
		if forced, good := post("/forced"), post("/succeeds"); forced != 401 || good != 200 {
			t.Fatalf("phone %d: HTTP %d and %d", i, forced, good)
		}
	}
	post("/guessed")
	if got := post("/succeeds"); got != 429 {
		t.Errorf("after three guesses: HTTP %d", got)
	}
}

func TestAMillionNetworksTakeBoundedMemory(t *testing.T) {
	limit := newFailureLimit(300)
	for i := range 1_000_000 {
		limit.count(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i), 15: byte(i)}).String(), noon)
		limit.count("2001:db8::1", noon) // one network's addresses are one
	}
	if len(limit.places) != addressesKept || limit.recent.Len() != addressesKept {
		t.Errorf("%d and %d networks are kept", len(limit.places), limit.recent.Len())
	}
	if limit.wait("2001:db8::ffff:2", noon) == 0 {
		t.Error("who fails most is forgotten")
	}
}

func TestNoLimit(t *testing.T) {
	s, _ := newLimited(0)
	for range 2000 {
		if got := httpAnswer(s, request{method: "POST", path: "/login/"}); got.HTTP != 400 {
			t.Fatalf("HTTP %d", got.HTTP)
		}
	}
}

func TestStrangersTakeBoundedMemory(t *testing.T) {
	limit := newFailureLimit(1)
	limit.count("203.0.113.9", noon)
	limit.count("203.0.113.10", noon)
	limit.count("203.0.113.9", noon)
	for i := range addressesKept - 1 {
		limit.count(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String(), noon)
	}
	if len(limit.places) != addressesKept || limit.recent.Len() != addressesKept {
		t.Errorf("%d and %d addresses are kept", len(limit.places), limit.recent.Len())
	}
	if limit.wait("203.0.113.10", noon) != 0 {
		t.Error("the address that failed longest ago should be forgotten")
	}
	if limit.wait("203.0.113.9", noon) == 0 {
		t.Error("the address that failed again should still be known")
	}
}

// TestLimitHolds lets one address fail whenever it may: in no stretch of time does it fail more often than the limit says.
func TestLimitHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perMinute := rapid.IntRange(1, 100).Draw(t, "perMinute")
		limit, now, failed := newFailureLimit(perMinute), noon, 0
		for range rapid.IntRange(1, 300).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "milliseconds")) * time.Millisecond)
			wait := limit.wait("203.0.113.9", now)
			if wait == 0 {
				limit.count("203.0.113.9", now)
				failed++
			} else if limit.wait("203.0.113.9", now.Add(wait+time.Microsecond)) != 0 {
				t.Fatalf("still refused after waiting for %v", wait)
			}
		}
		if most := float64(perMinute) * (1 + now.Sub(noon).Minutes()); float64(failed) > most+1e-6 {
			t.Fatalf("%d failures where %.1f are allowed", failed, most)
		}
	})
}

func TestClientAddress(t *testing.T) {
	tests := []struct {
		name, trusted, peer string
		forwarded           []string
		want                string
	}{
		{"nobody in between", "", "203.0.113.9:80", nil, "203.0.113.9"},
		{"a claim from anybody", "", "203.0.113.9:80", []string{"198.51.100.1"}, "203.0.113.9"},
		{"a claim from loopback", "", "127.0.0.1:80", []string{"198.51.100.1"}, "127.0.0.1"},
		{"a claim from a private network", "", "10.0.0.1:80", []string{"198.51.100.1"}, "10.0.0.1"},
		{"one proxy", "10.0.0.0/8", "10.0.0.1:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a claim with a port", "10.0.0.0/8", "10.0.0.1:80", []string{"198.51.100.1:5678"}, "198.51.100.1"},
		{"one proxy and a claim before it", "10.0.0.0/8", "10.0.0.1:80", []string{"192.0.2.66, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies, two headers", "10.0.0.0/8", "10.0.0.1:80", []string{"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"proxies alone", "10.0.0.0/8", "10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"a proxy that tells nothing", "10.0.0.0/8", "10.0.0.1:80", nil, "10.0.0.1"},
		{"an unreadable claim", "10.0.0.0/8", "10.0.0.1:80", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"IPv6", "fd00::/8", "[fd00::1]:80", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv4 written as IPv6", "10.0.0.0/8", "[::ffff:10.0.0.1]:80", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"other proxy than the trusted", "10.0.0.0/8", "192.168.0.1:80", []string{"198.51.100.1"}, "192.168.0.1"},
		{"no address", "10.0.0.0/8", "@", []string{"198.51.100.1"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newServer(func(o *Options) {
				if test.trusted != "" {
					o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(test.trusted)}
				}
			})
			var seen string
			s.post("/tells", func(c echo.Context) error {
				seen = callerOf(c).Client.Address
				return reply(c, nothing{})
			})
			sent := request{method: "POST", path: "/tells", from: test.peer}.build()
			sent.Header["X-Forwarded-For"] = test.forwarded
			sent.Header.Set("X-Real-Ip", "192.0.2.77")
			s.Handler().ServeHTTP(httptest.NewRecorder(), sent)
			if seen != test.want {
				t.Errorf("%q, want %q", seen, test.want)
			}
		})
	}
}

func TestForgottenProxyIsToldOnce(t *testing.T) {
	s, log := newServer()
	for i := range 3 {
		ask(t, s, request{method: "GET", path: "/healthz", header: map[string]string{"X-Forwarded-For": fmt.Sprintf("198.51.100.%d", i)}})
	}
	if text := log.String(); strings.Count(text, "WXKEEPER_TRUSTED_PROXIES") != 1 || strings.Contains(text, "198.51.100.") {
		t.Errorf("log: %s", text)
	}
}
