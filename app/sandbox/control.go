package sandbox

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

const (
	maxControlBody = 64 << 10
	maxPhones      = 1000 // by control; from Go there is no limit
)

// control is the sandbox played by hand. It is for the machine it runs on: whoever can reach it can log in as anybody.
func (w *WeChat) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandbox/{$}", w.serveIndex)
	mux.HandleFunc("GET /sandbox/phones", w.servePhones)
	mux.HandleFunc("POST /sandbox/phones", w.servePhoneOf)
	mux.HandleFunc("GET /sandbox/phones/{number}", w.withPhone(servePhone))
	mux.HandleFunc("GET /sandbox/phones/{number}/code", w.withPhone(serveCode))
	mux.HandleFunc("POST /sandbox/phones/{number}/code", w.withPhone(serveCode))
	mux.HandleFunc("GET /sandbox/phones/{number}/phonecode", w.withPhone(servePhoneCode))
	mux.HandleFunc("POST /sandbox/phones/{number}/phonecode", w.withPhone(servePhoneCode))
	mux.HandleFunc("GET /sandbox/phones/{number}/sealed", w.withPhone(serveSealed))
	mux.HandleFunc("POST /sandbox/phones/{number}/expire", w.withPhone(change((*Phone).ExpireKey)))
	mux.HandleFunc("POST /sandbox/phones/{number}/rotate", w.withPhone(change((*Phone).RotateKey)))
	mux.HandleFunc("POST /sandbox/phones/{number}/refresh", w.withPhone(change((*Phone).ReplaceKeyAtLogin)))
	mux.HandleFunc("POST /sandbox/phones/{number}/anonymous", w.withPhone(turn((*Phone).SetAnonymous)))
	mux.HandleFunc("POST /sandbox/phones/{number}/block", w.withPhone(turn((*Phone).SetBlocked)))
	mux.HandleFunc("POST /sandbox/phones/{number}/device", w.withPhone(serveSecondDevice))
	mux.HandleFunc("POST /sandbox/phones/{number}/coldstart", w.withPhone(serveColdStart))
	mux.HandleFunc("POST /sandbox/phones/{number}/withdraw", w.withPhone(serveWithdrawal))
	mux.HandleFunc("POST /sandbox/phones/{number}/loseprofile", w.withPhone(tells((*Phone).LoseProfile)))
	mux.HandleFunc("POST /sandbox/phones/{number}/close", w.withPhone(tells((*Phone).CloseAccount)))
	w.controlWeChat(mux)
	return w.namedOnly(http.NewCrossOriginProtection().Handler(mux))
}

// controlWeChat is what concerns no single phone. Each thing is told by GET, set by POST and taken back by DELETE.
func (w *WeChat) controlWeChat(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/faults", w.serveFaults)
	mux.HandleFunc("POST /sandbox/faults", order(w.orderFault, w.serveFaults))
	mux.HandleFunc("DELETE /sandbox/faults", always(w.ClearFaults, w.serveFaults))
	mux.HandleFunc("GET /sandbox/outage", w.serveOutage)
	mux.HandleFunc("POST /sandbox/outage", order(w.orderOutage, w.serveOutage))
	mux.HandleFunc("DELETE /sandbox/outage", always(w.Reconnect, w.serveOutage))
	mux.HandleFunc("GET /sandbox/quotas", w.serveQuotas)
	mux.HandleFunc("POST /sandbox/quotas", order(w.orderQuota, w.serveQuotas))
	mux.HandleFunc("DELETE /sandbox/quotas", always(w.ResetQuotas, w.serveQuotas))
	mux.HandleFunc("GET /sandbox/addresses", w.serveAddresses)
	mux.HandleFunc("POST /sandbox/addresses", order(w.orderAddresses, w.serveAddresses))
	mux.HandleFunc("DELETE /sandbox/addresses", always(func() { w.AllowAddresses() }, w.serveAddresses))
	mux.HandleFunc("DELETE /sandbox/tokens", always(w.ExpireTokens, serveNothing))
	mux.HandleFunc("GET /sandbox/prefetch", w.serveBackOffice)
	mux.HandleFunc("POST /sandbox/prefetch", order(w.orderPrefetch, w.serveBackOffice))
	mux.HandleFunc("DELETE /sandbox/prefetch", order(w.orderNoPrefetch, w.serveBackOffice))
	mux.HandleFunc("GET /sandbox/push", w.serveBackOffice)
	mux.HandleFunc("POST /sandbox/push", order(w.orderPush, w.serveBackOffice))
	mux.HandleFunc("DELETE /sandbox/push", order(w.orderNoPush, w.serveBackOffice))
}

// namedOnly refuses pages of the open web that reach us by a name of theirs that points to our address. No answer is worth
// keeping: even a GET may change what comes next.
func (w *WeChat) namedOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if !loopback(request.Host) && (w.host == "" || hostOf(request.Host) != w.host) {
			http.Error(response, "the sandbox answers only to localhost", http.StatusForbidden)
			return
		}
		response.Header().Set("Cache-Control", "no-store")
		request.Body = http.MaxBytesReader(response, request.Body, maxControlBody)
		next.ServeHTTP(response, request)
	})
}

func loopback(host string) bool {
	host = hostOf(host)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// hostOf is a host without its port and brackets.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func writeJSON(response http.ResponseWriter, status int, value any) {
	response.Header().Set("Content-Type", "application/json; charset=utf-8")
	response.WriteHeader(status)
	encoder := json.NewEncoder(response)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	encoder.Encode(value)
}
