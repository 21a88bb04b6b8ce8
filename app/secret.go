package app

import (
	"fmt"
	"log/slog"
)

const redacted = "[secret]"

// Secret is text that must never be printed: an app secret, a password, a master key. Every way of formatting it gives a
// placeholder; Reveal gives the text.
type Secret string

// Reveal gives the text itself, for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the text.
func (Secret) String() string { return redacted }

// Format hides the text from every verb of package fmt.
func (Secret) Format(state fmt.State, _ rune) { fmt.Fprint(state, redacted) }

// LogValue hides the text from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the text from JSON and other encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
