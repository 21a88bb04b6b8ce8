package app

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"
)

// SessionKey is WeChat's session_key for one user of one mini program, as the base64 text received: WeChat's signatures are
// keyed with that text, its AES with the 16 bytes it stands for. Like any Secret it cannot be printed.
type SessionKey struct{ Secret }

// SessionKeyBytes is how many bytes a session key stands for.
const SessionKeyBytes = 16

// NewSessionKey checks that text is the base64 of exactly 16 bytes.
func NewSessionKey(text string) (SessionKey, error) {
	key := SessionKey{Secret(text)}
	if _, err := key.Bytes(); err != nil {
		return SessionKey{}, err
	}
	return key, nil
}

// Bytes gives the 16 bytes of the AES key.
func (k SessionKey) Bytes() ([]byte, error) {
	text := k.Reveal()
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(bytes) != SessionKeyBytes || len(text) != base64.StdEncoding.EncodedLen(SessionKeyBytes) {
		return nil, errors.New("session key is not base64 of 16 bytes")
	}
	return bytes, nil
}

// Fingerprint tells session keys apart without showing them: a keyed hash of the text, 8 bytes.
type Fingerprint [8]byte

// String is the form people compare: 8 hex digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:4]) }

// Confirmation says by what a session key was last known to be good.
type Confirmation string

// The ways a session key is confirmed.
const (
	ConfirmedByOpening   Confirmation = "opening"   // it opened sealed data
	ConfirmedBySignature Confirmation = "signature" // it signed rawData
	ConfirmedByLogin     Confirmation = "login"     // code2Session gave it again
	ConfirmedByWeChat    Confirmation = "wechat"    // checksession said so
)

// KeyRecord is what we know about one session key of one user: dated facts, from which its freshness follows. A zero time
// means: not so far.
type KeyRecord struct {
	ID           KeyID
	UserID       UserID
	Fingerprint  Fingerprint
	AskedAt      time.Time // when WeChat was asked: orders the keys of a user
	SupersededAt time.Time
	ConfirmedAt  time.Time
	ConfirmedBy  Confirmation
	FailedAt     time.Time // first failure to open since the last confirmation
	DeadAt       time.Time
	DeadErrcode  int
	ResetAt      time.Time // when we had WeChat make it in the place of the one before
	TriedAt      time.Time // when WeChat was last asked about it and gave no verdict
	Sealed       []byte    // the key itself, encrypted; empty once it may not be used any more
}

// ObtainedAt is when the key was stored.
func (k KeyRecord) ObtainedAt() time.Time { return ID(k.ID).Time() }

// Current says whether no newer key is known.
func (k KeyRecord) Current() bool { return k.SupersededAt.IsZero() }

// KeysKept is how many keys of a user may still open sealed data: the current one and the two before it.
const KeysKept = 3

// UsableKeys picks from a user's keys, newest first, those that may open sealed data now: the current one and, of the two
// before it, those superseded no longer than grace ago.
func UsableKeys(newestFirst []KeyRecord, now time.Time, grace time.Duration) []KeyRecord {
	var usable []KeyRecord
	for i, key := range newestFirst {
		if i == KeysKept {
			break
		}
		if len(key.Sealed) > 0 && (key.Current() || now.Sub(key.SupersededAt) <= grace) {
			usable = append(usable, key)
		}
	}
	return usable
}

// Confirm notes that the key was good at a time. It tells whether that is worth storing: times are coarse, but the end of a
// suspicion or of a death always counts.
func (k *KeyRecord) Confirm(at time.Time, by Confirmation) bool {
	// Watermarks are whole seconds: within the same second a success counts as later than a failure.
	endsSuspicion := !k.FailedAt.IsZero() && !at.Before(k.FailedAt.Truncate(time.Second))
	revives := !k.DeadAt.IsZero() && at.After(k.DeadAt)
	if !endsSuspicion && !revives && at.Sub(k.ConfirmedAt) < Coarse {
		return false
	}
	k.ConfirmedAt, k.ConfirmedBy = at, by
	if endsSuspicion {
		k.FailedAt = time.Time{}
	}
	if revives {
		k.DeadAt, k.DeadErrcode = time.Time{}, 0
	}
	return true
}

// Fail notes a failure to open. It tells whether that is worth storing: only the first since the last confirmation is.
func (k *KeyRecord) Fail(at time.Time) bool {
	if !k.FailedAt.IsZero() {
		return false
	}
	k.FailedAt = at
	return true
}

// Arrival says what became of a key that WeChat gave.
type Arrival uint8

// What can become of an arriving key.
const (
	KeyIsNew     Arrival = iota // it is the current key now
	KeyIsCurrent                // it was the current key already
	KeyIsLate                   // a newer key is known: this one was asked for earlier
)

// latestAnswer is more than any answer of WeChat is waited for. What seems to be later was asked for after the clock was set back.
const latestAnswer = 2 * time.Minute

// Arrive tells what becomes of a key, given the keys known, newest first. Later answers never overwrite newer keys: what
// counts is when WeChat was asked.
func Arrive(arriving KeyRecord, newestFirst []KeyRecord) Arrival {
	if len(newestFirst) == 0 || !newestFirst[0].Current() {
		return KeyIsNew
	}
	current := newestFirst[0]
	late := current.AskedAt.Sub(arriving.AskedAt)
	switch {
	case arriving.Fingerprint == current.Fingerprint:
		return KeyIsCurrent
	case late > 0 && late < latestAnswer:
		return KeyIsLate
	default:
		return KeyIsNew
	}
}
