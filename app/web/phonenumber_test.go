package web

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

// send posts to an office's API as a mini program does, and holds the answer against the document.
func (o *office) send(t *testing.T, path, kind, body string) answer {
	t.Helper()
	sent, err := http.NewRequest(http.MethodPost, o.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sent.Header.Set("Content-Type", kind)
	return o.do(t, sent)
}

func (o *office) do(t *testing.T, sent *http.Request) answer {
	t.Helper()
	response, err := o.server.Client().Do(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{HTTP: response.StatusCode, Header: response.Header, Body: string(body)}
	_ = json.Unmarshal([]byte(got.Body), &got) // not every answer is JSON
	checkDocumented(t, sent, got)
	return got
}

// TestPhoneNumbers plays the phone number button against the whole server.
func TestPhoneNumbers(t *testing.T) {
	o := newOffice(t)
	visitor := o.phone(t, sandbox.Person{Nickname: "小明", PhoneNumber: "13900001111"})
	other := o.phone(t, sandbox.Person{Nickname: "小红"})
	if err := visitor.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := visitor.PhoneNumber(t.Context())
	if want := `{"phoneNumber":"13900001111","purePhoneNumber":"13900001111","countryCode":"86"}`; err != nil || string(data) != want {
		t.Fatalf("%s, %v", data, err)
	}
	if o.user(t, visitor).Phone.Tail != "1111" {
		t.Error("the number is not stored")
	}
	spent := visitor.Phone().PhoneCode()
	for _, test := range []struct {
		name, code string
		http, want int
		msg        string
	}{
		{"fresh", spent, 200, 0, "ok"},
		{"spent", spent, 400, 4, "手机号凭证code无效"},
		{"of somebody else", other.Phone().PhoneCode(), 400, 4, "手机号凭证code无效"},
		{"of wx.login", visitor.Phone().Login(), 400, 4, "手机号凭证code无效"},
		{"none", "", 400, 1, "缺少参数"},
		{"no code at all", "a b", 400, 5, "参数格式错误"},
	} {
		got := o.send(t, "/phone", jsonType, jsonOf(map[string]string{"token": visitor.Token(), "code": test.code}))
		if got.HTTP != test.http || got.Code != test.want || got.Msg != test.msg {
			t.Errorf("%s: HTTP %d %s", test.name, got.HTTP, got.Body)
		}
		if test.name == "of wx.login" {
			if events, err := o.store.Read().EventsOf(t.Context(), o.user(t, visitor).LastEvent, 1); err != nil ||
				events[0].Reason != app.PhoneLoginCode || events[0].RequestID != got.RequestID {
				t.Errorf("events %+v, %v", events, err)
			}
		}
	}
	for fault, want := range map[sandbox.Fault]int{
		{Kind: sandbox.FaultErrcode, Errcode: 48001}: 10, {Kind: sandbox.FaultQuota}: 6, {Kind: sandbox.FaultBusy}: 7, {Kind: sandbox.FaultHTML}: 7,
	} {
		fault.API, fault.Calls = sandbox.APIPhoneNumber, 1
		before := o.emulator.CallsOf(sandbox.APIPhoneNumber)
		if err := o.emulator.Fail(fault); err != nil {
			t.Fatal(err)
		}
		got := o.send(t, "/phone/", jsonType, jsonOf(map[string]string{"token": visitor.Token(), "code": visitor.Phone().PhoneCode()}))
		if got.Code != want {
			t.Errorf("%v: %s", fault, got.Body)
		}
		if calls := o.emulator.CallsOf(sandbox.APIPhoneNumber) - before; calls != 1 {
			t.Errorf("%v: WeChat was asked %d times", fault, calls)
		}
	}
	o.emulator.ExpireTokens()
	if _, err := visitor.PhoneNumber(t.Context()); err != nil {
		t.Errorf("with an expired access token: %v", err)
	}
}
