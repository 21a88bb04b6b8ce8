package parameters

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// trusted are the proxies of the tests: all that are in one network.
func trusted(address netip.Addr) bool { return netip.MustParsePrefix("10.0.0.0/8").Contains(address) }

var (
	proxy    = netip.MustParseAddr("10.0.0.1")
	stranger = netip.MustParseAddr("203.0.113.9")
)

func TestClient(t *testing.T) {
	for claims, want := range map[string]string{
		"":                                  "10.0.0.1",
		"198.51.100.1":                      "198.51.100.1",
		"1.1.1.1, 198.51.100.1, 10.0.0.2":   "198.51.100.1",
		"1.1.1.1, unknown, 10.0.0.2":        "10.0.0.2",
		"[2001:db8::1]:443":                 "2001:db8::1",
		"::ffff:198.51.100.1,10.0.0.2:8080": "198.51.100.1",
		"fe80::1%</td>\n":                   "fe80::1",
	} {
		if got := Client(proxy, []string{claims}, trusted); got.String() != want {
			t.Errorf("%q: %s, want %s", claims, got, want)
		}
	}
}

// FuzzClient: whatever stands in X-Forwarded-For, nobody is believed but proxies.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{
		"", "198.51.100.1", "1.1.1.1, unknown,,10.0.0.2", "[fe80::1%eth0]:80,10.0.0.2:1", "::ffff:10.0.0.1", "010.0.0.1", "10.0.0.1, 10.0.0.2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		if got := Client(stranger, []string{claims}, trusted); got != stranger {
			t.Errorf("a stranger is %s by %q", got, claims)
		}
		lines := strings.Split(claims, ",")
		got := Client(proxy, []string{claims}, trusted)
		if in := Client(proxy, lines, trusted); in != got {
			t.Errorf("%q in one line: %s, in many: %s", claims, got, in)
		}
		if before := Client(proxy, []string{"192.0.2.1", claims}, trusted); !trusted(got) && before != got {
			t.Errorf("what a client wrote before %q makes it %s instead of %s", claims, before, got)
		}
		written := got == proxy || slices.ContainsFunc(lines, func(line string) bool {
			hop, err := parseHop(strings.TrimSpace(line))
			return err == nil && hop.Unmap().WithZone("") == got
		})
		if !written || got.Zone() != "" {
			t.Errorf("%s does not stand in %q", got, claims)
		}
	})
}
