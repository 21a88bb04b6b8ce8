package app

import "net/netip"

// Network is what counts as one address where attempts are limited: one of IPv4, or the /64 that one IPv6 customer has at least
// (RFC 6177). Whoever has no address shares one share.
func Network(address string) netip.Prefix {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	parsed = parsed.Unmap().WithZone("")
	bits := parsed.BitLen()
	if parsed.Is6() {
		bits = 64
	}
	prefix, _ := parsed.Prefix(bits) // the length fits the address
	return prefix
}
