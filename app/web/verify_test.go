package web

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

func verifying(token string) request {
	return request{method: "GET", path: "/verify/", header: map[string]string{"Authorization": "Bearer " + token}}
}

// wantVerified holds an answer against what a good token gets.
func wantVerified(t *testing.T, got answer, user app.UserNumber, openID string) {
	t.Helper()
	if got.HTTP != http.StatusNoContent || got.Body != "" {
		t.Fatalf("HTTP %d %s", got.HTTP, got.Body)
	}
	want := http.Header{
		"X-Wxkeeper-User": {user.String()}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"},
	}
	if openID != "" {
		want.Set("X-Wxkeeper-OpenID", openID)
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Error(diff)
	}
}

// wantNotVerified holds an answer against what a bad token gets.
func wantNotVerified(t *testing.T, got answer) {
	t.Helper()
	wantFailure(t, got, app.InvalidToken)
	if got.Header.Get("WWW-Authenticate") != "Bearer" || got.Header.Get("X-Wxkeeper-User") != "" || got.Header.Get("X-Wxkeeper-OpenID") != "" {
		t.Errorf("headers %v", got.Header)
	}
}

func (h house) user(t *testing.T, name string) app.User {
	t.Helper()
	user, err := h.store.Read().UserByOpenID(t.Context(), 1, app.OpenID(openIDOf(name)))
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func (h house) forceRelogin(t *testing.T, name string) {
	t.Helper()
	order := keeper.Order{Operator: "tester", Reason: "test"}
	if _, err := h.keeper.ForceRelogin(t.Context(), order, h.user(t, name).Number); err != nil {
		t.Fatal(err)
	}
}

func TestVerify(t *testing.T) {
	h := newHouse(t)
	token := h.login(t, "alice")
	number := h.user(t, "alice").Number
	for range 2 { // from the database, then from memory
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			for _, path := range []string{"/verify", "/verify/"} {
				call := verifying(token)
				call.method, call.path = method, path
				wantVerified(t, ask(t, h.Server, call), number, "")
			}
		}
	}
}

func TestVerifyTellsOpenIDWhereAsked(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.VerifyOpenID = true })
	longest := strings.Repeat("a", 64-len(openIDOf("")))
	for name, shown := range map[string]bool{"alice": true, "Bob_b-9": true, longest: true, longest + "a": false, "a.b": false, "a=b": false} {
		token, openID := h.login(t, name), ""
		if shown {
			openID = openIDOf(name)
		}
		wantVerified(t, ask(t, h.Server, verifying(token)), h.user(t, name).Number, openID)
	}
}

// TestVerifyBelievesNoHeader: what the client says of itself is neither believed nor sent back.
func TestVerifyBelievesNoHeader(t *testing.T) {
	h := newHouse(t)
	token := h.login(t, "alice")
	number := h.user(t, "alice").Number
	claims := map[string]string{"X-Wxkeeper-User": "123456789", "X-Wxkeeper-OpenID": "o-somebody"}
	wantNotVerified(t, ask(t, h.Server, request{method: "GET", path: "/verify/", header: claims}))
	claims["Authorization"] = "Bearer " + token
	wantVerified(t, ask(t, h.Server, request{method: "GET", path: "/verify/", header: claims}), number, "")
}

// TestVerifyReadsAuthorizationAlone also shows that STATUS_200 does not make a refusal look good.
func TestVerifyReadsAuthorizationAlone(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Status200 = true })
	token := h.login(t, "alice")
	bad := app.NewToken().Reveal()
	for _, refused := range []request{
		{method: "GET", path: "/verify/"},
		{method: "GET", path: "/verify?token=" + token},
		{method: "GET", path: "/verify/", kind: "json", body: jsonOf(map[string]string{"token": token})},
		{method: "GET", path: "/verify/", kind: "form", body: "token=" + token},
		{method: "GET", path: "/verify", header: map[string]string{"Authorization": "Basic " + token}},
		{method: "GET", path: "/verify", header: map[string]string{"Authorization": token}},
		{method: "GET", path: "/verify", header: map[string]string{"Authorization": "Bearer"}},
		{method: "GET", path: "/verify", header: map[string]string{"Authorization": "Bearer " + token + " " + token}},
		{method: "GET", path: "/verify", header: map[string]string{"Proxy-Authorization": "Bearer " + token}},
		{method: "GET", path: "/verify", header: map[string]string{"Authorization": "Bearer " + bad}},
		{method: "OPTIONS", path: "/verify/", header: map[string]string{"Authorization": "Bearer " + bad}},
	} {
		wantNotVerified(t, ask(t, h.Server, refused))
	}
	head := ask(t, h.Server, request{method: "HEAD", path: "/verify/"})
	if head.HTTP != http.StatusUnauthorized {
		t.Errorf("HEAD: HTTP %d", head.HTTP)
	}
	post := verifying(token)
	post.method = "POST"
	wantFailure(t, ask(t, h.Server, post), app.MethodNotAllowed)
}

// TestMissingTokenIsNoEvent: a site's visitors who have not logged in are nothing an operator must see.
func TestMissingTokenIsNoEvent(t *testing.T) {
	h := newHouse(t)
	wantNotVerified(t, ask(t, h.Server, request{method: "GET", path: "/verify/"}))
	wantNotVerified(t, ask(t, h.Server, verifying("wrong")))
	h.keeper.Close()
	events, err := h.store.Read().StrangerEvents(t.Context(), 10)
	if err != nil || len(events) != 1 || events[0].Reason != app.TokenUnknown {
		t.Errorf("events are %+v, %v", events, err)
	}
}

func TestVerifyEndsWithTheSession(t *testing.T) {
	h := newHouse(t)
	forced, loggedOut := h.login(t, "alice"), h.login(t, "bob")
	for _, token := range []string{forced, loggedOut} { // into memory
		if got := ask(t, h.Server, verifying(token)); got.HTTP != http.StatusNoContent {
			t.Fatalf("HTTP %d", got.HTTP)
		}
	}
	h.forceRelogin(t, "alice")
	wantNotVerified(t, ask(t, h.Server, verifying(forced)))
	ask(t, h.Server, h.call(t, "/logout/", "json", "body", loggedOut))
	wantNotVerified(t, ask(t, h.Server, verifying(loggedOut)))
}

func TestVerifyRefusesDisabledUsers(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Status200 = true })
	token := h.login(t, "alice")
	order := keeper.Order{Operator: "tester", Reason: "test"}
	if err := h.keeper.Disable(t.Context(), order, h.user(t, "alice").Number); err != nil {
		t.Fatal(err)
	}
	got := ask(t, h.Server, verifying(token))
	wantFailure(t, got, app.UserDisabled)
	if got.Header.Get("WWW-Authenticate") != "" {
		t.Error("another login would not help")
	}
}

func TestVerifyWithoutStorage(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Status200 = true })
	token := h.login(t, "alice")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, ask(t, h.Server, verifying(token)), app.StorageUnavailable)
}

// TestVerifyWaitsForNoBody: an answer comes although the body that was announced does not, and the connection ends with it.
func TestVerifyWaitsForNoBody(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	for token, status := range map[string]int{h.login(t, "alice"): 204, "wrong": 401, "": 401} {
		for _, body := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
			connection := dial(t, strings.TrimPrefix(server.URL, "http://"))
			fmt.Fprintf(connection, "GET /verify/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", token, body)
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			_ = response.Body.Close()
			if response.StatusCode != status || !response.Close {
				t.Errorf("%s: HTTP %d, closing: %v", body, response.StatusCode, response.Close)
			}
		}
	}
}

// TestVerifyLimit: a back end that asks for everybody is not locked out by strangers, while a client it names is limited.
func TestVerifyLimit(t *testing.T) {
	const proxy = "203.0.113.7:80"
	tests := []struct {
		name, peer, forwarded string
		limited               bool
	}{
		{"a client from outside", "198.51.100.1:1", "", true},
		{"a client from outside that claims to be another", "198.51.100.1:1", "127.0.0.1", true},
		{"loopback", "127.0.0.1:1", "", false},
		{"loopback that passes a client's claim on", "127.0.0.1:1", "198.51.100.1", false},
		{"loopback, IPv6", "[::1]:1", "", false},
		{"a private network", "172.18.0.3:1", "", false},
		{"a trusted proxy that asks for itself", proxy, "", false},
		{"a trusted proxy that names the client", proxy, "198.51.100.1", true},
		{"a trusted proxy and a claim before it", proxy, "127.0.0.1, 198.51.100.1", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, func(o *Options) {
				o.APIRate, o.TrustedProxies = 2, []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
			})
			good := verifying(h.login(t, "alice"))
			bad := verifying("wrong")
			for _, call := range []request{good, bad} {
				call.header["X-Forwarded-For"] = test.forwarded
			}
			good.from, bad.from = test.peer, test.peer
			for range 3 {
				ask(t, h.Server, bad)
			}
			got := ask(t, h.Server, good)
			if test.limited {
				wantFailure(t, got, app.TooManyRequests)
			} else {
				wantVerified(t, got, h.user(t, "alice").Number, "")
			}
		})
	}
}

// TestMissingTokenIsNotHeldAgainst: the other calls of a client that asked without a token are not limited for it.
func TestMissingTokenIsNotHeldAgainst(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.APIRate = 1 })
	for range 3 {
		wantNotVerified(t, ask(t, h.Server, request{method: "GET", path: "/verify/", from: "198.51.100.1:1"}))
	}
	call := h.call(t, "/session/", "json", "body", h.login(t, "alice"))
	call.from = "198.51.100.1:1"
	if got := ask(t, h.Server, call); got.HTTP != 200 {
		t.Errorf("HTTP %d", got.HTTP)
	}
}

// TestVerifySparesNobodyElsewhere: the same back end is limited as anybody at the other calls.
func TestVerifySparesNobodyElsewhere(t *testing.T) {
	s, _ := newLimited(1)
	bad := request{method: "POST", path: "/session/", from: "127.0.0.1:1"}
	wantFailure(t, ask(t, s, bad), app.MissingParameter)
	wantFailure(t, ask(t, s, bad), app.TooManyRequests)
}
