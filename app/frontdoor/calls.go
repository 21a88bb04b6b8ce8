package frontdoor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
)

// answerBytes bounds what is read of an answer.
const answerBytes = 64 << 10

// largeBody is nearly as much as wxkeeper takes in one call (64 KiB): a proxy must let it through.
const largeBody = 60 << 10

// claimedAddress is nobody's (TEST-NET-1 of RFC 5737): who believes it believes anything.
const claimedAddress = "192.0.2.66"

// answer is what came back of one call.
type answer struct {
	status    int
	location  string
	proxy     string // what the server calls itself
	ours      bool   // in the form of our answers
	Code      int    `json:"code"`
	RequestID string `json:"request_id"`
	local     net.Addr
}

// told names an answer that is not ours.
func (a answer) told() string {
	switch {
	case a.location != "":
		return fmt.Sprintf("a redirect (HTTP %d) to %s", a.status, a.location)
	case a.proxy != "":
		return fmt.Sprintf("HTTP %d of %s", a.status, a.proxy)
	default:
		return fmt.Sprintf("HTTP %d of somebody else", a.status)
	}
}

// calls tries whether what stands behind the door is a wxkeeper, and gets what was sent.
func (v *visit) calls(ctx context.Context) {
	client := v.client()
	defer client.CloseIdleConnections()
	if !v.health(ctx, client) {
		return
	}
	v.login(ctx, client)
	v.body(ctx, client)
	v.session(ctx, client)
}

const passOn = "Have the proxy hand on every path as it is, without redirects: docs/reverse-proxy.md."

func (v *visit) health(ctx context.Context, client *http.Client) bool {
	got, err := v.call(ctx, client, http.MethodGet, "/healthz", "", nil)
	switch {
	case err != nil:
		v.bad("See the proxy's log.", "GET /healthz is not answered: %v.", err)
	case !got.ours && got.status >= 500:
		v.bad("Is wxkeeper running, and does the proxy know its address (WXKEEPER_ADDR)?", "GET /healthz is answered by %s.", got.told())
	case !got.ours || got.status != http.StatusOK:
		v.bad(passOn, "GET /healthz is answered by %s, not by wxkeeper.", got.told())
	default:
		v.good("GET /healthz is answered by wxkeeper.")
		return true
	}
	return false
}

// login calls without a code, which costs nothing at WeChat; with and without the slash, since a redirect loses the body of a POST.
func (v *visit) login(ctx context.Context, client *http.Client) {
	for _, path := range []string{"/login/", "/login"} {
		got, err := v.call(ctx, client, http.MethodPost, path, `{}`, nil)
		if v.refused("POST "+path, got, err, 1) {
			return
		}
	}
	v.good("POST /login/ is answered by wxkeeper, without a redirect.")
}

func (v *visit) body(ctx context.Context, client *http.Client) {
	got, err := v.call(ctx, client, http.MethodPost, "/login/", `{"pad":"`+strings.Repeat("x", largeBody)+`"}`, nil)
	if err == nil && !got.ours && got.status == http.StatusRequestEntityTooLarge {
		v.bad("Allow 64 KiB at least, and what an upload needs (nginx: client_max_body_size 4m).", "A body of %d KiB does not get through: %s.",
			largeBody>>10, got.told())
		return
	}
	if !v.refused("A body of 60 KiB", got, err, 1) {
		v.good("A body of %d KiB gets through.", largeBody>>10)
	}
}

// session calls with a token that nobody has, in the header alone, and with a claim of where it comes from.
func (v *visit) session(ctx context.Context, client *http.Client) {
	got, err := v.call(ctx, client, http.MethodPost, "/session/", `{}`, http.Header{
		"Authorization":   {"Bearer " + rand.Text()},
		"X-Forwarded-For": {claimedAddress},
	})
	if err == nil && got.ours && got.Code == 1 {
		v.bad("Have the proxy hand the header on (nginx does; Apache: CGIPassAuth On; some gateways keep it to themselves).",
			"The header Authorization does not arrive.")
		return
	}
	if v.refused("POST /session/", got, err, 2) {
		return
	}
	v.good("The header Authorization arrives.")
	v.address(ctx, got)
}

// refused tells an answer that does not have the code that was to come.
func (v *visit) refused(what string, got answer, err error, code int) bool {
	switch {
	case err != nil:
		v.bad("See the proxy's log.", "%s is not answered: %v.", what, err)
	case !got.ours:
		v.bad(passOn, "%s is answered by %s, not by wxkeeper.", what, got.told())
	case got.Code == 6:
		v.hint("Wait a minute.", "%s: this machine has made too many failures just now.", what)
	case got.Code != code:
		v.bad("Ask wxkeeper's log about the support code "+got.RequestID+".", "%s is answered with code %d, where %d was to come.", what, got.Code, code)
	default:
		return false
	}
	return true
}

// address tells whom the server took us for.
func (v *visit) address(ctx context.Context, got answer) {
	const set = "Name the proxy in WXKEEPER_TRUSTED_PROXIES, and have it add the client to X-Forwarded-For: docs/reverse-proxy.md."
	if v.options.SeenAs == nil {
		v.hint("Run this where the data folder is (WXKEEPER_DATA).", "What address wxkeeper takes a client to have cannot be seen from here.")
		return
	}
	seen, err := v.options.SeenAs(ctx, got.RequestID)
	own := addressOf(got.local)
	switch {
	case err != nil:
		v.hint("Run this where the data folder of this very server is.", "What address wxkeeper took this call to come from was not found: %v.", err)
	case seen.String() == claimedAddress && (own.IsLoopback() || own.IsPrivate()):
		v.hint("Try it from outside.", "wxkeeper believed the address this call claimed to come from. It may where this machine is one of "+
			"WXKEEPER_TRUSTED_PROXIES itself, and nowhere else.")
	case seen.String() == claimedAddress:
		v.bad("Have the proxy add the client's address to X-Forwarded-For, or set it anew (nginx: $proxy_add_x_forwarded_for): docs/reverse-proxy.md.",
			"A client can choose its own address: the proxy hands on the X-Forwarded-For of the client alone, and wxkeeper believes it.")
	case seen == own && own.IsLoopback():
		v.hint("Try it from another machine.", "wxkeeper took this call to come from %s, as everything on this machine does.", seen)
	case seen == own || !seen.IsLoopback() && !seen.IsPrivate():
		v.good("wxkeeper took this call to come from %s. If that is the proxy: %s", seen, set)
	default:
		v.bad(set, "wxkeeper took this call to come from %s, which is the proxy: all clients count as one and share its failures.", seen)
	}
}

func addressOf(local net.Addr) netip.Addr {
	if local == nil {
		return netip.Addr{}
	}
	parsed, _ := netip.ParseAddrPort(local.String()) // the zero address is nobody's
	return parsed.Addr().Unmap()
}

func (v *visit) call(ctx context.Context, client *http.Client, method, path, body string, header http.Header) (got answer, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { got.local = info.Conn.LocalAddr() },
	})
	request, err := http.NewRequestWithContext(ctx, method, v.base.String()+path, strings.NewReader(body))
	if err != nil {
		return got, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := client.Do(request)
	if err != nil {
		return got, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	got.status, got.location, got.proxy = response.StatusCode, response.Header.Get("Location"), response.Header.Get("Server")
	var form struct {
		Status *int    `json:"status"`
		Code   *int    `json:"code"`
		Msg    *string `json:"msg"`
	}
	got.ours = json.Unmarshal(text, &form) == nil && form.Status != nil && form.Code != nil && form.Msg != nil
	if got.ours {
		err = json.Unmarshal(text, &got)
	}
	return got, err
}
