package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const pushToken = "a-token-for-push"

// newPush is our end of message push; plain: in plain mode.
func newPush(t testing.TB, plain bool) *wechat.Push {
	t.Helper()
	options := wechat.PushOptions{Appid: ourAppid, Token: pushToken, AESKey: app.Secret(strings.Repeat("k", 42) + "w"), Plain: plain}
	if plain {
		options.AESKey = ""
	}
	push, err := wechat.NewPush(options)
	if err != nil {
		t.Fatal(err)
	}
	return push
}

func withPush(t testing.TB) func(*Options) {
	push := newPush(t, false)
	return func(o *Options) { o.Push = push }
}

// revoked is a message that a person has withdrawn a kind of data.
func revoked(name, kind string) string {
	return jsonOf(map[string]string{
		"ToUserName": "gh_0123456789ab", "FromUserName": "o-wechat-itself", "CreateTime": strconv.FormatInt(noon.Unix(), 10), "MsgType": "event",
		"Event": wechat.EventUserRevoked, "OpenID": openIDOf(name), "AppID": ourAppid, "RevokeInfo": kind,
	})
}

// pushed makes the request that brings a message in secure mode.
func pushed(t *testing.T, message string) request {
	t.Helper()
	timestamp, nonce := strconv.FormatInt(noon.Unix(), 10), "1320562132"
	encrypt, signature, err := newPush(t, false).Encrypt([]byte(message), [16]byte{1}, timestamp, nonce)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{
		"timestamp": {timestamp}, "nonce": {nonce}, "encrypt_type": {"aes"}, "msg_signature": {signature},
		"signature": {newPush(t, false).Sign(timestamp, nonce)},
	}
	body := jsonOf(map[string]string{"ToUserName": "gh_0123456789ab", "Encrypt": encrypt})
	return request{method: "POST", path: "/wechat/push/?" + query.Encode(), kind: "text/plain", body: body}
}

// shaking makes the request by which WeChat checks our address.
func shaking(t *testing.T, echostr string) request {
	t.Helper()
	timestamp, nonce := strconv.FormatInt(noon.Unix(), 10), "486452656"
	query := url.Values{
		"timestamp": {timestamp}, "nonce": {nonce}, "echostr": {echostr}, "signature": {newPush(t, true).Sign(timestamp, nonce)},
	}
	return request{method: "GET", path: "/wechat/push/?" + query.Encode()}
}

// wantPlain holds an answer to WeChat against a status and the whole of its body.
func wantPlain(t *testing.T, got answer, status int, body string) {
	t.Helper()
	if got.HTTP != status || got.Body != body || got.Header.Get("Content-Type") != "text/plain; charset=UTF-8" {
		t.Errorf("HTTP %d %s %q, want %d %q", got.HTTP, got.Header.Get("Content-Type"), got.Body, status, body)
	}
}

func TestHandshake(t *testing.T) {
	s, _ := newServer(withPush(t))
	good := shaking(t, "4375120948345356249")
	wantPlain(t, ask(t, s, good), http.StatusOK, "4375120948345356249")
	good.path = strings.Replace(good.path, "/push/?", "/push?", 1)
	wantPlain(t, ask(t, s, good), http.StatusOK, "4375120948345356249")
}

func TestHandshakeRefused(t *testing.T) {
	h := newHouse(t, withPush(t), func(o *Options) { o.Status200 = true })
	unsigned, forged := request{method: "GET", path: "/wechat/push/"}, shaking(t, "1")
	forged.path = strings.Replace(forged.path, "nonce=4", "nonce=5", 1)
	for _, refused := range []request{unsigned, forged, shaking(t, "<script>alert(1)</script>"), shaking(t, "")} {
		wantPlain(t, ask(t, h.Server, refused), http.StatusForbidden, "Forbidden")
	}
	wantBadPushes(t, h, wechat.PushBadSignature, wechat.PushBadSignature, wechat.PushBadEcho, wechat.PushBadEcho)
}

// wantBadPushes looks for the events of refused pushes, in any order.
func wantBadPushes(t *testing.T, h house, problems ...wechat.PushProblem) {
	t.Helper()
	h.keeper.Close()
	events, err := h.store.Read().StrangerEvents(t.Context(), 100)
	if err != nil || len(events) != len(problems) {
		t.Fatalf("%d events, want %d: %v", len(events), len(problems), err)
	}
	seen := map[string]int{}
	for i, event := range events {
		if event.Reason != app.PushBadSignature || event.RequestID == "" {
			t.Errorf("event %+v", event)
		}
		seen[event.Detail.Problem]++
		seen[string(problems[i])]--
	}
	for problem, more := range seen {
		if more != 0 {
			t.Errorf("%s: %+d events", problem, more)
		}
	}
}

func TestPushIsTaken(t *testing.T) {
	h := newHouse(t, withPush(t))
	token := h.login(t, "alice")
	call := h.call(t, "/getinfo/", "json", "body", token)
	if got := ask(t, h.Server, call); got.HTTP != http.StatusOK || h.user(t, "alice").Profile.Nickname == "" {
		t.Fatalf("HTTP %d %s", got.HTTP, got.Body)
	}
	for range 3 { // as WeChat sends what it believes not taken
		wantPlain(t, ask(t, h.Server, pushed(t, revoked("alice", "6"))), http.StatusOK, "success")
	}
	if left := h.user(t, "alice").Profile; left.Nickname != "" || left.AvatarURL != "" {
		t.Errorf("still stored: %+v", left)
	}
}

// TestPushOfAnyType: the body counts, whatever the content type says of it; also in XML, and at the path without a slash.
func TestPushOfAnyType(t *testing.T) {
	h := newHouse(t, withPush(t))
	h.login(t, "alice")
	for i, kind := range []string{"", "json", "form", "text/xml", "multipart/form-data; boundary=x", "\xff"} {
		call := pushed(t, revoked("alice", strconv.Itoa(i)))
		call.kind = kind
		wantPlain(t, ask(t, h.Server, call), http.StatusOK, "success")
	}
	call := pushed(t, fmt.Sprintf("<xml><MsgType>event</MsgType><Event>%s</Event><OpenID>%s</OpenID></xml>", wechat.EventUserInfoModified, openIDOf("alice")))
	var envelope map[string]string
	if err := json.Unmarshal([]byte(call.body), &envelope); err != nil {
		t.Fatal(err)
	}
	call.path = strings.Replace(call.path, "/push/?", "/push?", 1)
	call.body = "<xml><Encrypt><![CDATA[" + envelope["Encrypt"] + "]]></Encrypt></xml>"
	wantPlain(t, ask(t, h.Server, call), http.StatusOK, "success")
}

func TestPushInPlainMode(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Push = newPush(t, true) })
	call := shaking(t, "x")
	call.method, call.body = "POST", revoked("nobody", "8")
	wantPlain(t, ask(t, h.Server, call), http.StatusOK, "success")
	call.path = strings.Replace(call.path, "signature=", "signature=0", 1)
	wantPlain(t, ask(t, h.Server, call), http.StatusForbidden, "Forbidden")
}

// TestPushRefused: a message that is not WeChat's is refused without a word, and noted for operators.
func TestPushRefused(t *testing.T) {
	h := newHouse(t, withPush(t), func(o *Options) { o.APIRate, o.Status200 = 1, true })
	h.login(t, "alice")
	changed := pushed(t, revoked("alice", "6"))
	changed.body = strings.Replace(changed.body, `"Encrypt":"`, `"Encrypt":"AAAA`, 1)
	unsigned := pushed(t, revoked("alice", "6"))
	unsigned.path = "/wechat/push/"
	inClear := pushed(t, revoked("alice", "6"))
	inClear.body = revoked("alice", "6")
	empty := pushed(t, revoked("alice", "6"))
	empty.body = ""
	for _, refused := range []request{changed, unsigned, inClear, empty} {
		wantPlain(t, ask(t, h.Server, refused), http.StatusForbidden, "Forbidden")
	}
	wantPlain(t, ask(t, h.Server, pushed(t, revoked("alice", "6"))), http.StatusOK, "success") // nobody is locked out
	wantBadPushes(t, h, wechat.PushBadSignature, wechat.PushBadSignature, wechat.PushNotEncrypted, wechat.PushBadEnvelope)
}

func TestPushTooLarge(t *testing.T) {
	s, _ := newServer(withPush(t), func(o *Options) { o.Status200 = true })
	call := pushed(t, strings.Repeat("a", bodyBytes))
	wantPlain(t, ask(t, s, call), http.StatusRequestEntityTooLarge, "Request Entity Too Large")
}

// TestPushComesAgain: WeChat must send again what could not be stored.
func TestPushComesAgain(t *testing.T) {
	h := newHouse(t, withPush(t), func(o *Options) { o.Status200 = true })
	h.login(t, "alice")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	wantPlain(t, ask(t, h.Server, pushed(t, revoked("alice", "6"))), http.StatusServiceUnavailable, "Service Unavailable")
}

// TestPushIsNotSetUp: without its settings the address does not exist, which STATUS_200 does not hide from WeChat.
func TestPushIsNotSetUp(t *testing.T) {
	s, _ := newServer(func(o *Options) { o.Status200 = true })
	wantFailure(t, ask(t, s, shaking(t, "1")), app.UnknownPath)
	wantFailure(t, ask(t, s, pushed(t, revoked("alice", "6"))), app.UnknownPath)
	on, _ := newServer(withPush(t))
	put := request{method: "PUT", path: "/wechat/push/"}
	wantFailure(t, ask(t, on, put), app.MethodNotAllowed)
}
