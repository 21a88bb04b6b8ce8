package wechat

import (
	"fmt"
	"strings"
)

// Problem is what kept a call from bringing a usable answer. Its text is a stable id for events and counters.
type Problem string

// The problems of a call.
const (
	ProblemErrcode      Problem = "errcode"       // WeChat answered an errcode other than 0
	ProblemTimeout      Problem = "timeout"       // no answer within the client's or the caller's time
	ProblemCancelled    Problem = "cancelled"     // the caller gave up
	ProblemDNS          Problem = "dns"           // the host's address was not found
	ProblemRefused      Problem = "refused"       // nobody listens at the address
	ProblemTLS          Problem = "tls"           // no handshake, or a certificate nobody trusts
	ProblemReset        Problem = "reset"         // the connection broke off before the answer was complete
	ProblemUnreachable  Problem = "unreachable"   // any other failure to connect
	ProblemStatus       Problem = "http_status"   // an HTTP status other than 200, see Error.Status
	ProblemRedirect     Problem = "redirect"      // a redirect, which is never followed
	ProblemNotHTTP      Problem = "not_http"      // what came back is not HTTP
	ProblemEmpty        Problem = "empty"         // an empty body
	ProblemTooLarge     Problem = "too_large"     // a body of more than 64 KiB
	ProblemNotJSON      Problem = "not_json"      // a body that is not a JSON object
	ProblemMissingField Problem = "missing_field" // a field that must be there is not, see Error.Field
	ProblemBadField     Problem = "bad_field"     // a field has a value that cannot be used, see Error.Field
	ProblemWaitingFull  Problem = "waiting_full"  // too many logins wait for WeChat already; nothing was sent
	ProblemBreakerOpen  Problem = "breaker_open"  // WeChat has been unreachable just now; nothing was sent
)

// Error is a call to WeChat that failed. None of its texts holds the app secret, the access token, a signature, a URL or more
// than a few hundred bytes.
type Error struct {
	API     string // last part of the path, such as jscode2session
	Problem Problem
	Errcode int    // WeChat's number, for ProblemErrcode
	Message string // WeChat's errmsg without the rid; for people, never to be parsed
	Rid     string // WeChat's id of its answer, explained by its tool for 7 days; "": none
	Address string // our own address as WeChat saw it, for ErrcodeAddressNotAllowed
	Status  int    // HTTP status, for ProblemStatus and ProblemRedirect
	Field   string // for ProblemMissingField and ProblemBadField
	Tries   int    // calls that were made, 0: none
	Cause   error  // what the network said; nil: nothing

	again bool // may be sent again, because WeChat did nothing about it
}

// Error describes the failure for the log.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "wechat %s: %s", e.API, e.Problem)
	switch e.Problem {
	case ProblemErrcode:
		fmt.Fprintf(&text, " %d (%s)", e.Errcode, Explain(e.Errcode))
	case ProblemStatus, ProblemRedirect:
		fmt.Fprintf(&text, " %d", e.Status)
	case ProblemMissingField, ProblemBadField:
		text.WriteString(" " + e.Field)
	}
	if e.Message != "" {
		text.WriteString(": " + e.Message)
	}
	if e.Rid != "" {
		text.WriteString(", rid " + e.Rid)
	}
	if e.Cause != nil {
		fmt.Fprintf(&text, ": %v", e.Cause)
	}
	return text.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Class is what a failed call means for the login, or the session key, that it was made for.
type Class string

// The classes of failure.
const (
	ClassCodeInvalid   Class = "code_invalid"  // a new code helps: this one is invalid, expired, missing or another appid's
	ClassCodeUsed      Class = "code_used"     // a new code helps: this one was used
	ClassBlocked       Class = "blocked"       // WeChat refuses this user
	ClassLimited       Class = "limited"       // this caller asks too often in a minute
	ClassQuota         Class = "quota"         // the day's quota is used up
	ClassBusy          Class = "busy"          // WeChat is busy, also after every retry
	ClassConfiguration Class = "configuration" // our appid, secret, address or account is refused
	ClassTimeout       Class = "timeout"       // no answer in time
	ClassUnreachable   Class = "unreachable"   // no connection, or none is tried for now
	ClassWaitingFull   Class = "waiting_full"  // too many logins wait already
	ClassCancelled     Class = "cancelled"     // the caller gave up
	ClassKeyDead       Class = "key_dead"      // the session key is not the user's live one; a login brings a new one
	ClassOdd           Class = "odd"           // an answer that cannot be used, or an errcode that should not occur
)

// Class says what the failure means for the login, or the session key, that the call was made for.
func (e *Error) Class() Class {
	switch e.Problem {
	case ProblemErrcode:
		return classOfErrcode(e.Errcode)
	case ProblemTimeout:
		return ClassTimeout
	case ProblemCancelled:
		return ClassCancelled
	case ProblemDNS, ProblemRefused, ProblemTLS, ProblemReset, ProblemUnreachable, ProblemBreakerOpen:
		return ClassUnreachable
	case ProblemWaitingFull:
		return ClassWaitingFull
	default:
		return ClassOdd
	}
}
