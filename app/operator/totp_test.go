package operator

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
)

// The published vectors for SHA-1 (RFC 6238, appendix B), whose codes have eight digits: ours are their last six.
func TestOneTimeCodesAreThoseOfTheRFC(t *testing.T) {
	seed := app.Secret(base32.StdEncoding.EncodeToString([]byte("12345678901234567890")))
	for at, code := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037",
		20000000000: "65353130",
	} {
		now := time.Unix(at, 0)
		if step, fits := stepOf(seed, code[2:], now); !fits || step != at/30 {
			t.Errorf("at %d: step %d, %v", at, step, fits)
		}
		if at < 60 {
			continue // there is no time before
		}
		for off, want := range map[time.Duration]bool{
			-60 * time.Second: false, -30 * time.Second: true, 30 * time.Second: true, 60 * time.Second: false,
		} {
			if _, fits := stepOf(seed, code[2:], now.Add(off)); fits != want {
				t.Errorf("at %d, with a clock that is %v off: %v", at, off, fits)
			}
		}
	}
	for _, code := range []string{"", "0", "94287082", "９４２８７０", "28708", "287083", strings.Repeat("2", 1000)} {
		if _, fits := stepOf(seed, code, time.Unix(59, 0)); fits {
			t.Errorf("%q fits", code)
		}
	}
}

func TestWhatPeoplePutIntoCodesDoesNotCount(t *testing.T) {
	for typed, want := range map[string]string{" 287 082\n": "287082", "287-082": "287082", "ABCD-efgh-2345-6777 ": "abcdefgh23456777"} {
		if got := plainCode(typed); got != want {
			t.Errorf("%q is read as %q", typed, got)
		}
	}
	if code := newRecoveryCode(); !isRecovery(plainCode(code.Reveal())) || isRecovery("287082") {
		t.Error("recovery codes are not told from one-time codes")
	}
}
