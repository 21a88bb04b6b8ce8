package parameters

import (
	"net/netip"
	"slices"
	"strings"
)

// Client is who a request comes from: its peer, or where that is trusted, the last address in the values of X-Forwarded-For that is not.
// What stands before it, or before what is no address, was not written by anybody trusted. The client comes without a zone, which could
// be any text.
func Client(peer netip.Addr, claims []string, trusts func(netip.Addr) bool) netip.Addr {
	client := peer
	if !trusts(client) {
		return client
	}
	for _, claim := range slices.Backward(strings.Split(strings.Join(claims, ","), ",")) {
		hop, err := parseHop(strings.TrimSpace(claim))
		if err != nil {
			break
		}
		client = hop.Unmap().WithZone("")
		if !trusts(client) {
			break
		}
	}
	return client
}

// parseHop reads an address as proxies write it, some of them with the port.
func parseHop(text string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr(), nil
	}
	return netip.ParseAddr(text)
}
