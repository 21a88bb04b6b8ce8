package sandbox

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"wxkeeper/app/wechat"
)

// AllowAddresses sets the IP list of the mini programs: from another address no access token is given (40164). That list
// guards the two token calls and nothing else: logins go on, and so does everything an access token given before is good
// for. No address at all: everybody is allowed, as long as no list is set (IP 白名单).
func (w *WeChat) AllowAddresses(addresses ...netip.Addr) {
	var unmapped []netip.Addr
	for _, address := range addresses {
		unmapped = append(unmapped, address.Unmap())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed = unmapped
}

// AllowedAddresses gives the IP list; empty: everybody.
func (w *WeChat) AllowedAddresses() []netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.allowed)
}

func (w *WeChat) admits(caller netip.Addr) bool {
	return len(w.allowed) == 0 || slices.Contains(w.allowed, caller)
}

// callerOf is the address WeChat sees. It is invalid for a caller without one, whom no list holds.
func callerOf(request *http.Request) netip.Addr {
	caller, _ := netip.ParseAddrPort(request.RemoteAddr)
	return caller.Addr().Unmap()
}

// refuseAddress names the caller's address twice, as WeChat does.
func (w *WeChat) refuseAddress(caller netip.Addr) answer {
	v6 := caller.String()
	if caller.Is4() {
		v6 = "::ffff:" + v6
	}
	return w.refuseWith(wechat.ErrcodeAddressNotAllowed, fmt.Sprintf("invalid ip %s ipv6 %s, not in whitelist", caller, v6))
}
