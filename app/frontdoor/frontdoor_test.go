package frontdoor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"wxkeeper/app/frontdoor"
)

const host = "keeper.example.com"

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

var serial int64

// sign makes a certificate, of itself where there is nobody above.
func (a *authority) sign(t *testing.T, template x509.Certificate) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial++
	template.SerialNumber = big.NewInt(serial)
	above, signer := &template, key
	if a != nil {
		above, signer = a.certificate, a.key
	}
	signed, err := x509.CreateCertificate(rand.Reader, &template, above, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(signed)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key}
}

func anAuthority(name string) x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func aSite() x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 2, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// site is a TLS server with a chain made for it.
type site struct {
	root, between *authority
	template      x509.Certificate
	full          bool // it sends the whole chain
	least, most   uint16
	handler       http.Handler
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{template: aSite(), full: true, least: tls.VersionTLS12, handler: http.HandlerFunc(keeper)}
	s.root = (*authority)(nil).sign(t, anAuthority("Root of the test"))
	s.between = s.root.sign(t, anAuthority("Intermediate of the test"))
	return s
}

// try serves the site and tries it, as if it stood at port 443 of its name.
func (s *site) try(t *testing.T, address string, change func(*frontdoor.Options)) []frontdoor.Finding {
	t.Helper()
	leaf := s.between.sign(t, s.template)
	chain := tls.Certificate{Certificate: [][]byte{leaf.certificate.Raw}, PrivateKey: leaf.key}
	if s.full {
		chain.Certificate = append(chain.Certificate, s.between.certificate.Raw)
	}
	server := httptest.NewUnstartedServer(s.handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{chain}, MinVersion: s.least, MaxVersion: s.most}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.root.certificate)
	options := frontdoor.Options{
		Roots: roots, Clock: func() time.Time { return now },
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	if change != nil {
		change(&options)
	}
	return frontdoor.Try(t.Context(), address, options)
}

// keeper answers as wxkeeper does.
func keeper(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.URL.Path == "/healthz":
		fmt.Fprint(w, `{"status":0,"code":0,"msg":"ok","data":{}}`)
	case strings.HasPrefix(r.URL.Path, "/login") && len(body) > 0:
		fail(w, http.StatusBadRequest, 1)
	case r.URL.Path == "/session/" && r.Header.Get("Authorization") == "":
		fail(w, http.StatusBadRequest, 1)
	case r.URL.Path == "/session/":
		fail(w, http.StatusUnauthorized, 2)
	default:
		fail(w, http.StatusNotFound, 13)
	}
}

func fail(w http.ResponseWriter, status, code int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%d,"code":%[1]d,"msg":"no","request_id":"37K9E967"}`, code)
}

// wantFindings wants these words among the findings of a grade, and as many bad ones as there are words of that grade.
func wantFindings(t *testing.T, found []frontdoor.Finding, want map[string]frontdoor.Grade) {
	t.Helper()
	bad, expected := 0, 0
	for _, one := range found {
		if one.Grade == frontdoor.Bad {
			bad++
			if one.Do == "" {
				t.Errorf("%s And what is to be done?", one.Said)
			}
		}
	}
	for words, grade := range want {
		if grade == frontdoor.Bad {
			expected++
		}
		if !has(found, words, grade) {
			t.Errorf("%q is not told as %s", words, grade)
		}
	}
	if bad != expected || t.Failed() {
		t.Errorf("%d bad, want %d:", bad, expected)
		for _, one := range found {
			t.Logf("%s %s", one.Grade, one.Said)
		}
	}
}

func has(found []frontdoor.Finding, words string, grade frontdoor.Grade) bool {
	for _, one := range found {
		if one.Grade == grade && strings.Contains(one.Said, words) {
			return true
		}
	}
	return false
}

func TestAGoodDoor(t *testing.T) {
	wantFindings(t, newSite(t).try(t, "https://"+host+"/", nil), map[string]frontdoor.Grade{
		"ICP备案":                  frontdoor.Hint,
		"TLS 1.2, TLS 1.3":       frontdoor.Good,
		"HTTP/1.1 is enough":     frontdoor.Good,
		"valid until 2027-01-22": frontdoor.Good,
		"is for " + host:         frontdoor.Good,
		"chain is complete":      frontdoor.Good,
		"GET /healthz":           frontdoor.Good,
		"without a redirect":     frontdoor.Good,
		"60 KiB gets through":    frontdoor.Good,
		"Authorization arrives":  frontdoor.Good,
		"cannot be seen from":    frontdoor.Hint,
	})
}

func TestBadCertificates(t *testing.T) {
	t.Run("intermediate missing", func(t *testing.T) {
		s := newSite(t)
		s.full = false
		wantFindings(t, s.try(t, "https://"+host, nil), map[string]frontdoor.Grade{
			"the certificate of CN=Intermediate of the test is missing": frontdoor.Bad, "is for " + host: frontdoor.Good,
		})
	})
	t.Run("wrong name", func(t *testing.T) {
		s := newSite(t)
		s.template.DNSNames = []string{"other.example.com"}
		wantFindings(t, s.try(t, "https://"+host, nil), map[string]frontdoor.Grade{
			"not for " + host + " but for other.example.com": frontdoor.Bad, "chain is complete": frontdoor.Good,
		})
	})
	t.Run("expired", func(t *testing.T) {
		s := newSite(t)
		s.template.NotAfter = now.Add(-time.Hour)
		wantFindings(t, s.try(t, "https://"+host, nil), map[string]frontdoor.Grade{
			"expired on 2026-11-22": frontdoor.Bad, "chain is complete": frontdoor.Good,
		})
	})
	t.Run("expires soon", func(t *testing.T) {
		s := newSite(t)
		s.template.NotAfter = now.AddDate(0, 0, 3)
		wantFindings(t, s.try(t, "https://"+host, nil), map[string]frontdoor.Grade{"expires on 2026-11-25": frontdoor.Hint})
	})
	t.Run("not yet valid", func(t *testing.T) {
		s := newSite(t)
		s.template.NotBefore = now.Add(time.Hour)
		wantFindings(t, s.try(t, "https://"+host, nil), map[string]frontdoor.Grade{"not valid before": frontdoor.Bad})
	})
	t.Run("unknown authority", func(t *testing.T) {
		s := newSite(t)
		s.between = (*authority)(nil).sign(t, anAuthority("Somebody"))
		wantFindings(t, s.try(t, "https://"+host, nil), map[string]frontdoor.Grade{"CN=Somebody, whom nobody trusts": frontdoor.Bad})
	})
}

func TestVersionsOfTLS(t *testing.T) {
	for name, test := range map[string]struct {
		least, most uint16
		words       string
		grade       frontdoor.Grade
	}{
		"1.1 only":    {tls.VersionTLS10, tls.VersionTLS11, "Only TLS 1.0, TLS 1.1 is offered", frontdoor.Bad},
		"old as well": {tls.VersionTLS10, tls.VersionTLS13, "good enough: TLS 1.0, TLS 1.1, TLS 1.2, TLS 1.3", frontdoor.Hint},
		"1.2 only":    {tls.VersionTLS12, tls.VersionTLS12, "TLS is good: TLS 1.2.", frontdoor.Good},
		"1.3 only":    {tls.VersionTLS13, tls.VersionTLS13, "Older phones know 1.2", frontdoor.Hint},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.least, s.most = test.least, test.most
			wantFindings(t, s.try(t, "https://"+host, nil), map[string]frontdoor.Grade{test.words: test.grade})
		})
	}
}

func TestBadAddresses(t *testing.T) {
	for address, words := range map[string]string{
		"http://" + host:           "begins with http://",
		"https://192.0.2.1":        "is no domain",
		"https://localhost":        "is no domain",
		host:                       "not the address of a site",
		"https://" + host + "?a=1": "not the address of a site",
	} {
		found := newSite(t).try(t, address, nil)
		if !has(found, words, frontdoor.Bad) {
			t.Errorf("%s: %v", address, found)
		}
	}
	wantFindings(t, newSite(t).try(t, "https://"+host+":8443", nil), map[string]frontdoor.Grade{"has the port 8443": frontdoor.Hint})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	found := newSite(t).try(t, "https://"+host, func(options *frontdoor.Options) {
		options.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, closed)
		}
	})
	wantFindings(t, found, map[string]frontdoor.Grade{"No TLS connection": frontdoor.Bad})
}

// TestBadProxies puts before wxkeeper what people put there.
func TestBadProxies(t *testing.T) {
	tests := map[string]struct {
		proxy func(http.ResponseWriter, *http.Request) (answered bool)
		words string
	}{
		"redirects": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "https://www.example.com"+r.URL.Path, http.StatusMovedPermanently)
			return true
		}, "a redirect (HTTP 301) to https://www.example.com/healthz"},
		"takes the slash away": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/login/" {
				http.Redirect(w, r, "/login", http.StatusMovedPermanently)
			}
			return r.URL.Path == "/login/"
		}, "POST /login/ is answered by a redirect"},
		"has nothing behind it": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Server", "nginx")
			w.WriteHeader(http.StatusBadGateway)
			return true
		}, "HTTP 502 of nginx"},
		"is another site": {func(w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprint(w, "<html>welcome</html>")
			return true
		}, "HTTP 200 of somebody else, not by wxkeeper"},
		"takes small bodies": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.ContentLength > 8<<10 {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
			return r.ContentLength > 8<<10
		}, "body of 60 KiB does not get through"},
		"drops the token": {func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Authorization")
			return false
		}, "Authorization does not arrive"},
		"drops bodies": {func(_ http.ResponseWriter, r *http.Request) bool {
			r.Body = http.NoBody
			return false
		}, "is answered with code 13, where 1 was to come"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !test.proxy(w, r) {
					keeper(w, r)
				}
			})
			found := s.try(t, "https://"+host, nil)
			if !has(found, test.words, frontdoor.Bad) {
				t.Errorf("%q is not told: %v", test.words, found)
			}
		})
	}
}

// caller is a connection from elsewhere.
type caller struct {
	net.Conn
	address netip.Addr
}

func (c caller) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.address, 4711))
}

func TestWhomTheServerTookUsFor(t *testing.T) {
	const outside, loopback, office = "8.8.4.4", "127.0.0.1", "10.1.1.1"
	for _, test := range []struct {
		from, seen, words string
		grade             frontdoor.Grade
	}{
		{outside, "10.0.0.7", "10.0.0.7, which is the proxy", frontdoor.Bad},
		{outside, "127.0.0.1", "127.0.0.1, which is the proxy", frontdoor.Bad},
		{outside, "192.0.2.66", "can choose its own address", frontdoor.Bad},
		{loopback, "192.0.2.66", "believed the address", frontdoor.Hint},
		{office, "192.0.2.66", "believed the address", frontdoor.Hint},
		{office, "10.1.1.1", "come from 10.1.1.1", frontdoor.Good},
		{office, "8.8.8.8", "come from 8.8.8.8", frontdoor.Good}, // through a gateway
		{loopback, "127.0.0.1", "as everything on this machine does", frontdoor.Hint},
		{outside, "", "was not found", frontdoor.Hint},
	} {
		found := newSite(t).try(t, "https://"+host, func(options *frontdoor.Options) {
			dial := options.Dial
			options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := dial(ctx, network, address)
				return caller{connection, netip.MustParseAddr(test.from)}, err
			}
			options.SeenAs = func(_ context.Context, requestID string) (netip.Addr, error) {
				if requestID != "37K9E967" {
					t.Errorf("asked for the call %q", requestID)
				}
				return netip.ParseAddr(test.seen)
			}
		})
		wantFindings(t, found, map[string]frontdoor.Grade{test.words: test.grade})
	}
}
