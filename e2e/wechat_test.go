package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// weChat stands in for WeChat: code2Session on its side, and the phones of people who use the mini program.
type weChat struct {
	*httptest.Server

	mu     sync.Mutex
	grants map[string]*grant // by code
	calls  int
	people int
}

// grant is what a code stands for.
type grant struct {
	person *person
	key    string
	used   bool
	mood   mood // nil: WeChat is well
	calls  int
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
	w := &weChat{grants: map[string]*grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sns/jscode2session", w.code2Session)
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
	w.people++
	p := &person{
		weChat:   w,
		openid:   fmt.Sprintf("o-e2e-%06d", w.people),
		unionid:  fmt.Sprintf("u-e2e-%06d", w.people),
		nickname: fmt.Sprintf("阿珍%d👩‍👩‍👧‍👦🇨🇳 <\"&'>", w.people),
		phone:    fmt.Sprintf("139%08d", 40000000+w.people),
	}
	p.newKey()
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

// answer is WeChat being well: JSON that calls itself text/plain.
func (w *weChat) answer(out http.ResponseWriter, in *http.Request) {
	out.Header().Set("Content-Type", "text/plain")
	encoded, _ := json.Marshal(w.exchange(in)) // strings and numbers always encode
	_, _ = out.Write(encoded)                  // the caller may have gone
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
