package web

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const (
	ourAppid  = "wx0123456789abcdef"
	ourSecret = "0123456789abcdef0123456789abcdef"
)

// weChat stands in for WeChat: code2Session, phone numbers, checks of session keys, and phones whose people are known by their names.
type weChat struct {
	mu    sync.Mutex
	codes map[string]string // of the code, of either kind, to the person's name, or "!" and an errcode
	keys  map[string]int    // how often a person's session key has changed
	ivs   map[string]string // of what was sealed last, by argument
}

func newWeChat(t testing.TB) (*weChat, string) {
	t.Helper()
	w := &weChat{codes: map[string]string{}, keys: map[string]int{}, ivs: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sns/jscode2session", w.code2Session)
	mux.HandleFunc("POST /cgi-bin/stable_token", func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(out, `{"access_token":"of-the-stand-in","expires_in":7200}`)
	})
	mux.HandleFunc("POST /wxa/business/getuserphonenumber", w.phoneNumber)
	mux.HandleFunc("GET /wxa/checksession", w.checkSession)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return w, server.URL
}

func (w *weChat) code2Session(out http.ResponseWriter, in *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	query := in.URL.Query()
	if query.Get("appid") != ourAppid || query.Get("secret") != ourSecret {
		fmt.Fprint(out, `{"errcode":40125,"errmsg":"invalid appsecret"}`)
		return
	}
	out.Header().Set("Content-Type", "text/plain")
	if name := w.spend(out, query.Get("js_code")); name != "" {
		fmt.Fprintf(out, `{"openid":%q,"session_key":%q}`, openIDOf(name), keyOf(name, w.keys[name]))
	}
}

// spend tells whose code this is, once. Where it is nobody's, WeChat's refusal is written.
func (w *weChat) spend(out io.Writer, code string) (name string) {
	name, known := w.codes[code]
	if !known {
		name = "!40029"
	} else {
		w.codes[code] = "!40163"
	}
	errcode, refused := strings.CutPrefix(name, "!")
	if refused {
		fmt.Fprintf(out, `{"errcode":%s,"errmsg":"refused"}`, errcode)
		return ""
	}
	return name
}

// phoneNumber knows only codes of the phone number button, and only from those who tapped it.
func (w *weChat) phoneNumber(out http.ResponseWriter, in *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var asked struct{ Code, OpenID string }
	err := json.NewDecoder(in.Body).Decode(&asked)
	if err != nil || !strings.HasPrefix(asked.Code, phoneCode) {
		fmt.Fprint(out, `{"errcode":40029,"errmsg":"invalid code"}`)
		return
	}
	switch name := w.spend(out, asked.Code); {
	case name == "":
	case asked.OpenID != openIDOf(name):
		fmt.Fprint(out, `{"errcode":40003,"errmsg":"invalid openid"}`)
	default:
		fmt.Fprintf(out, `{"errcode":0,"phone_info":{"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86",`+
			`"watermark":{"timestamp":%d,"appid":%q}}}`, noon.Unix(), ourAppid)
	}
}

// checkSession says whether a signature is that of the person's live key.
func (w *weChat) checkSession(out http.ResponseWriter, in *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	query := in.URL.Query()
	name := strings.TrimPrefix(query.Get("openid"), openIDOf(""))
	key, err := app.NewSessionKey(keyOf(name, w.keys[name]))
	if err != nil || wechat.SignLogin(key, nil) != query.Get("signature") {
		fmt.Fprint(out, `{"errcode":87009,"errmsg":"invalid signature"}`)
		return
	}
	fmt.Fprint(out, `{"errcode":0,"errmsg":"ok"}`)
}

// phoneCode begins the codes of the phone number button.
const phoneCode = "phone-"

func openIDOf(name string) string { return "o-" + name }

// keyOf is a session key of a person: the first is number 0.
func keyOf(name string, number int) string {
	sum := md5.Sum(fmt.Appendf(nil, "%s %d", name, number))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// value makes what a contract script asks for. See testdata/contract/README.md.
func (w *weChat) value(kind, argument string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, what, _ := strings.Cut(argument, "/")
	switch kind {
	case "code":
		return w.newCode(name), nil
	case "newkey":
		w.keys[name]++
		return w.newCode(name), nil
	case "usedcode":
		return w.newCode("!40163"), nil
	case "trouble":
		return w.newCode("!" + argument), nil
	case "phonecode":
		return w.newPhoneCode(name), nil
	case "phonetrouble":
		return w.newPhoneCode("!" + argument), nil
	case "picture":
		return string(pictures[argument]()), nil
	case "data":
		data, iv, err := w.seal(name, what)
		w.ivs[argument] = iv
		return data, err
	case "iv":
		return w.ivs[argument], nil
	case "rawdata":
		return rawData, nil
	case "signature":
		key, err := app.NewSessionKey(keyOf(name, w.keys[name]))
		return wechat.SignRawData(key, rawData), err
	}
	return "", fmt.Errorf("no values of kind %q", kind)
}

func (w *weChat) newCode(name string) string {
	code := "code-" + strconv.Itoa(len(w.codes))
	w.codes[code] = name
	return code
}

func (w *weChat) newPhoneCode(name string) string {
	code := phoneCode + strconv.Itoa(len(w.codes))
	w.codes[code] = name
	return code
}

// pictures are what a phone uploads, and what it should not.
var pictures = map[string]func() []byte{
	"png":  func() []byte { return pngOf(20, 10) },
	"cut":  func() []byte { return pngOf(20, 10)[:60] },
	"bomb": func() []byte { return slices.Replace(pngOf(20, 10), 16, 20, 0x7f, 0xff, 0xff, 0xff) }, // the width
}

func pngOf(width, height int) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, width, height))); err != nil {
		panic(err) // nothing that is written to memory fails
	}
	return out.Bytes()
}

const rawData = `{"nickName":"小明😀"}`

// payloads are the objects WeChat seals, each without openId and watermark, which seal adds.
var payloads = map[string]string{
	"profile": `"nickName":"小明😀","avatarUrl":"https://thirdwx.qlogo.cn/mmopen/x/132","gender":1,"language":"zh_CN","city":"广州","province":"广东","country":"中国"`,
	"phone":   `"phoneNumber":"+8613800138000","purePhoneNumber":"13800138000","countryCode":"86"`,
	"run":     `"stepInfoList":[{"timestamp":1445866601,"step":100}]`,
	"group":   `"openGId":"tGxxxxxxxxxxxx"`,
}

// seal makes a payload of a kind, or a profile with something wrong.
func (w *weChat) seal(name, what string) (data, iv string, err error) {
	content, known := payloads[what]
	if !known {
		content = payloads["profile"]
	}
	key, at, openid, appid := keyOf(name, w.keys[name]), noon, openIDOf(name), ourAppid
	switch what {
	case "previous-key":
		key = keyOf(name, w.keys[name]-1)
	case "unknown-key":
		key = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 16))
	case "two-days-old":
		at = noon.Add(-48 * time.Hour)
	case "from-the-future":
		at = noon.Add(time.Hour)
	case "other-user":
		openid = openIDOf("somebody")
	case "other-app":
		appid = "wxfedcba9876543210"
	}
	plain := fmt.Sprintf(`{"openId":%q,%s,"watermark":{"appid":%q,"timestamp":%d}}`, openid, content, appid, at.Unix())
	if what == "not-json" {
		plain = "not json"
	}
	sessionKey, err := app.NewSessionKey(key)
	if err != nil {
		return "", "", err
	}
	return wechat.Seal(sessionKey, ivThatNeedsPlus, []byte(plain))
}

// ivThatNeedsPlus is written with + signs in base64.
var ivThatNeedsPlus = bytes.Repeat([]byte{0xfb}, 16)

func jsonOf(fields map[string]string) string {
	text, _ := json.Marshal(fields) // strings always encode
	return string(text)
}
