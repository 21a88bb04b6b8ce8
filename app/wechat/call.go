package wechat

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"

	"wxkeeper/app"
	"wxkeeper/app/member"
)

const (
	maxTries   = 3
	firstPause = 200 * time.Millisecond // then twice as long, each more or less by half
)

// request is one call of WeChat's server API.
type request struct {
	api     string // names the call in errors
	path    string
	query   url.Values
	body    []byte       // JSON to be posted; nil: a GET
	secrets []app.Secret // what the call sends and no error may show
	once    bool         // it is not made again when WeChat is busy or not there
}

// with gives the request made with an access token.
func (r request) with(token app.Secret) request {
	r.query = maps.Clone(r.query)
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Set("access_token", token.Reveal())
	r.secrets = append(slices.Clip(r.secrets), token)
	return r
}

// message is the request in HTTP. Its body cannot be rewound, so that nothing is sent twice behind our back.
func (r request) message(target *url.URL) *http.Request {
	message := &http.Request{Method: http.MethodGet, URL: target, Header: http.Header{}, Body: oneTry{}}
	if r.body != nil {
		message.Method, message.Body = http.MethodPost, io.NopCloser(bytes.NewReader(r.body))
		message.ContentLength = int64(len(r.body))
		message.Header.Set("Content-Type", "application/json")
	}
	return message
}

// answer is a usable answer: a JSON object with no errcode, or with errcode 0.
type answer struct {
	api     string
	object  member.Object
	askedAt time.Time
	tries   int
}

// unusable completes a failure to read the answer.
func (a answer) unusable(failure *Error) *Error {
	failure.API, failure.Tries = a.api, a.tries
	return failure
}

// call makes a request and gives its usable answer. It goes again only if no connection came about, or WeChat said that it is
// busy: any other call may have used up its code.
func (c *Client) call(ctx context.Context, r request) (answer, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.Multiplier = firstPause, 2
	for tries := 1; ; tries++ {
		answer, failure := c.try(ctx, r)
		if failure == nil {
			answer.api, answer.tries = r.api, tries
			return answer, nil
		}
		failure.API, failure.Tries = r.api, tries
		if failure.Problem == ProblemBreakerOpen {
			failure.Tries-- // this one was not made
		}
		if tries == maxTries || r.once || !failure.again || !pause(ctx, pauses.NextBackOff()) {
			return answer, failure
		}
	}
}

// pause waits, unless the time left for the call ends earlier.
func pause(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) try(ctx context.Context, r request) (answer, *Error) {
	askedAt := time.Now()
	body, err := c.breaker.Execute(func() ([]byte, error) { return c.send(ctx, r) })
	if err != nil {
		failure := asError(err)
		c.note(r.api, askedAt, failure)
		return answer{}, failure
	}
	object, failure := r.readAnswer(body)
	c.note(r.api, askedAt, failure)
	return answer{object: object, askedAt: askedAt}, failure
}

// note remembers a call, and that one was spared.
func (c *Client) note(api string, askedAt time.Time, failure *Error) {
	if failure != nil && failure.Problem == ProblemBreakerOpen {
		c.limits.Add(app.LimitBreaker, 1)
		return
	}
	c.calls.note(api, time.Since(askedAt), failure)
	c.health.note(api, askedAt, failure)
}

// asError gives the failure of send. What else comes out of the breaker are its own refusals.
func asError(err error) *Error {
	if failure, ok := err.(*Error); ok {
		return failure
	}
	return &Error{Problem: ProblemBreakerOpen}
}

// BreakerProbe is how long no call is made once WeChat was out of reach, until one tries whether it is back.
const BreakerProbe = 2 * time.Second

const breakerFailures = 10

// newBreaker makes a breaker that spares callers the wait while WeChat takes calls and does not answer them. It opens by timeouts and
// resets alone. An errcode, even -1 or a used-up quota, is an answer, and concerns one caller. Where no connection comes about (refused,
// no such host, no handshake) nobody waits and WeChat has seen nothing of the code: that says neither that it is gone nor that it is back.
func newBreaker() *gobreaker.CircuitBreaker[[]byte] {
	return gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
		Timeout:      BreakerProbe,
		ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= breakerFailures },
		IsSuccessful: func(err error) bool { return err == nil || !asError(err).keptWaiting() },
		IsExcluded:   func(err error) bool { return err != nil && asError(err).saysNothing() },
	})
}

// keptWaiting says whether the call took its time and brought no answer.
func (e *Error) keptWaiting() bool {
	var lookup *net.DNSError
	return e.Problem == ProblemTimeout || e.Problem == ProblemReset || errors.As(e.Cause, &lookup) && lookup.IsTimeout
}

func (e *Error) saysNothing() bool {
	return e.Problem == ProblemCancelled || e.Class() == ClassUnreachable && !e.keptWaiting()
}
