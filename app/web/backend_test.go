package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/backend"
	"wxkeeper/db"
)

// backEnd gives name and secret of a business server for HTTP Basic; it is made where there is none.
func (h house) backEnd(t testing.TB, name string) string {
	t.Helper()
	secret, err := h.backEnds.Add(t.Context(), "tester", name, 0)
	if app.KindOf(err) == app.AlreadyExists {
		if err = h.backEnds.Revoke(t.Context(), "tester", name); err == nil {
			secret, err = h.backEnds.Add(t.Context(), "tester", name, 0)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + secret.Reveal()))
}

// basic is a call of a business server.
func basic(credentials, path, body string) request {
	return request{
		method: "POST", path: path, kind: "json", body: body, from: "203.0.113.9:1",
		header: map[string]string{"Authorization": "Basic " + credentials},
	}
}

// TestGuessersWaitAndGoodBackEndsDoNot: wrong credentials are failures of an address; good ones from the same address are let in, and
// what they fail at is not held against it.
func TestGuessersWaitAndGoodBackEndsDoNot(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.APIRate = 3 })
	good := h.backEnd(t, "orders")
	bad := base64.StdEncoding.EncodeToString([]byte("orders:wxk_wrong"))
	for range 10 { // of a good back end, more failures than an address may have
		wantFailure(t, ask(t, h.Server, basic(good, "/session/", `{"openid":"o-nobody"}`)), app.SealedDataUnopened)
	}
	for range 3 {
		got := ask(t, h.Server, basic(bad, "/session/", `{"openid":"o-nobody"}`))
		wantFailure(t, got, app.InvalidToken)
		if got.Header.Get("WWW-Authenticate") != `Basic realm="wxkeeper", charset="UTF-8"` {
			t.Errorf("headers %v", got.Header)
		}
	}
	wantFailure(t, ask(t, h.Server, basic(bad, "/session/", `{"openid":"o-nobody"}`)), app.TooManyRequests)
	wantFailure(t, ask(t, h.Server, request{method: "POST", path: "/session/", from: "203.0.113.9:1"}), app.TooManyRequests)
	wantFailure(t, ask(t, h.Server, basic(good, "/session/", `{"openid":"o-nobody"}`)), app.SealedDataUnopened)
}

// TestABackEndHasALimitOfItsOwn: whatever address it calls from.
func TestABackEndHasALimitOfItsOwn(t *testing.T) {
	h := newHouse(t)
	limited := backend.New(backend.Options{
		Store: h.store, Ring: h.ring(t), PerMinute: 2, Clock: func() time.Time { return noon }, Log: newLogger(h.log),
	})
	t.Cleanup(limited.Close)
	h.backEnds = limited
	orders, mail := h.backEnd(t, "orders"), h.backEnd(t, "mail")
	call := basic(orders, "/session/", `{"openid":"o-nobody"}`)
	for i := range 2 {
		call.from = fmt.Sprintf("203.0.113.%d:1", i)
		wantFailure(t, ask(t, h.Server, call), app.SealedDataUnopened)
	}
	got := ask(t, h.Server, call)
	wantLimited(t, h.Server, got, app.LimitBackEnd)
	if got.Header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %s", got.Header.Get("Retry-After"))
	}
	wantFailure(t, ask(t, h.Server, basic(mail, "/session/", `{"openid":"o-nobody"}`)), app.SealedDataUnopened)
}

// TestOnlyBackEndsNameUsers: to anybody else an openid is no parameter at all, and a token opens nothing that needs credentials.
func TestOnlyBackEndsNameUsers(t *testing.T) {
	h := newHouse(t)
	token := h.login(t, "alice")
	named := fmt.Sprintf(`{"openid":%q,"user":%q,"payload":"x"}`, openIDOf("alice"), h.user(t, "alice").Number)
	for _, path := range []string{"/session/", "/getinfo/", "/sign/", "/introspect/"} {
		for name, header := range map[string]map[string]string{
			"without a token": nil,
			"with a token":    {"Authorization": "Bearer " + token},
		} {
			got := ask(t, h.Server, request{method: "POST", path: path, kind: "json", body: named, header: header})
			if path == "/session/" && header != nil {
				continue // the token's own user
			}
			if got.HTTP == 200 || strings.Contains(got.Body, h.user(t, "alice").Number.String()) {
				t.Errorf("%s %s: HTTP %d %s", path, name, got.HTTP, got.Body)
			}
		}
	}
	var plain loginReply
	got := ask(t, h.Server, request{method: "POST", path: "/login/", kind: "json", body: jsonOf(map[string]string{"code": h.value(t, "code", "alice")})})
	if got.data(t, &plain); strings.Contains(got.Body, "openid") {
		t.Errorf("a mini program is told %s", got.Body)
	}
}

// TestSignedBytesAreThoseGiven: whatever the way, the signature is over the very bytes of the text.
func TestSignedBytesAreThoseGiven(t *testing.T) {
	h := newHouse(t)
	h.login(t, "alice")
	orders := h.backEnd(t, "orders")
	for _, payload := range []string{"x", `{"金额": 1,"x":"<&>"}`, "a\r\nb\n\x00\u2028", "😀", "\ufffd", "\ufeff ", "a+b c%20d", "\\ud83d"} {
		mac := hmac.New(sha256.New, []byte(keyOf("alice", 0)))
		mac.Write([]byte(payload))
		want := hex.EncodeToString(mac.Sum(nil))
		for _, kind := range []string{"json", "form"} {
			fields := map[string]string{"openid": openIDOf("alice"), "payload": payload}
			call := basic(orders, "/sign/", jsonOf(fields))
			if kind == "form" {
				call.kind, call.body = kind, url.Values{"openid": {fields["openid"]}, "payload": {payload}}.Encode()
			}
			var signed signReply
			got := ask(t, h.Server, call)
			if got.data(t, &signed); signed.Signature != want || signed.ConfirmedAt != noon.Unix() {
				t.Errorf("%q as %s: %+v, want %s", payload, kind, signed, want)
			}
		}
	}
	ascii := basic(orders, "/sign/", fmt.Sprintf(`{"openid":%q,"payload":"\u91d1\ud83d\ude00"}`, openIDOf("alice")))
	plain := basic(orders, "/sign/", fmt.Sprintf(`{"openid":%q,"payload":"金😀"}`, openIDOf("alice")))
	if a, b := ask(t, h.Server, ascii), ask(t, h.Server, plain); a.HTTP != 200 || a.Body != b.Body {
		t.Errorf("escaped %s, plain %s", a.Body, b.Body)
	}
	for _, half := range []string{`\ud83d`, `\ude00\ud83d`, `\ud83dx`, `\ud83d\n`, `\ud83d\u0041`} {
		refused := basic(orders, "/sign/", fmt.Sprintf(`{"openid":%q,"payload":"%s"}`, openIDOf("alice"), half))
		wantFailure(t, ask(t, h.Server, refused), app.Malformed)
	}
}

func TestIntrospect(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.VerifyOpenID, o.Status200 = true, true })
	token, ended := h.login(t, "alice"), h.login(t, "bob")
	h.forceRelogin(t, "bob")
	orders := h.backEnd(t, "orders")
	got := httpAnswer(h.Server, basic(orders, "/introspect/", jsonOf(map[string]string{"token": token})))
	want := fmt.Sprintf(`{"active":true,"token_type":"Bearer","sub":%q,"client_id":%q,"iat":%d,"exp":%d,"openid":%q}`+"\n",
		h.user(t, "alice").Number, ourAppid, noon.Unix(), noon.Add(30*24*time.Hour).Unix(), openIDOf("alice"))
	if got.HTTP != 200 || got.Body != want {
		t.Errorf("HTTP %d %s, want %s", got.HTTP, got.Body, want)
	}
	for _, bad := range []string{ended, "unknown", app.NewToken().Reveal(), strings.Repeat("x", 1000)} {
		got := httpAnswer(h.Server, basic(orders, "/introspect", jsonOf(map[string]string{"token": bad})))
		if got.HTTP != 200 || got.Body != `{"active":false}`+"\n" {
			t.Errorf("HTTP %d %s", got.HTTP, got.Body)
		}
	}
	if got := httpAnswer(h.Server, basic("eDp5", "/introspect/", "{}")); got.HTTP != 401 {
		t.Errorf("without credentials, where failures have HTTP 200: HTTP %d", got.HTTP)
	}
}

// ring opens the keys of the house.
func (h house) ring(t *testing.T) *db.KeyRing {
	t.Helper()
	ring, err := h.store.KeyRing(t.Context(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
