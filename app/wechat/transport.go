package wechat

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"wxkeeper/app/outgoing"
)

// bodyLimit is how much of an answer is read. WeChat's take a few hundred bytes.
const bodyLimit = 64 << 10

// newTransport makes the one connection pool of a client. HTTP/1.1 only: there a connection that is cut costs one login, and
// nothing is repeated behind our back.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 2 * time.Second}).DialContext, // leaves time to dial again
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		Protocols:              protocols,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        30 * time.Second, // less than servers commonly wait before they hang up
		MaxResponseHeaderBytes: bodyLimit,
		DisableCompression:     true, // so that the limit on the body is one on what was sent
	}
}

// send makes one HTTP call and gives the body of its answer. Its errors are of type *Error. It uses the transport without an
// http.Client around it, which would follow redirects and write the URL, secret included, into its errors.
func (c *Client) send(ctx context.Context, r request) ([]byte, error) {
	target := c.base.JoinPath(r.path)
	target.RawQuery = r.query.Encode()
	response, err := c.transport.RoundTrip(r.message(target).WithContext(ctx))
	if err != nil {
		return nil, r.networkError(ctx, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return nil, &Error{Problem: ProblemRedirect, Status: response.StatusCode}
	case response.StatusCode != http.StatusOK:
		return nil, &Error{Problem: ProblemStatus, Status: response.StatusCode}
	}
	return r.readBody(ctx, response.Body)
}

// oneTry is an empty request body that cannot be rewound. A GET without a body is repeated by http.Transport when a
// connection from the pool is cut before the answer, although WeChat may have used up the code by then.
type oneTry struct{}

func (oneTry) Read([]byte) (int, error) { return 0, io.EOF }
func (oneTry) Close() error             { return nil }

func (r request) readBody(ctx context.Context, body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, bodyLimit+1))
	switch {
	case len(text) > bodyLimit:
		return nil, &Error{Problem: ProblemTooLarge}
	case err != nil:
		return nil, r.networkError(ctx, err)
	}
	return text, nil
}

// networkError says what the network did. The cause is kept as it is, for errors.As, unless its text tells too much or is too long.
func (r request) networkError(ctx context.Context, err error) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	failure := &Error{Problem: Problem(outgoing.ProblemOf(ctx, err)), Cause: err, again: outgoing.NotSent(err)}
	if text := err.Error(); r.clean(text) != text {
		failure.Cause = errors.New(r.clean(text))
	}
	return failure
}
