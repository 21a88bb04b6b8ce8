package wechat_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

type pushVector struct {
	Name         string          `json:"name"`
	Kind         string          `json:"kind"`
	Appid        app.Appid       `json:"appid"`
	Token        app.Secret      `json:"token"`
	AESKey       app.Secret      `json:"encoding_aes_key"`
	Timestamp    string          `json:"timestamp"`
	Nonce        string          `json:"nonce"`
	Echostr      string          `json:"echostr"`
	Signature    string          `json:"signature"`
	MsgSignature string          `json:"msg_signature"`
	Encrypt      string          `json:"encrypt"`
	Body         string          `json:"body"`
	Random       string          `json:"random"`
	Msg          string          `json:"msg"`
	Expected     json.RawMessage `json:"expected"`
}

type pushOutcome struct {
	Error        wechat.PushProblem `json:"error"`
	Event        string             `json:"Event"`
	Random       string             `json:"random"`
	Msg          string             `json:"msg"`
	Encrypt      string             `json:"encrypt"`
	MsgSignature string             `json:"msg_signature"`
}

func (v pushVector) push(t testing.TB) *wechat.Push {
	t.Helper()
	return newPush(t, wechat.PushOptions{
		Appid: cmp.Or(v.Appid, testAppid), Token: v.Token, AESKey: v.AESKey, Plain: v.AESKey == ""})
}

func (v pushVector) query() url.Values {
	return url.Values{"timestamp": {v.Timestamp}, "nonce": {v.Nonce}, "signature": {v.Signature},
		"msg_signature": {v.MsgSignature}, "echostr": {v.Echostr}, "encrypt_type": {"aes"}}
}

func (v pushVector) at() time.Time {
	second, _ := strconv.ParseInt(v.Timestamp, 10, 64)
	return time.Unix(second, 0)
}

func (v pushVector) outcome(t testing.TB) (outcome pushOutcome) {
	t.Helper()
	if err := json.Unmarshal(v.Expected, &outcome); err != nil {
		t.Fatal(err)
	}
	return outcome
}

func newPush(t testing.TB, options wechat.PushOptions) *wechat.Push {
	t.Helper()
	push, err := wechat.NewPush(options)
	if err != nil {
		t.Fatal(err)
	}
	return push
}

func TestPushVectors(t *testing.T) {
	for _, vector := range readVectors(t).MessagePush {
		t.Run(vector.Name, func(t *testing.T) {
			switch vector.Kind {
			case "url_verify":
				vector.testHandshake(t)
			case "plain":
				vector.testPlain(t)
			case "aes":
				vector.testOpen(t)
			case "aes_reply":
				vector.testEncrypt(t)
			default:
				t.Errorf("nobody tests %s", vector.Kind)
			}
		})
	}
}

func (v pushVector) testHandshake(t *testing.T) {
	if got, err := v.push(t).Handshake(v.query()); err != nil || got != v.Echostr {
		t.Errorf("echo %q: %v", got, err)
	}
	if got := v.push(t).Sign(v.Timestamp, v.Nonce); got != v.Signature {
		t.Errorf("signed %s, vector has %s", got, v.Signature)
	}
}

func (v pushVector) testPlain(t *testing.T) {
	message, err := v.push(t).Open(v.query(), []byte(v.Body), v.at())
	if err != nil || message.Event != v.outcome(t).Event || string(message.Raw) != v.Body {
		t.Errorf("message %+v: %v", message, err)
	}
}

// testOpen opens the vector in JSON and in XML, and makes it again from what it holds.
func (v pushVector) testOpen(t *testing.T) {
	want := v.outcome(t)
	for _, form := range []string{
		`{"ToUserName":"gh_97417a04a28d","Encrypt":%q}`,
		`{"ToUserName":"gh_97417a04a28d","Encrypt":" %s ","Event":"forged","OpenID":"oForged"}`,
		`<xml><ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName><Encrypt><![CDATA[%s]]></Encrypt></xml>`,
		"\n<xml>\n<Event>forged</Event>\n<Encrypt>\n%s\n</Encrypt>\n</xml>\n",
	} {
		message, err := v.push(t).Open(v.query(), fmt.Appendf(nil, form, v.Encrypt), time.Now())
		if want.Error != "" {
			if !errors.Is(err, want.Error) || err.Error() != string(want.Error) || message.Raw != nil {
				t.Errorf("%s: %v, want %s", form, err, want.Error)
			}
		} else if err != nil || string(message.Raw) != want.Msg || message.Event != wantEvent(t, want.Msg) {
			t.Errorf("%s: message %+v: %v", form, message, err)
		}
	}
	if want.Error == "" {
		v.Random, v.Msg = want.Random, want.Msg
		v.wantEncrypted(t, v.Encrypt, v.MsgSignature)
	}
}

func wantEvent(t *testing.T, message string) (event string) {
	event, _ = decodeObject(t, []byte(message))["Event"].(string)
	return event
}

func (v pushVector) testEncrypt(t *testing.T) {
	want := v.outcome(t)
	v.wantEncrypted(t, want.Encrypt, want.MsgSignature)
	v.MsgSignature = want.MsgSignature
	message, err := v.push(t).Open(v.query(), fmt.Appendf(nil, `{"Encrypt":%q}`, want.Encrypt), v.at())
	if err != nil || string(message.Raw) != v.Msg {
		t.Errorf("message %+v: %v", message, err)
	}
}

func (v pushVector) wantEncrypted(t *testing.T, encrypt, msgSignature string) {
	t.Helper()
	gotEncrypt, gotSignature, err := v.push(t).Encrypt([]byte(v.Msg), [16]byte([]byte(v.Random)), v.Timestamp, v.Nonce)
	if err != nil || gotEncrypt != encrypt || gotSignature != msgSignature {
		t.Errorf("%s\nsigned %s, want\n%s\nsigned %s: %v", gotEncrypt, gotSignature, encrypt, msgSignature, err)
	}
}
