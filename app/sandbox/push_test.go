package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

const (
	pushToken  = "synthToken"
	pushAESKey = "QkN3aWZ4eE1hZGVVcEtleUZvclRlc3RzT25seTAwMDE"
)

// mailroom is a developer's server whose message push is set: its first request is the handshake.
type mailroom struct {
	*developer
	opener *wechat.Push
}

func newMailroom(t *testing.T, w *world, key app.Secret, answers ...http.HandlerFunc) *mailroom {
	t.Helper()
	opener, err := wechat.NewPush(wechat.PushOptions{
		Appid: w.phone.Appid(), Token: pushToken, AESKey: key, Plain: key == "",
	})
	if err != nil {
		t.Fatal(err)
	}
	shakesHands := func(response http.ResponseWriter, request *http.Request) {
		echo, err := opener.Handshake(request.URL.Query())
		if err != nil || request.Method != http.MethodGet {
			t.Errorf("%s %s: %v", request.Method, request.URL, err)
		}
		says(echo)(response, request)
	}
	m := &mailroom{newDeveloper(t, append([]http.HandlerFunc{shakesHands}, answers...)...), opener}
	if err := w.SetPush(t.Context(), "", sandbox.PushSettings{URL: m.url + "/push/?a=1", Token: pushToken, EncodingAESKey: key}); err != nil {
		t.Fatal(err)
	}
	return m
}

// opened opens everything that was pushed after the handshake.
func (m *mailroom) opened(t *testing.T, w *world) (messages []wechat.Message) {
	t.Helper()
	for i, request := range m.arrived[1:] {
		if query := request.URL.Query(); request.Method != http.MethodPost || query.Get("a") != "1" {
			t.Errorf("%s %s", request.Method, request.URL)
		}
		message, err := m.opener.Open(request.URL.Query(), m.bodies[i+1], w.clock.Now())
		if err != nil {
			t.Fatalf("%v in %s", err, m.bodies[i+1])
		}
		messages = append(messages, message)
	}
	return messages
}

func TestWithdrawnConsentIsPushed(t *testing.T) {
	for mode, key := range map[string]app.Secret{"secure": pushAESKey, "plain": ""} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t)
			room := newMailroom(t, w, key, says("success"), says(""))
			if err := w.phone.WithdrawConsent(t.Context(), wechat.RevokedPhone, 201); err != nil {
				t.Fatal(err)
			}
			messages := room.opened(t, w)
			if len(messages) != 2 || messages[0].RevokeInfo[0] != 8 || messages[1].RevokeInfo[0] != 201 {
				t.Fatalf("messages %+v", messages)
			}
			for _, message := range messages {
				if message.Type != "event" || message.Event != wechat.EventUserRevoked || message.OpenID != w.phone.OpenID() ||
					!message.CreatedAt.Equal(w.clock.Now()) {
					t.Errorf("message %+v", message)
				}
			}
			if messages[0].MsgID == messages[1].MsgID {
				t.Error("two events of one second look like one that came twice")
			}
		})
	}
}

func TestAMessageHasTheFieldsOfWeChats(t *testing.T) {
	w := newWorld(t)
	room := newMailroom(t, w, pushAESKey, says("success"))
	if err := w.phone.WithdrawConsent(t.Context(), wechat.RevokedProfile); err != nil {
		t.Fatal(err)
	}
	var outside map[string]string
	if err := json.Unmarshal(room.bodies[1], &outside); err != nil {
		t.Fatal(err)
	}
	raw := room.opened(t, w)[0].Raw
	if got := strings.Join(fieldsOf(t, raw), " "); got != "ToUserName FromUserName CreateTime MsgType Event OpenID AppID RevokeInfo" {
		t.Errorf("fields %s", got)
	}
	var inside map[string]any
	if err := json.Unmarshal(raw, &inside); err != nil {
		t.Fatal(err)
	}
	if inside["FromUserName"] == string(w.phone.OpenID()) || inside["RevokeInfo"] != "6" || inside["AppID"] != string(w.phone.Appid()) {
		t.Errorf("message %s", raw)
	}
	if len(outside) != 2 || outside["ToUserName"] != inside["ToUserName"] || !strings.HasPrefix(outside["ToUserName"], "gh_") {
		t.Errorf("envelope %v around %s", outside, raw)
	}
	if query := room.arrived[1].URL.Query(); query.Get("encrypt_type") != "aes" || len(query.Get("signature")) != 40 {
		t.Errorf("query %v", query)
	}
}

func TestAMessageIsPushedThreeTimes(t *testing.T) {
	refuses := func(response http.ResponseWriter, _ *http.Request) {
		http.Error(response, "no", http.StatusServiceUnavailable)
	}
	breaks := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	w := newWorld(t)
	room := newMailroom(t, w, pushAESKey, refuses, breaks, says("success"))
	if err := w.phone.WithdrawConsent(t.Context(), wechat.RevokedPhone); err != nil {
		t.Errorf("the third attempt was taken: %v", err)
	}
	messages := room.opened(t, w)
	if len(messages) != 3 || messages[0].MsgID != messages[2].MsgID {
		t.Errorf("%d messages", len(messages))
	}
	if string(room.bodies[1]) == string(room.bodies[3]) {
		t.Error("each attempt should be encrypted anew")
	}
	room = newMailroom(t, w, pushAESKey, says("failed"))
	if err := w.phone.WithdrawConsent(t.Context(), wechat.RevokedPhone); err == nil || len(room.arrived) != 4 {
		t.Errorf("%d requests, error %v", len(room.arrived), err)
	}
}

// hangs is a network on which, after a handshake, nobody answers.
type hangs struct{ attempts int }

func (h *hangs) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet {
		return inProcess{says(request.URL.Query().Get("echostr"))}.RoundTrip(request)
	}
	h.attempts++
	<-request.Context().Done()
	return nil, request.Context().Err()
}

func TestWeChatWaitsFiveSecondsForEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &hangs{}
		w := sandbox.New(sandbox.Options{Transport: network})
		settings := sandbox.PushSettings{URL: "http://keeper.test/push/", Token: pushToken, EncodingAESKey: pushAESKey}
		if err := w.SetPush(t.Context(), "", settings); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := w.AddPhone(sandbox.PhoneOptions{}).WithdrawConsent(t.Context(), wechat.RevokedPhone)
		if took := time.Since(began); err == nil || network.attempts != 3 || took != 15*time.Second {
			t.Errorf("%d attempts in %v, error %v", network.attempts, took, err)
		}
	})
}

func TestThePushURLMustPassTheCheck(t *testing.T) {
	w := newWorld(t)
	good := newMailroom(t, w, pushAESKey, says("success"))
	deaf := newDeveloper(t, says("hello"))
	with := func(change func(*sandbox.PushSettings)) sandbox.PushSettings {
		settings := sandbox.PushSettings{URL: good.url, Token: pushToken, EncodingAESKey: pushAESKey}
		change(&settings)
		return settings
	}
	for name, settings := range map[string]sandbox.PushSettings{
		"no echo":      with(func(s *sandbox.PushSettings) { s.URL = deaf.url }),
		"no server":    with(func(s *sandbox.PushSettings) { s.URL = "http://127.0.0.1:1/" }),
		"no address":   with(func(s *sandbox.PushSettings) { s.URL = "keeper" }),
		"no token":     with(func(s *sandbox.PushSettings) { s.Token = "" }),
		"a broken key": with(func(s *sandbox.PushSettings) { s.EncodingAESKey = "short" }),
	} {
		if w.SetPush(t.Context(), "", settings) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if w.SetPush(t.Context(), "wx0000000000000009", sandbox.PushSettings{}) == nil || w.PushURL("wx0000000000000009") != "" {
		t.Error("an unknown app was taken")
	}
	if w.PushURL("") != good.url+"/push/?a=1" {
		t.Errorf("refused settings took effect: %q", w.PushURL(""))
	}
	if err := w.SetPush(t.Context(), "", sandbox.PushSettings{}); err != nil || w.PushURL("") != "" {
		t.Errorf("turned off: %q, error %v", w.PushURL(""), err)
	}
	if err := w.phone.WithdrawConsent(t.Context(), wechat.RevokedPhone); err != nil || len(good.arrived) != 1 {
		t.Errorf("%d requests after it was turned off, error %v", len(good.arrived), err)
	}
}

func TestALostProfileIsPushed(t *testing.T) {
	w := newWorld(t)
	room := newMailroom(t, w, pushAESKey, says("success"))
	if err := w.phone.LoseProfile(t.Context()); err != nil {
		t.Fatal(err)
	}
	messages := room.opened(t, w)
	if len(messages) != 1 || messages[0].Event != wechat.EventUserInfoModified || len(messages[0].RevokeInfo) != 0 {
		t.Errorf("messages %+v", messages)
	}
	if person := w.phone.Person(); person.Nickname != app.AnonymousNickname || person.AvatarURL == "" {
		t.Errorf("person %+v", person)
	}
}

func TestAClosedAccountIsGoneEverywhere(t *testing.T) {
	other := sandbox.App{Appid: "wx0000000000000002", Secret: "s"}
	w := newWorld(t, sandbox.DemoApp(), other)
	elsewhere := w.AddPhone(sandbox.PhoneOptions{Appid: other.Appid, Owner: w.phone})
	second := w.phone.SecondDevice(sandbox.Device{})
	room := newMailroom(t, w, pushAESKey, says("success"))
	key, early := w.login(t, w.phone).SessionKey, second.Login()
	if err := w.phone.CloseAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	messages := room.opened(t, w) // the other app has set no push
	if len(messages) != 1 || messages[0].Event != wechat.EventUserCancelled || messages[0].OpenID != w.phone.OpenID() {
		t.Errorf("messages %+v", messages)
	}
	if !second.Closed() || !elsewhere.Closed() || w.phone.CheckSession() {
		t.Error("a phone of the person still works")
	}
	for _, code := range []string{early, w.phone.Login()} {
		w.wantErrcode(t, code, wechat.ErrcodeCodeInvalid)
	}
	if got := w.check(t, w.phone, key); got != wechat.ErrcodeOpenIDUnknown {
		t.Errorf("a check: %d", got)
	}
	mock := w.MockPhone(w.phone.Appid())
	if err := mock.CloseAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantErrcode(t, mock.Login(), wechat.ErrcodeCodeInvalid)
}
