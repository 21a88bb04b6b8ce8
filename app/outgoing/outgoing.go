// Package outgoing posts to addresses that an operator has typed in: robots of chat groups and business back ends. Whoever may type
// an address must not reach our own network by it (server-side request forgery), so the address that is dialled is looked at, after its
// name was looked up. Nothing here follows a redirect, and no error tells a URL: such addresses are credentials.
package outgoing

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"wxkeeper/app"
)

const (
	callTime       = 10 * time.Second
	bodyLimit      = 64 << 10 // bytes of an answer that are read
	longestAddress = 2000     // bytes
)

// Options are what a Client is made of.
type Options struct {
	Private bool // addresses of private networks may be called, without TLS too

	// For tests, which have neither the names nor the certificates of others: whom to trust, and how to connect.
	Roots *x509.CertPool
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client posts to addresses of others. It is safe for concurrent use. Close it.
type Client struct {
	private bool
	secure  *http.Transport // for https
	plain   *http.Transport // for http, which never leaves private networks
}

// New makes a Client. A proxy of the environment is not used: behind one the address that is called cannot be seen.
func New(options Options) *Client {
	c := &Client{private: options.Private}
	c.secure = newTransport(options, func(at netip.Addr) bool { return isPublic(at) || c.private && isPrivate(at) })
	c.plain = newTransport(options, func(at netip.Addr) bool { return c.private && isPrivate(at) })
	return c
}

func newTransport(options Options, mayCall func(netip.Addr) bool) *http.Transport {
	dial := options.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second, Control: guard(mayCall)}).DialContext
	}
	return &http.Transport{
		DialContext: dial, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: options.Roots},
		IdleConnTimeout: 30 * time.Second, MaxIdleConns: 32, MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: bodyLimit,
		DisableCompression: true, // so that the limit on the body is one on what was sent
	}
}

// guard looks at each address just before it is connected to. The name has been looked up by then, so that a name which is looked up
// differently the second time (DNS rebinding) gains nothing.
func guard(mayCall func(netip.Addr) bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !mayCall(at.Addr().Unmap()) {
			return errForbidden
		}
		return nil
	}
}

// Close gives up the connections that are kept.
func (c *Client) Close() {
	c.secure.CloseIdleConnections()
	c.plain.CloseIdleConnections()
}

// Private says whether addresses of private networks may be called.
func (c *Client) Private() bool { return c.private }

// ParseURL reads an address to post to. Malformed: it is none, or one that is never called.
func (c *Client) ParseURL(text app.Secret) (*url.URL, error) {
	address, err := url.Parse(text.Reveal())
	switch {
	case err != nil, len(text) > longestAddress, address.Hostname() == "", address.User != nil, address.Fragment != "",
		address.Scheme != "https" && (address.Scheme != "http" || !c.private):
		return nil, app.FailField(app.Malformed, "", "url")
	}
	if at, err := netip.ParseAddr(address.Hostname()); err == nil && !c.mayCall(address.Scheme, at.Unmap()) {
		return nil, app.FailField(app.Malformed, "", "url").Because(errForbidden)
	}
	return address, nil
}

func (c *Client) mayCall(scheme string, at netip.Addr) bool {
	return scheme == "https" && isPublic(at) || c.private && isPrivate(at)
}

// Answer is what came back.
type Answer struct {
	Status int
	Body   []byte        // at most 64 KiB
	Took   time.Duration // until all of it was there
}

// Good says whether the answer's status is one of success.
func (a Answer) Good() bool { return a.Status >= 200 && a.Status < 300 }

// Post sends a body, once. It fails with *Error where there was no answer, or a redirect; any other status is an answer. It also fails
// where the answer's body is longer than 64 KiB or breaks off; the answer then has its status all the same.
func (c *Client) Post(ctx context.Context, to *url.URL, header http.Header, body []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, &Error{Problem: ProblemUnreachable}
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", "wxkeeper")
	transport := c.secure
	if to.Scheme == "http" {
		transport = c.plain
	}
	began := time.Now()
	response, err := transport.RoundTrip(request) // not http.Client, which follows redirects and tells URLs
	if err != nil {
		return Answer{}, &Error{Problem: ProblemOf(ctx, err)}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, bodyLimit+1))
	answer := Answer{Status: response.StatusCode, Body: text, Took: time.Since(began)}
	switch {
	case len(text) > bodyLimit:
		return answer, &Error{Problem: ProblemTooLarge}
	case err != nil:
		return answer, &Error{Problem: ProblemOf(ctx, err)}
	case answer.Status >= 300 && answer.Status < 400:
		return answer, &Error{Problem: ProblemRedirect, Status: answer.Status}
	}
	return answer, nil
}

// Error is a message that did not arrive. It tells neither the URL nor what the network said, which may hold it.
type Error struct {
	Problem Problem
	Status  int // of ProblemStatus and ProblemRedirect
	Errcode int // of ProblemErrcode
}

// Error describes the failure for the log.
func (e *Error) Error() string {
	if number := e.Status + e.Errcode; number != 0 { // there is one of them at most
		return fmt.Sprintf("not delivered: %s %d", e.Problem, number)
	}
	return "not delivered: " + string(e.Problem)
}
