package operator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"wxkeeper/app"
)

// One-time codes as every authenticator makes them (RFC 6238): SHA-1, 6 digits, a new one every 30 seconds.
const (
	totpPeriod = 30 // seconds
	totpSkew   = 1  // steps by which the clocks may differ, either way
)

// totpStep is the number of the step that a time is in.
func totpStep(at time.Time) int64 { return at.Unix() / totpPeriod }

// stepOf finds the step whose code this is, the latest one around a time. Each step costs the same.
func stepOf(seed app.Secret, code string, at time.Time) (step int64, fits bool) {
	now := totpStep(at)
	for one := now - totpSkew; one <= now+totpSkew; one++ {
		valid, err := hotp.ValidateCustom(code, uint64(one), seed.Reveal(), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && valid {
			step, fits = one, true
		}
	}
	return step, fits
}

// newSeed draws what one-time codes are made from: 160 bits, as base32 without padding, as authenticators take it.
func newSeed() app.Secret {
	var bytes [20]byte
	rand.Read(bytes[:]) // never fails since Go 1.24: it ends the program instead
	return app.Secret(base32Text.EncodeToString(bytes[:]))
}

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// otpauth is the address that an authenticator reads from a QR code.
func otpauth(issuer, name string, seed app.Secret) (app.Secret, error) {
	bytes, err := base32Text.DecodeString(seed.Reveal())
	if err != nil {
		return "", fmt.Errorf("seed of one-time codes: %w", err)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: name, Secret: bytes, Period: totpPeriod})
	if err != nil {
		return "", fmt.Errorf("address for authenticators: %w", err)
	}
	return app.Secret(key.URL()), nil
}

const (
	recoveryCodes = 10
	recoveryBytes = 10 // 80 bits: its plain hash is as good as a salted one
)

// newRecoveryCode draws a code to write down: four groups of four letters and digits.
func newRecoveryCode() app.Secret {
	var bytes [recoveryBytes]byte
	rand.Read(bytes[:]) // never fails since Go 1.24: it ends the program instead
	text := strings.ToLower(base32Text.EncodeToString(bytes[:]))
	return app.Secret(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
}

// recoveryHash is the only form of a recovery code that is stored.
func recoveryHash(of app.OperatorID, plain string) []byte {
	hash := sha256.Sum256(fmt.Appendf(nil, "recovery code\x00%d\x00%s", of, plain))
	return hash[:]
}

// plainCode is a code without what people put in between.
func plainCode(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return unicode.ToLower(r)
	}, code)
}

// isRecovery tells a recovery code from a one-time code by its length.
func isRecovery(plain string) bool { return len(plain) == recoveryBytes*8/5 }
