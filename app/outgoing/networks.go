package outgoing

import "net/netip"

// special are the networks within the public ranges that are not public: IANA's registries of special-purpose addresses (RFC 6890).
// Those that carry an address of IPv4 inside (6to4, Teredo) would be a way around the rest.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// globalIPv6 is all of IPv6 that is given to the public.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// isPublic says whether an address, unmapped, is one that anybody on the internet could call.
func isPublic(at netip.Addr) bool {
	if !at.IsGlobalUnicast() || at.IsPrivate() || at.Is6() && !globalIPv6.Contains(at) {
		return false
	}
	for _, one := range special {
		if one.Contains(at) {
			return false
		}
	}
	return true
}

// isPrivate says whether an address, unmapped, is of this machine or of a private network. Link-local ones are neither: the clouds'
// metadata services, which hand out credentials, are there.
func isPrivate(at netip.Addr) bool { return at.IsPrivate() || at.IsLoopback() }
