package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
)

// MasterKeyBytes is the length of a master key.
const MasterKeyBytes = 32

// MasterKey wraps the data keys that stand in the database. It lives outside the data folder and cannot be printed; the
// zero value stands for no key.
type MasterKey [MasterKeyBytes]byte

// NewMasterKey draws a master key.
func NewMasterKey() MasterKey {
	var key MasterKey
	rand.Read(key[:]) // never fails since Go 1.24: it ends the program instead
	return key
}

// Bytes gives the key itself, for the one call that needs it.
func (k MasterKey) Bytes() [MasterKeyBytes]byte { return k }

// Reveal writes the key as WXKEEPER_MASTER_KEY takes it: what keygen prints.
func (k MasterKey) Reveal() string { return hex.EncodeToString(k[:]) }

// IsZero says whether there is no key.
func (k MasterKey) IsZero() bool { return k == MasterKey{} }

// String hides the key.
func (MasterKey) String() string { return redacted }

// Format hides the key from every verb of package fmt.
func (MasterKey) Format(state fmt.State, _ rune) { fmt.Fprint(state, redacted) }

// LogValue hides the key from slog.
func (MasterKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the key from JSON and other encoders.
func (MasterKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const redacted = "[master key]"

// ParseMasterKey reads a key as keygen prints it. It never repeats the text in its error.
func ParseMasterKey(text string) (MasterKey, error) {
	bytes, err := hex.DecodeString(text)
	if err != nil || len(bytes) != MasterKeyBytes {
		return MasterKey{}, errors.New("is not 64 hex digits")
	}
	key := MasterKey(bytes)
	if key.IsZero() {
		return MasterKey{}, errors.New("is all zeros")
	}
	return key, nil
}
