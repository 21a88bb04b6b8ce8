package outgoing

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
)

// Problem is what kept a call from bringing a usable answer. Its text is a stable id.
type Problem string

// The problems of a call.
const (
	ProblemTimeout     Problem = "timeout"     // no answer within the time there is
	ProblemCancelled   Problem = "cancelled"   // the caller gave up
	ProblemDNS         Problem = "dns"         // the host's address was not found
	ProblemRefused     Problem = "refused"     // nobody listens at the address
	ProblemTLS         Problem = "tls"         // no handshake, or a certificate nobody trusts
	ProblemReset       Problem = "reset"       // the connection broke off before the answer was complete
	ProblemUnreachable Problem = "unreachable" // any other failure to connect
	ProblemNotHTTP     Problem = "not_http"    // what came back is not HTTP
	ProblemStatus      Problem = "http_status" // an HTTP status that says no
	ProblemRedirect    Problem = "redirect"    // a redirect, which is never followed
	ProblemTooLarge    Problem = "too_large"   // a body of more than 64 KiB
	ProblemNotJSON     Problem = "not_json"    // a body that is not a JSON object
	ProblemErrcode     Problem = "errcode"     // an answer that says no by a number of its own
	ProblemForbidden   Problem = "forbidden"   // the address is of a network that may not be called
)

var errForbidden = errors.New("an address of a network that may not be called")

// ProblemOf says what kept a call from being answered, from what package net/http says.
func ProblemOf(ctx context.Context, err error) Problem {
	switch {
	case errors.Is(err, errForbidden):
		return ProblemForbidden
	case errors.Is(ctx.Err(), context.Canceled):
		return ProblemCancelled
	case isType[*net.DNSError](err): // also one that took too long
		return ProblemDNS
	case ctx.Err() != nil || isTimeout(err):
		return ProblemTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return ProblemRefused
	case strings.Contains(err.Error(), "tls: "): // crypto/tls has types for a few of its errors only,
		return ProblemTLS
	case NotSent(err):
		return ProblemUnreachable
	case strings.Contains(err.Error(), "malformed"): // and net/http has none for this
		return ProblemNotHTTP
	default:
		return ProblemReset
	}
}

// NotSent says whether no connection came about, so that nothing was sent.
func NotSent(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "dial"
}

func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}
