package wechat_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const (
	pushToken  = app.Secret("pushToken1")
	pushAESKey = app.Secret("QkN3aWZ4eE1hZGVVcEtleUZvclRlc3RzT25seTAwMDE")
	pushedAt   = "1700001000"
)

func securePush(t testing.TB) *wechat.Push {
	t.Helper()
	return newPush(t, wechat.PushOptions{Appid: testAppid, Token: pushToken, AESKey: pushAESKey})
}

func plainPush(t testing.TB) *wechat.Push {
	t.Helper()
	return newPush(t, wechat.PushOptions{Appid: testAppid, Token: pushToken, Plain: true})
}

// sortedSum is the signature of message push, made another way than the package does.
func sortedSum(parts ...string) string {
	slices.Sort(parts)
	hash := sha1.New()
	for _, part := range parts {
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func signedQuery(encrypt string) url.Values {
	return url.Values{"timestamp": {pushedAt}, "nonce": {"n1"}, "signature": {sortedSum(string(pushToken), pushedAt, "n1")},
		"msg_signature": {sortedSum(string(pushToken), pushedAt, "n1", encrypt)}}
}

// encryptRaw encrypts a plaintext as it is, padding included.
func encryptRaw(t testing.TB, plaintext []byte) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(string(pushAESKey) + "=")
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Clone(plaintext)
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text)
}

// packed is what stands before padding: random bytes, a length, and the rest.
func packed(length uint32, rest string) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 16), length), rest...)
}

func padded(text []byte, blockSize int) []byte {
	run := blockSize - len(text)%blockSize
	return append(text, bytes.Repeat([]byte{byte(run)}, run)...)
}

// openEncrypted opens what is signed well, whatever it is.
func openEncrypted(t testing.TB, encrypt string) (wechat.Message, error) {
	t.Helper()
	return securePush(t).Open(signedQuery(encrypt), []byte(`{"Encrypt":`+quote(encrypt)+`}`), time.Now())
}

func TestWhatDoesNotDecrypt(t *testing.T) {
	appid := string(testAppid)
	for name, test := range map[string]struct {
		encrypt string
		want    wechat.PushProblem
	}{
		"no base64":               {"a-b", wechat.PushBadBase64},
		"base64 with a space":     {"QUJD QUJD", wechat.PushBadBase64},
		"no bytes":                {"\u00a0", wechat.PushNotEncrypted},
		"17 bytes":                {base64.StdEncoding.EncodeToString(make([]byte, 17)), wechat.PushBadCiphertextLength},
		"noise":                   {base64.StdEncoding.EncodeToString(make([]byte, 64)), wechat.PushBadPadding},
		"padding of 0":            {encryptRaw(t, make([]byte, 32)), wechat.PushBadPadding},
		"padding of 33":           {encryptRaw(t, bytes.Repeat([]byte{33}, 64)), wechat.PushBadPadding},
		"padding longer than all": {encryptRaw(t, bytes.Repeat([]byte{17}, 16)), wechat.PushBadPadding},
		"padding with a hole":     {encryptRaw(t, append(make([]byte, 30), 1, 2)), wechat.PushBadPadding},
		"nothing but padding":     {encryptRaw(t, bytes.Repeat([]byte{32}, 32)), wechat.PushBadLength},
		"19 bytes":                {encryptRaw(t, padded(make([]byte, 19), 32)), wechat.PushBadLength},
		"length too large":        {encryptRaw(t, padded(packed(3, "{}"), 32)), wechat.PushBadLength},
		"length of 4 GiB":         {encryptRaw(t, padded(packed(1<<32-1, "{}"+appid), 32)), wechat.PushBadLength},
		"length into the appid":   {encryptRaw(t, padded(packed(3, "{}"+appid), 32)), wechat.PushAppidMismatch},
		"no appid":                {encryptRaw(t, padded(packed(2, "{}"), 32)), wechat.PushAppidMismatch},
		"longer appid":            {encryptRaw(t, padded(packed(2, "{}"+appid+"0"), 32)), wechat.PushAppidMismatch},
		"no message":              {encryptRaw(t, padded(packed(0, appid), 32)), wechat.PushBadMessage},
		"text":                    {encryptRaw(t, padded(packed(2, "ok"+appid), 32)), wechat.PushBadMessage},
		"list":                    {encryptRaw(t, padded(packed(2, "[]"+appid), 32)), wechat.PushBadMessage},
		"half of XML":             {encryptRaw(t, padded(packed(5, "<xml>"+appid), 32)), wechat.PushBadMessage},
		"empty object":            {encryptRaw(t, padded(packed(2, "{}"+appid), 32)), ""},
		"padding of AES":          {encryptRaw(t, padded(packed(2, "{}"+appid), 16)), ""},
		"XML without fields":      {encryptRaw(t, padded(packed(6, "<xml/>"+appid), 32)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			message, err := openEncrypted(t, test.encrypt)
			if problem, _ := errors.AsType[wechat.PushProblem](err); problem != test.want {
				t.Errorf("problem %v, want %s", err, test.want)
			}
			if (message.Raw == nil) != (test.want != "") {
				t.Errorf("message %+v", message)
			}
		})
	}
}

func TestEnvelopes(t *testing.T) {
	encrypt := encryptRaw(t, padded(packed(2, "{}"+string(testAppid)), 32))
	for body, want := range map[string]wechat.PushProblem{
		"":                                    wechat.PushBadEnvelope,
		" \n":                                 wechat.PushBadEnvelope,
		"[]":                                  wechat.PushBadEnvelope,
		"null":                                wechat.PushBadEnvelope,
		"{":                                   wechat.PushBadEnvelope,
		`{"Encrypt":"` + encrypt + "\"}\xff":  wechat.PushBadEnvelope,
		"<":                                   wechat.PushBadEnvelope,
		"<xml><Encrypt>" + encrypt + "</xml>": wechat.PushBadEnvelope,
		`<!DOCTYPE x [<!ENTITY e "x">]><xml><a>&e;</a></xml>`:          wechat.PushBadEnvelope,
		strings.Repeat("<a>", 20000):                                   wechat.PushBadEnvelope,
		"{}":                                                           wechat.PushNotEncrypted,
		`{"Encrypt":""}`:                                               wechat.PushNotEncrypted,
		`{"Encrypt":null}`:                                             wechat.PushNotEncrypted,
		`{"encrypt":"` + encrypt + `"}`:                                wechat.PushNotEncrypted,
		`{"MsgType":"event","Event":"debug_demo"}`:                     wechat.PushNotEncrypted,
		"<xml><a><Encrypt>" + encrypt + "</Encrypt></a></xml>":         wechat.PushNotEncrypted,
		`{"Encrypt":["` + encrypt + `"]}`:                              wechat.PushBadSignature,
		`{"Encrypt":"` + encrypt[1:] + `"}`:                            wechat.PushBadSignature,
		`{"Encrypt":"` + encrypt + `"}`:                                "",
		`{" Encrypt ":"` + encrypt + `\n"}`:                            "",
		`{"Encrypt":"` + strings.ReplaceAll(encrypt, "/", `\/`) + `"}`: "",
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?><x><y z=\"1\"><Encrypt>no</Encrypt></y><!-- - --><Encrypt>" + encrypt + "</Encrypt></x>": "",
	} {
		_, err := securePush(t).Open(signedQuery(encrypt), []byte(body), time.Now())
		if problem, _ := errors.AsType[wechat.PushProblem](err); problem != want {
			t.Errorf("%.80s: problem %v, want %s", body, err, want)
		}
	}
}

func TestSignaturesOfAnEncryptedMessage(t *testing.T) {
	encrypt := encryptRaw(t, padded(packed(2, "{}"+string(testAppid)), 32))
	good := signedQuery(encrypt).Get("msg_signature")
	for signature, want := range map[string]wechat.PushProblem{
		good: "", strings.ToUpper(good): "",
		"": wechat.PushBadSignature, good[:38]: wechat.PushBadSignature, good + "00": wechat.PushBadSignature,
		" " + good: wechat.PushBadSignature, "zz" + good[2:]: wechat.PushBadSignature,
		signedQuery(encrypt).Get("signature"): wechat.PushBadSignature,
	} {
		query := signedQuery(encrypt)
		query.Set("msg_signature", signature)
		_, err := securePush(t).Open(query, []byte(`{"Encrypt":"`+encrypt+`"}`), time.Now())
		if problem, _ := errors.AsType[wechat.PushProblem](err); problem != want {
			t.Errorf("%s: problem %v, want %s", signature, err, want)
		}
	}
	for _, name := range []string{"timestamp", "nonce", "msg_signature"} {
		query := signedQuery(encrypt)
		query.Del(name)
		if _, err := securePush(t).Open(query, []byte(`{"Encrypt":"`+encrypt+`"}`), time.Now()); !errors.Is(err, wechat.PushBadSignature) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestPlainMode(t *testing.T) {
	const second = 1700001000
	event := `{"MsgType":"event","Event":"debug_demo"}`
	for name, test := range map[string]struct {
		body string
		now  int64
		edit func(url.Values)
		want wechat.PushProblem
	}{
		"now":             {event, second, nil, ""},
		"5 minutes ago":   {event, second + 300, nil, ""},
		"5 minutes ahead": {event, second - 300, nil, ""},
		"too old":         {event, second + 301, nil, wechat.PushStale},
		"too far ahead":   {event, second - 301, nil, wechat.PushStale},
		"signed no time":  {event, second, signedAt("soon"), wechat.PushStale},
		"signed time 0":   {event, second, signedAt("0"), wechat.PushStale},
		"signed far away": {event, second, signedAt("9223372036854775807"), wechat.PushStale},
		"long ago":        {event, second, signedAt("-9223372036854775808"), wechat.PushStale},
		"another time":    {event, second, func(q url.Values) { q.Set("timestamp", "1700001001") }, wechat.PushBadSignature},
		"no signature":    {event, second, func(q url.Values) { q.Del("signature") }, wechat.PushBadSignature},
		"msg_signature":   {event, second, func(q url.Values) { q.Set("signature", q.Get("msg_signature")) }, wechat.PushBadSignature},
		"XML":             {"<xml><MsgType>event</MsgType><Event> debug_demo </Event></xml>", second, nil, ""},
		"no message":      {"ok", second, nil, wechat.PushBadEnvelope},
		"encrypted":       {`{"ToUserName":"gh_1","Encrypt":"AAAA"}`, second, nil, wechat.PushEncrypted},
		"both":            {`{"MsgType":"event","Event":"debug_demo","Encrypt":"AAAA"}`, second, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			query := signedQuery("x")
			if test.edit != nil {
				test.edit(query)
			}
			message, err := plainPush(t).Open(query, []byte(test.body), time.Unix(test.now, 0))
			if problem, _ := errors.AsType[wechat.PushProblem](err); problem != test.want {
				t.Errorf("problem %v, want %s", err, test.want)
			}
			if want := map[bool]string{true: "debug_demo"}[test.want == ""]; message.Event != want {
				t.Errorf("message %+v", message)
			}
		})
	}
}

func signedAt(timestamp string) func(url.Values) {
	return func(query url.Values) {
		query.Set("timestamp", timestamp)
		query.Set("signature", sortedSum(string(pushToken), timestamp, "n1"))
	}
}

func TestHandshake(t *testing.T) {
	for echostr, want := range map[string]wechat.PushProblem{
		"4375120948345356249": "", "Ab+/=_-9": "",
		"": wechat.PushBadEcho, "<script>": wechat.PushBadEcho, "a b": wechat.PushBadEcho, "a\n": wechat.PushBadEcho,
		strings.Repeat("1", 257): wechat.PushBadEcho,
	} {
		for _, push := range []*wechat.Push{securePush(t), plainPush(t)} {
			query := signedQuery("x")
			query.Set("echostr", echostr)
			got, err := push.Handshake(query)
			if problem, _ := errors.AsType[wechat.PushProblem](err); problem != want || (want == "" && got != echostr) || (want != "" && got != "") {
				t.Errorf("%q: echo %q, problem %v, want %s", echostr, got, err, want)
			}
			query.Set("nonce", "n2")
			if got, err := push.Handshake(query); !errors.Is(err, wechat.PushBadSignature) || got != "" {
				t.Errorf("%q with another nonce: echo %q, %v", echostr, got, err)
			}
		}
	}
}

func TestNewPushRefuses(t *testing.T) {
	good := wechat.PushOptions{Appid: testAppid, Token: pushToken, AESKey: pushAESKey}
	for name, edit := range map[string]func(*wechat.PushOptions){
		"no appid":           func(o *wechat.PushOptions) { o.Appid = "" },
		"no token":           func(o *wechat.PushOptions) { o.Token = "" },
		"no key":             func(o *wechat.PushOptions) { o.AESKey = "" },
		"key of 42":          func(o *wechat.PushOptions) { o.AESKey = pushAESKey[:42] },
		"key of 44":          func(o *wechat.PushOptions) { o.AESKey += "A" },
		"key with padding":   func(o *wechat.PushOptions) { o.AESKey += "=" },
		"key with line ends": func(o *wechat.PushOptions) { o.AESKey = pushAESKey[:39] + "\n\n\n\n" },
		"key and line end":   func(o *wechat.PushOptions) { o.AESKey += "\n" },
		"URL-safe key":       func(o *wechat.PushOptions) { o.AESKey = "-" + pushAESKey[1:] },
		"key in plain mode":  func(o *wechat.PushOptions) { o.Plain = true },
	} {
		options := good
		edit(&options)
		push, err := wechat.NewPush(options)
		if err == nil || push != nil {
			t.Fatalf("%s: accepted", name)
		}
		if strings.Contains(err.Error(), string(pushAESKey[:30])) || strings.Contains(err.Error(), string(pushToken)) {
			t.Errorf("%s: the key stands in %v", name, err)
		}
	}
}

// The last character of a random EncodingAESKey has two bits that stand for nothing and are rarely 0.
func TestAESKeyNeedNotBeCanonical(t *testing.T) {
	encrypt := encryptRaw(t, padded(packed(2, "{}"+string(testAppid)), 32))
	push := newPush(t, wechat.PushOptions{Appid: testAppid, Token: pushToken, AESKey: pushAESKey[:42] + "F"})
	if _, err := push.Open(signedQuery(encrypt), []byte(`{"Encrypt":"`+encrypt+`"}`), time.Now()); err != nil {
		t.Error(err)
	}
}

func TestPlainModeEncryptsNothing(t *testing.T) {
	if encrypt, signature, err := plainPush(t).Encrypt([]byte("{}"), [16]byte{}, "1", "2"); err == nil || encrypt+signature != "" {
		t.Errorf("%q signed %q", encrypt, signature)
	}
}

func TestPushShowsNoSecret(t *testing.T) {
	var log strings.Builder
	push := securePush(t)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("push", "push", push, "value", *push)
	slog.New(slog.NewTextHandler(&log, nil)).Info("push", "push", push, "value", *push)
	shown := log.String() + fmt.Sprintf("%v %+v %#v %v %+v %#v", push, push, push, *push, *push, *push)
	key, _ := base64.StdEncoding.DecodeString(string(pushAESKey) + "=")
	for _, secret := range []string{string(pushToken), string(pushAESKey), fmt.Sprint(key[:16])[1:40]} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q stands in %s", secret, shown)
		}
	}
}
