package app_test

import (
	"testing"

	"wxkeeper/app"
)

func TestNetwork(t *testing.T) {
	tests := []struct{ address, want string }{
		{"203.0.113.9", "203.0.113.9/32"},
		{"::ffff:203.0.113.9", "203.0.113.9/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"", "invalid Prefix"},
		{"@", "invalid Prefix"},
	}
	for _, test := range tests {
		if got := app.Network(test.address).String(); got != test.want {
			t.Errorf("%q: %s, want %s", test.address, got, test.want)
		}
	}
}
