package wechat_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxkeeper/app/wechat"
)

// openMessage opens a message that WeChat has encrypted.
func openMessage(t testing.TB, text string) (wechat.Message, error) {
	t.Helper()
	encrypt, _, err := securePush(t).Encrypt([]byte(text), [16]byte{}, pushedAt, "n1")
	if err != nil {
		t.Fatal(err)
	}
	return openEncrypted(t, encrypt)
}

func mustOpenMessage(t testing.TB, text string) wechat.Message {
	t.Helper()
	message, err := openMessage(t, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return message
}

const revoked = `{"ToUserName":"gh_1","FromUserName":"oSYSTEM","CreateTime":1700001000,"MsgType":"event",` +
	`"Event":"user_authorization_revoke","OpenID":"oUser1","AppID":"wx1","RevokeInfo":"8"}`

func TestMessages(t *testing.T) {
	at := time.Unix(1700001000, 0)
	event := wechat.Message{Type: "event", Event: wechat.EventUserRevoked, OpenID: "oUser1", CreatedAt: at, RevokeInfo: []int{8}}
	for name, test := range map[string]struct {
		text string
		want wechat.Message
	}{
		"revoke": {revoked, event},
		"revoke in XML": {`<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName>oSYSTEM</FromUserName><CreateTime>1700001000</CreateTime>` +
			`<MsgType><![CDATA[event]]></MsgType><Event>user_authorization_revoke</Event><OpenID><![CDATA[oUser1]]></OpenID><RevokeInfo>8</RevokeInfo></xml>`, event},
		"spaces": {`{" MsgType":" event","Event":"user_authorization_revoke\n"," OpenID":" oUser1","CreateTime":" 1700001000 ","RevokeInfo":" 8 "}`, event},
		"modified": {`{"MsgType":"event","Event":"user_info_modified","OpenID":"oUser1","CreateTime":"1700001000"}`,
			wechat.Message{Type: "event", Event: wechat.EventUserInfoModified, OpenID: "oUser1", CreatedAt: at}},
		"cancelled": {`{"MsgType":"event","Event":"user_authorization_cancellation","OpenID":"oUser1","PluginID":"","OpenPID":" "}`,
			wechat.Message{Type: "event", Event: wechat.EventUserCancelled, OpenID: "oUser1"}},
		"unknown":         {`{"MsgType":"event","Event":"debug_demo","more":{"OpenID":"no"},"list":[1],"flag":true}`, wechat.Message{Type: "event", Event: "debug_demo"}},
		"of a user":       {`{"MsgType":"text","Content":"hello","FromUserName":"oUser1","MsgId":23}`, wechat.Message{Type: "text"}},
		"nothing":         {`{}`, wechat.Message{}},
		"odd openid":      {`{"OpenID":"o 1"}`, wechat.Message{}},
		"openid a list":   {`{"OpenID":["o1", "o2"]}`, wechat.Message{}},
		"time a word":     {`{"CreateTime":"now"}`, wechat.Message{}},
		"time negative":   {`{"CreateTime":-1}`, wechat.Message{}},
		"time of no year": {`{"CreateTime":253402300800}`, wechat.Message{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustOpenMessage(t, test.text)
			test.want.Raw = []byte(test.text)
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(wechat.Message{}, "MsgID")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRevokeInfo(t *testing.T) {
	for info, want := range map[string][]int{
		`"8"`: {8}, `8`: {8}, `"6,8"`: {6, 8}, `" 6 , 19,20 "`: {6, 19, 20}, `"6，8；12、7|1;2 3"`: {6, 8, 12, 7, 1, 2, 3},
		`["6","8"]`: {6, 8}, `[12]`: {12}, `"99"`: {99}, `"8,"`: {8}, `"-1"`: {-1},
		`"phone"`: {0}, `"6,phone"`: {6, 0}, `"99999999999999999999"`: {0}, `{}`: {0}, `true`: {0}, `8.5`: {0},
		`""`: nil, `null`: nil, `" , "`: nil,
	} {
		got := mustOpenMessage(t, `{"MsgType":"event","Event":"user_authorization_revoke","RevokeInfo":`+info+`}`)
		if diff := cmp.Diff(want, got.RevokeInfo); diff != "" {
			t.Errorf("%s (-want +got):\n%s", info, diff)
		}
	}
}

func TestMsgID(t *testing.T) {
	first := mustOpenMessage(t, revoked).MsgID
	if len(first) != 64 {
		t.Errorf("id %q", first)
	}
	for _, again := range []string{
		strings.ReplaceAll(revoked, ",", " , "),
		strings.Replace(revoked, `"OpenID":"oUser1",`, "", 1)[:len(revoked)-len(`"OpenID":"oUser1",`)-1] + `,"OpenID":" oUser1"}`,
		strings.Replace(revoked, "{", `{"Encrypt":"of 兼容模式",`, 1),
	} {
		if got := mustOpenMessage(t, again).MsgID; got != first {
			t.Errorf("another id for %s", again)
		}
	}
	for _, other := range []string{
		strings.Replace(revoked, "oUser1", "oUser2", 1),
		strings.Replace(revoked, `"8"`, `"12"`, 1),
		strings.Replace(revoked, "1700001000", "1700001001", 1),
		strings.Replace(revoked, "revoke", "cancellation", 1),
		strings.Replace(revoked, "}", `,"MsgId":7}`, 1),
	} {
		if got := mustOpenMessage(t, other).MsgID; got == first {
			t.Errorf("the same id for %s", other)
		}
	}
	if a, b := mustOpenMessage(t, `{"MsgId":7,"CreateTime":1}`), mustOpenMessage(t, `{"MsgId":"7","CreateTime":2}`); a.MsgID != b.MsgID {
		t.Error("MsgId alone tells messages apart, where there is one")
	}
}

// FuzzPushEnvelope is what a stranger may send: it never opens.
func FuzzPushEnvelope(f *testing.F) {
	f.Add(`{"ToUserName":"gh_1","Encrypt":"AAAA"}`, pushedAt, "n1", "00")
	f.Add(`<xml><Encrypt><![CDATA[AAAA]]></Encrypt></xml>`, "", "", "")
	f.Add(revoked, "1", "", sortedSum("1"))
	f.Fuzz(func(t *testing.T, body, timestamp, nonce, signature string) {
		query := signedQuery("")
		query.Set("timestamp", timestamp)
		query.Set("nonce", nonce)
		query.Set("signature", signature)
		query.Set("msg_signature", signature)
		for _, open := range []func() (wechat.Message, error){
			func() (wechat.Message, error) { return securePush(t).Open(query, []byte(body), time.Now()) },
			func() (wechat.Message, error) { return plainPush(t).Open(query, []byte(body), time.Now()) },
		} {
			message, err := open()
			if problem, ok := errors.AsType[wechat.PushProblem](err); !ok || message.Raw != nil {
				t.Errorf("message %+v, problem %s", message, problem)
			}
		}
	})
}

// FuzzPushOpen opens anything that is signed well.
func FuzzPushOpen(f *testing.F) {
	f.Add(padded(packed(2, "{}"+string(testAppid)), 32))
	f.Add(padded(packed(1<<32-1, "{}"), 32))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		message, err := openEncrypted(t, encryptRaw(t, plaintext[:len(plaintext)&^15]))
		if _, ok := errors.AsType[wechat.PushProblem](err); err != nil && (!ok || message.Raw != nil) {
			t.Errorf("message %+v: %v", message, err)
		}
	})
}

// FuzzPushMessage opens any message; JSON it reads as encoding/json does.
func FuzzPushMessage(f *testing.F) {
	f.Add(revoked)
	f.Add(`<xml><MsgType>event</MsgType><Event><![CDATA[x]]></Event><RevokeInfo>6,8</RevokeInfo></xml>`)
	f.Add(`{"Event":"a","Event":null,"MsgId":1e9,"CreateTime":{"a":[]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		message, err := openMessage(t, text)
		if err != nil {
			if !errors.Is(err, wechat.PushBadMessage) {
				t.Errorf("%v", err)
			}
			return
		}
		if string(message.Raw) != text || len(message.MsgID) != 64 {
			t.Errorf("message %+v", message)
		}
		var want map[string]json.RawMessage
		var event string
		if json.Unmarshal([]byte(text), &want) == nil && json.Unmarshal(want["Event"], &event) == nil &&
			!strings.Contains(text, "Event ") && !strings.Contains(text, " Event") && !strings.Contains(text, `\`) &&
			message.Event != strings.TrimSpace(event) {
			t.Errorf("event %q, want %q", message.Event, event)
		}
	})
}
