package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"wxkeeper/app/parameters"
)

const forwardedFor = "X-Forwarded-For"

// proxies finds the client behind the proxies an operator has named. Anybody else's X-Forwarded-For is a claim.
type proxies struct {
	trusted []netip.Prefix
	log     *slog.Logger
	warn    sync.Once
}

// clientAddress is Echo's IPExtractor: the peer, or behind trusted proxies the last address that none of them has.
func (p *proxies) clientAddress(request *http.Request) string {
	peer, claims := peerOf(request), request.Header.Values(forwardedFor)
	if !p.trusts(peer) {
		p.warnOf(claims)
	}
	return addressText(parameters.Client(peer, claims, p.trusts))
}

func (p *proxies) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(p.trusted, func(prefix netip.Prefix) bool {
		return prefix.Contains(address.WithZone(""))
	})
}

// beside says whether an address is no client's: a proxy that an operator has named, or somebody on this machine or in the same
// private network.
func (p *proxies) beside(address string) bool {
	parsed, err := netip.ParseAddr(address)
	return err == nil && (parsed.IsLoopback() || parsed.IsPrivate() || p.trusts(parsed))
}

// warnOf tells the operator once that a proxy may have been forgotten.
func (p *proxies) warnOf(claims []string) {
	if len(claims) == 0 {
		return
	}
	p.warn.Do(func() {
		p.log.Warn("X-Forwarded-For arrives from an address that is no trusted proxy and is ignored; " +
			"if a proxy of yours sends it, name the proxy in WXKEEPER_TRUSTED_PROXIES")
	})
}

// peerOf is who holds the other end of the connection; the zero address if that is no IP.
func peerOf(request *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(request.RemoteAddr)
	return peer.Addr().Unmap()
}

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}
