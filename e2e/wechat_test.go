package e2e

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// accessToken is what the stand-in gives our server for its calls.
const accessToken = "e2e-access-token-of-the-stand-in-for-wechat"

// weChat stands in for WeChat: code2Session, phone numbers and checks of session keys on its side, and the phones of people who use the mini
// program.
type weChat struct {
	*httptest.Server

	mu     sync.Mutex
	grants map[string]*grant // by code
	taps   map[string]*tap   // by code of the phone number button
	calls  int
	people []*person
}

// grant is what a code stands for.
type grant struct {
	person *person
	key    string
	used   bool
	mood   mood // nil: WeChat is well
	calls  int
}

// tap is what a code of the phone number button stands for.
type tap struct {
	person  *person
	errcode int // 0: WeChat gives the number, once
}

// person is a user of the mini program.
type person struct {
	weChat  *weChat
	openid  string
	unionid string

	mu       sync.Mutex
	keys     []string // session keys, the live one last
	nickname string
	phone    string
}

func newWeChat(t testing.TB) *weChat {
	w := &weChat{grants: map[string]*grant{}, taps: map[string]*tap{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sns/jscode2session", w.code2Session)
	mux.HandleFunc("POST /cgi-bin/stable_token", func(out http.ResponseWriter, _ *http.Request) {
		answerJSON(out, map[string]any{"access_token": accessToken, "expires_in": 7200})
	})
	mux.HandleFunc("POST /wxa/business/getuserphonenumber", w.phoneNumber)
	mux.HandleFunc("GET /wxa/checksession", w.checkSession)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		w.CloseClientConnections() // some moods never answer
		w.Close()
	})
	return w
}

// newPerson adds somebody whose nickname needs four-byte characters, joiners and escaping.
func (w *weChat) newPerson() *person {
	w.mu.Lock()
	defer w.mu.Unlock()
	number := len(w.people) + 1
	p := &person{
		weChat:   w,
		openid:   fmt.Sprintf("o-e2e-%06d", number),
		unionid:  fmt.Sprintf("u-e2e-%06d", number),
		nickname: fmt.Sprintf("阿珍%d👩‍👩‍👧‍👦🇨🇳 <\"&'>", number),
		phone:    fmt.Sprintf("139%08d", 40000000+number),
	}
	p.newKey()
	w.people = append(w.people, p)
	return p
}

// newKey replaces the session key, as WeChat does when it likes.
func (p *person) newKey() {
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, base64.StdEncoding.EncodeToString(key[:]))
}

// key gives the live session key, or an older one: 1 is the one before.
func (p *person) key(older int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[len(p.keys)-1-older]
}

func (p *person) rename(nickname string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nickname = nickname
}

// login is wx.login: a fresh code for the live session key.
func (p *person) login() (code string) { return p.loginIn(nil) }

// loginIn gives a code that WeChat will meet in this mood.
func (p *person) loginIn(m mood) (code string) {
	return p.weChat.mint(&grant{person: p, key: p.key(0), mood: m})
}

func (w *weChat) mint(g *grant) (code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	code = "0" + rand.Text()
	w.grants[code] = g
	return code
}

// callsFor says how often WeChat was asked about a code.
func (w *weChat) callsFor(code string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.grants[code].calls
}

// callsInAll says how often WeChat was asked anything.
func (w *weChat) callsInAll() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

func (w *weChat) code2Session(out http.ResponseWriter, in *http.Request) {
	if m := w.take(in.URL.Query().Get("js_code")); m != nil {
		m(out, in, w.answer)
		return
	}
	w.answer(out, in)
}

// take counts a call and gives the mood it meets.
func (w *weChat) take(code string) mood {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	known := w.grants[code]
	if known == nil {
		return nil
	}
	known.calls++
	return known.mood
}

// answer is WeChat being well.
func (w *weChat) answer(out http.ResponseWriter, in *http.Request) { answerJSON(out, w.exchange(in)) }

// answerJSON writes JSON that calls itself text/plain, as WeChat does.
func answerJSON(out http.ResponseWriter, answer map[string]any) {
	out.Header().Set("Content-Type", "text/plain")
	encoded, _ := json.Marshal(answer) // strings and numbers always encode
	_, _ = out.Write(encoded)          // the caller may have gone
}

// tapPhoneButton is the phone number button: a code that is good once, or that WeChat will answer with an errcode.
func (p *person) tapPhoneButton(errcode int) (code string) {
	p.weChat.mu.Lock()
	defer p.weChat.mu.Unlock()
	code = strings.ToLower(rand.Text())
	p.weChat.taps[code] = &tap{p, errcode}
	return code
}

func (w *weChat) phoneNumber(out http.ResponseWriter, in *http.Request) {
	var asked struct{ Code, OpenID string }
	_ = json.NewDecoder(in.Body).Decode(&asked) // what cannot be read names no code
	w.mu.Lock()
	defer w.mu.Unlock()
	tapped := w.taps[asked.Code]
	switch {
	case in.URL.Query().Get("access_token") != accessToken:
		answerJSON(out, refusal(40001))
	case tapped == nil:
		answerJSON(out, refusal(40029))
	case tapped.errcode != 0:
		answerJSON(out, refusal(tapped.errcode))
	case asked.OpenID != tapped.person.openid:
		answerJSON(out, refusal(40003))
	default:
		tapped.errcode = 40163
		answerJSON(out, map[string]any{"errcode": 0, "phone_info": marked(map[string]any{
			"phoneNumber": tapped.person.phone, "purePhoneNumber": tapped.person.phone, "countryCode": "86",
		}, appid, time.Now())})
	}
}

// checkSession says whether a signature is that of the person's live key.
func (w *weChat) checkSession(out http.ResponseWriter, in *http.Request) {
	query := in.URL.Query()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.people {
		if p.openid != query.Get("openid") {
			continue
		}
		mac := hmac.New(sha256.New, []byte(p.key(0)))
		if hex.EncodeToString(mac.Sum(nil)) == query.Get("signature") {
			answerJSON(out, map[string]any{"errcode": 0, "errmsg": "ok"})
			return
		}
	}
	answerJSON(out, refusal(87009))
}

func (w *weChat) exchange(in *http.Request) map[string]any {
	query := in.URL.Query()
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.grants[query.Get("js_code")]
	switch {
	case query.Get("appid") != appid:
		return refusal(40013)
	case query.Get("secret") != appSecret:
		return refusal(40125)
	case query.Get("grant_type") != "authorization_code":
		return refusal(40002)
	case known == nil:
		return refusal(40029)
	case known.used:
		return refusal(40163)
	}
	known.used = true
	return map[string]any{"openid": known.person.openid, "session_key": known.key, "unionid": known.person.unionid}
}

func refusal(errcode int) map[string]any {
	return map[string]any{
		"errcode": errcode,
		"errmsg":  fmt.Sprintf("refused, rid: %08x-e2e00000-00000e2e", time.Now().Unix()),
	}
}
