package app

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong in terms a caller can act on. The HTTP status and the code of the wire contract hang on it,
// in one table of package web.
type Kind uint8

// The kinds of failure. Internal is what any unclassified error counts as.
const (
	Internal Kind = iota
	MissingParameter
	InvalidToken
	SealedDataUnopened
	InvalidCode
	Malformed
	TooManyRequests
	WeChatUnavailable
	BlockedByWeChat
	UserDisabled
	Misconfigured
	BodyTooLarge
	StorageUnavailable
	UnknownPath
	MethodNotAllowed
	UnsupportedContentType
	NotFound
	AlreadyExists
	Forbidden

	kinds // how many there are
)

var kindNames = [kinds]string{
	Internal:               "internal error",
	MissingParameter:       "missing parameter",
	InvalidToken:           "invalid token",
	SealedDataUnopened:     "sealed data cannot be opened",
	InvalidCode:            "invalid login code",
	Malformed:              "malformed input",
	TooManyRequests:        "too many requests",
	WeChatUnavailable:      "WeChat unavailable",
	BlockedByWeChat:        "blocked by WeChat",
	UserDisabled:           "user disabled",
	Misconfigured:          "configuration refused by WeChat",
	BodyTooLarge:           "body too large",
	StorageUnavailable:     "storage unavailable",
	UnknownPath:            "unknown path",
	MethodNotAllowed:       "method not allowed",
	UnsupportedContentType: "unsupported content type",
	NotFound:               "not found",
	AlreadyExists:          "already exists",
	Forbidden:              "forbidden",
}

// String names the kind for logs.
func (k Kind) String() string {
	if k >= kinds {
		return kindNames[Internal]
	}
	return kindNames[k]
}

// Kinds lists every kind, for tables that must be complete.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// Error is a failure with a Kind for machines, the event's Reason for operators and a cause for the log. Neither Reason nor
// cause ever reaches a client.
type Error struct {
	Kind       Kind
	Reason     Reason
	Field      string        // the parameter at fault, for MissingParameter and Malformed
	RetryAfter time.Duration // how long to wait, for TooManyRequests and where another kind is a limit's
	Cause      error
}

// Fail makes an Error of a kind, with the reason its event carries ("" where there is none).
func Fail(kind Kind, reason Reason) *Error { return &Error{Kind: kind, Reason: reason} }

// FailField makes an Error about one parameter.
func FailField(kind Kind, reason Reason, field string) *Error {
	return &Error{Kind: kind, Reason: reason, Field: field}
}

// Because attaches the cause and returns the same error.
func (e *Error) Because(cause error) *Error {
	e.Cause = cause
	return e
}

// After says how long the caller should wait and returns the same error.
func (e *Error) After(wait time.Duration) *Error {
	e.RetryAfter = wait
	return e
}

// Error describes the failure for the log.
func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Reason != "" {
		text += " (" + string(e.Reason) + ")"
	}
	if e.Field != "" {
		text += ": " + e.Field
	}
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v", text, e.Cause)
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf gives the kind of the first Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Kind
	}
	return Internal
}

// ReasonOf gives the reason of the first Error in err's chain, "" when there is none.
func ReasonOf(err error) Reason {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Reason
	}
	return ""
}
