// Package frontdoor tries the address that phones call, from outside and as they do: its name, its certificate, its TLS, and whether
// what stands behind is a wxkeeper that gets what was sent. It wants what WeChat's clients want of a request 合法域名
// (https://developers.weixin.qq.com/miniprogram/dev/framework/ability/network.html) and tells what to do where that is missing.
package frontdoor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// patience is how long each try may take.
const patience = 10 * time.Second

// Grade says how good something was found.
type Grade string

// The grades.
const (
	Good Grade = "good"
	Hint Grade = "hint" // works, or cannot be tried from here
	Bad  Grade = "BAD"
)

// Finding is one thing that was tried.
type Finding struct {
	Grade Grade
	Said  string // what was found, a whole sentence
	Do    string // what to do about it; "": nothing
}

// Options say how to try. The zero value is right on any machine.
type Options struct {
	Roots *x509.CertPool                                                       // nil: the system's
	Dial  func(ctx context.Context, network, address string) (net.Conn, error) // nil: the system's
	Clock func() time.Time                                                     // nil: the system's

	// SeenAs tells what address the server took a request to come from, by its support code; nil: nobody here knows.
	SeenAs func(ctx context.Context, requestID string) (netip.Addr, error)
}

// Try tries an address, such as https://keeper.example.com. It sends a handful of calls, three of which count as failures of this machine.
func Try(ctx context.Context, address string, options Options) []Finding {
	if options.Dial == nil {
		options.Dial = (&net.Dialer{}).DialContext
	}
	if options.Clock == nil {
		options.Clock = time.Now
	}
	v := &visit{options: options}
	if v.name(address) && v.reach(ctx) {
		v.versions(ctx)
		v.certificate()
		v.calls(ctx)
	}
	return v.found
}

// visit is one look at one address.
type visit struct {
	options    Options
	base       *url.URL
	host, port string
	chain      []*x509.Certificate // as the server sent it
	protocol   string              // of HTTP, that the server would speak with a phone
	found      []Finding
}

func (v *visit) good(format string, values ...any) {
	v.found = append(v.found, Finding{Good, fmt.Sprintf(format, values...), ""})
}

func (v *visit) hint(do, format string, values ...any) {
	v.found = append(v.found, Finding{Hint, fmt.Sprintf(format, values...), do})
}

func (v *visit) bad(do, format string, values ...any) {
	v.found = append(v.found, Finding{Bad, fmt.Sprintf(format, values...), do})
}

// name looks at the address alone, and says whether it can be called.
func (v *visit) name(address string) bool {
	base, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || base.Hostname() == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		v.bad("Write it as the mini program has it, such as https://keeper.example.com.", "This is not the address of a site.")
		return false
	}
	v.base, v.host, v.port = base, base.Hostname(), base.Port()
	if base.Scheme != "https" {
		v.bad("Put a proxy with TLS in front: docs/reverse-proxy.md.", "The address begins with %s://. Released mini programs call https:// only.", base.Scheme)
		return false
	}
	if _, err := netip.ParseAddr(v.host); err == nil || v.host == "localhost" {
		v.bad("Use a domain of yours.", "%s is no domain. mp.weixin.qq.com takes none of these.", v.host)
	}
	if v.port == "" {
		v.port = "443"
	} else {
		v.hint("Serve at port 443 and write no port, which is the surest.",
			"The address has the port %s. A 合法域名 with a port allows that port only; one without a port forbids writing any, also 443.", v.port)
	}
	v.hint("", "Whether the domain has its ICP filing (ICP备案), which mp.weixin.qq.com demands, cannot be seen from here.")
	return true
}

// reach makes one connection that accepts any certificate, to see what there is.
func (v *visit) reach(ctx context.Context) bool {
	state, err := v.shakeHands(ctx, tls.VersionTLS10, tls.VersionTLS13)
	if err != nil {
		v.bad("Look for the name in DNS, the port in the firewall and the security group (安全组), and the proxy's log.",
			"No TLS connection to %s: %v.", net.JoinHostPort(v.host, v.port), err)
		return false
	}
	v.chain, v.protocol = state.PeerCertificates, state.NegotiatedProtocol
	return true
}

func (v *visit) shakeHands(ctx context.Context, least, most uint16) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	connection, err := v.options.Dial(ctx, "tcp", net.JoinHostPort(v.host, v.port))
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer connection.Close()
	client := tls.Client(connection, &tls.Config{
		ServerName: v.host, MinVersion: least, MaxVersion: most, NextProtos: []string{"h2", "http/1.1"},
		InsecureSkipVerify: true, // the certificate is judged apart, so that everything wrong is told
	})
	err = client.HandshakeContext(ctx)
	return client.ConnectionState(), err
}

// versions finds out which versions of TLS are offered: each is asked for alone.
func (v *visit) versions(ctx context.Context) {
	offered := map[uint16]bool{}
	var names []string
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if _, err := v.shakeHands(ctx, version, version); err == nil {
			offered[version] = true
			names = append(names, tls.VersionName(version))
		}
	}
	all := strings.Join(names, ", ")
	switch {
	case !offered[tls.VersionTLS12] && !offered[tls.VersionTLS13]:
		v.bad("Allow TLS 1.2 and 1.3 in the proxy (nginx: ssl_protocols TLSv1.2 TLSv1.3).", "Only %s is offered. WeChat's clients want 1.2 at least.", all)
	case !offered[tls.VersionTLS12]:
		v.hint("Allow TLS 1.2 too.", "Only %s is offered. Older phones know 1.2 at most.", all)
	case offered[tls.VersionTLS10] || offered[tls.VersionTLS11]:
		v.hint("Nobody needs the old ones: allow 1.2 and 1.3 alone.", "TLS is good enough: %s are offered.", all)
	default:
		v.good("TLS is good: %s.", all)
	}
	if v.protocol == "" {
		v.protocol = "http/1.1"
	}
	v.good("Phones will speak %s with it. HTTP/1.1 is enough.", v.protocol)
}

// expirySoon is when a certificate should have been renewed: automatic renewals come a month before the end.
const expirySoon = 14 * 24 * time.Hour

// certificate judges what the server sent by the time, the name and the chain, each for itself.
func (v *visit) certificate() {
	now, leaf := v.options.Clock(), v.chain[0]
	day := func(at time.Time) string { return at.UTC().Format(time.DateOnly) }
	switch left := leaf.NotAfter.Sub(now); {
	case left < 0:
		v.bad("Renew it, and find out why that did not happen by itself.", "The certificate expired on %s.", day(leaf.NotAfter))
	case now.Before(leaf.NotBefore):
		v.bad("Look at the clock of this machine and of the one that made the certificate.", "The certificate is not valid before %s.", day(leaf.NotBefore))
	case left < expirySoon:
		v.hint("See to it that it is renewed by itself.", "The certificate expires on %s.", day(leaf.NotAfter))
	default:
		v.good("The certificate is valid until %s.", day(leaf.NotAfter))
	}
	if err := leaf.VerifyHostname(v.host); err != nil {
		v.bad("Get a certificate for this name, or have the proxy choose by name (SNI).", "The certificate is not for %s but for %s.",
			v.host, strings.Join(leaf.DNSNames, ", "))
	} else {
		v.good("The certificate is for %s.", v.host)
	}
	v.trust(leaf)
}

// trust follows the chain from the leaf, with nothing but what was sent: phones fetch no missing certificates.
func (v *visit) trust(leaf *x509.Certificate) {
	between := x509.NewCertPool()
	for _, one := range v.chain[1:] {
		between.AddCert(one)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: v.options.Roots, Intermediates: between, CurrentTime: leaf.NotBefore.Add(time.Minute), // the time was judged apart
	})
	last := v.chain[len(v.chain)-1]
	const full = "Give the proxy the file with the full chain (certbot: fullchain.pem, not cert.pem; Chinese sellers: the nginx download)."
	switch {
	case err == nil && len(v.chain) == 1:
		v.hint(full, "The server sends one certificate and no other. This machine trusts it; a phone may not.")
	case err == nil:
		v.good("The chain is complete: %d certificates, trusted by this machine.", len(v.chain))
	case last.Issuer.String() == last.Subject.String():
		v.bad("Get a certificate from an authority that phones know.", "The certificate comes from %s, whom nobody trusts, or is signed by itself.", last.Issuer)
	default:
		v.bad(full, "The chain is not complete: the certificate of %s is missing. Computers may find it by themselves, phones do not (%v).", last.Issuer, err)
	}
}

// client calls as a phone does, on one connection, trusting anybody: the certificate was judged before. It follows no redirect.
func (v *visit) client() *http.Client {
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DialContext:     v.options.Dial,
			TLSClientConfig: &tls.Config{ServerName: v.host, MinVersion: tls.VersionTLS10, InsecureSkipVerify: true},
			// HTTP/2 would only be tried with a configuration of its own.
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
