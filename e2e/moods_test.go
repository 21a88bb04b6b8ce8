package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	upstreamCalls = 4                // at most, for one login
	loginTime     = 10 * time.Second // at most, whatever WeChat does
	recoveryTime  = 15 * time.Second // at most, once WeChat is well again
)

// badMoods are what WeChat does, and the code a client must get. Ten of them in a row that look like a dead network open the
// breaker, so there are fewer of those.
var badMoods = map[string]struct {
	mood mood
	code int
}{
	"40029 invalid code":        {refuses(40029), 4},
	"40163 used code":           {refuses(40163), 4},
	"41008 missing code":        {refuses(41008), 4},
	"45011 minute quota":        {refuses(45011), 6},
	"45009 day quota":           {refuses(45009), 7},
	"-1 busy":                   {refuses(-1), 7},
	"40226 high risk":           {refuses(40226), 8},
	"40013 appid":               {refuses(40013), 10},
	"40125 secret":              {refuses(40125), 10},
	"40125 telling secrets":     {tellsSecrets, 10},
	"41004 secret missing":      {refuses(41004), 10},
	"40164 address":             {refuses(40164), 10},
	"89503 address":             {refuses(89503), 10},
	"40243 secret frozen":       {refuses(40243), 10},
	"an errcode nobody knows":   {refuses(61234), 7},
	"HTTP 500":                  {status(500), 7},
	"HTTP 502":                  {status(502), 7},
	"HTTP 404":                  {status(404), 7},
	"redirect":                  {redirects, 7},
	"empty":                     {says("text/html; charset=gbk", ""), 7},
	"HTML":                      {says("text/html", "<html><body>login</body></html>"), 7},
	"null":                      {says("text/plain", "null"), 7},
	"an array":                  {says("text/plain", "[]"), 7},
	"no fields":                 {says("text/plain", "{}"), 7},
	"errcode 0 and nothing":     {says("text/plain", `{"errcode":0,"errmsg":"ok"}`), 7},
	"no session_key":            {says("text/plain", `{"openid":"o-x"}`), 7},
	"no openid":                 {says("text/plain", `{"session_key":"AAAAAAAAAAAAAAAAAAAAAA=="}`), 7},
	"empty openid":              {says("text/plain", `{"openid":"","session_key":"AAAAAAAAAAAAAAAAAAAAAA=="}`), 7},
	"session_key of 15 bytes":   {says("text/plain", `{"openid":"o-x","session_key":"AAAAAAAAAAAAAAAAAAAA"}`), 7},
	"session_key is no base64":  {says("text/plain", `{"openid":"o-x","session_key":"!!!!!!!!!!!!!!!!!!!!!!=="}`), 7},
	"session_key is an object":  {says("text/plain", `{"openid":"o-x","session_key":{}}`), 7},
	"openid is a list":          {says("text/plain", `{"openid":["o-x"],"session_key":"AAAAAAAAAAAAAAAAAAAAAA=="}`), 7},
	"errcode is an object":      {says("text/plain", `{"openid":"o-x","session_key":"AAAAAAAAAAAAAAAAAAAAAA==","errcode":{}}`), 7},
	"a fitting body cut in two": {says("text/plain", `{"openid":"o-x","session_key":"AAAAAAAAAAAAAAAAAAAAAA==`), 7},
	"never ends":                {neverEnds, 7},
	"hangs":                     {hangs, 7},
	"trickles":                  {trickles, 7},
	"cut":                       {cuts, 7},
	"breaks off":                {breaksOff, 7},
	"no HTTP":                   {talksNoHTTP, 7},
}

func TestWeChatInEveryBadMood(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=0"))
	t.Run("moods", func(t *testing.T) {
		for name, bad := range badMoods {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				one := w.newPerson()
				code := one.loginIn(bad.mood)
				r := s.mustPost(t, "/login/", fields{"code": code}, bad.code)
				if r.took > loginTime {
					t.Errorf("answered after %v", r.took)
				}
				wantCalls(t, name, w.callsFor(code))
				if strings.Contains(r.body, "token\"") || strings.Contains(r.body, appSecret) {
					t.Errorf("answer %s", r.body)
				}
				limited := bad.code == 6 || strings.Contains(name, "quota")
				if waits := r.header.Get("Retry-After"); limited != (waits != "") {
					t.Errorf("Retry-After %q", waits)
				}
				s.login(t, one.login()) // well again at once
			})
		}
	})
	s.end(t)
	if log := s.stderr.String(); strings.Contains(log, appSecret) || strings.Contains(log, "panic") {
		t.Errorf("log:\n%s", log)
	}
}

// wantCalls wants few calls for a login, and one alone unless WeChat said that it is busy: any other call may have used up
// the code.
func wantCalls(t *testing.T, mood string, calls int) {
	t.Helper()
	most := 1
	if mood == "-1 busy" {
		most = upstreamCalls
	}
	if calls < 1 || calls > most {
		t.Errorf("%d calls for one login", calls)
	}
}

// goodMoods are odd, but a login comes of them.
var goodMoods = map[string]mood{
	"busy twice":      first(2, refuses(-1)),
	"slow":            isSlow(2 * time.Second),
	"errcode 0":       says("text/plain", `{"errcode":0,"openid":"o-odd-1","session_key":"AAAAAAAAAAAAAAAAAAAAAA=="}`),
	"JSON as HTML":    says("text/html; charset=gbk", `{"openid":"o-odd-2","session_key":"AAAAAAAAAAAAAAAAAAAAAA=="}`),
	"more than asked": says("text/plain", `{"openid":"o-odd-3","session_key":"AAAAAAAAAAAAAAAAAAAAAA==","expires_in":7200,"new":{"a":[1]}}`),
	"unionid is null": says("text/plain", `{"openid":"o-odd-4","session_key":"AAAAAAAAAAAAAAAAAAAAAA==","unionid":null}`),
}

func TestWeChatInOddMoods(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	for name, odd := range goodMoods {
		t.Run(name, func(t *testing.T) {
			code := w.newPerson().loginIn(odd)
			got := s.login(t, code)
			s.mustPost(t, "/session/", fields{"token": got.Token}, 0)
			if calls := w.callsFor(code); calls > upstreamCalls {
				t.Errorf("%d calls for one login", calls)
			}
		})
	}
}

func TestNobodyListensAtWeChatsAddress(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s := serve(t, settingsOf(t, gone.URL))
	for range 15 { // the breaker stays closed: nobody waits
		if r := s.mustPost(t, "/login/", fields{"code": "0code"}, 7); r.took > loginTime {
			t.Errorf("answered after %v", r.took)
		}
	}
	if log := s.stderr.String(); strings.Contains(log, appSecret) {
		t.Errorf("the log tells the secret:\n%s", log)
	}
}

// TestAnOutageOfWeChatIsNotOurs: while 150 logins hang, everything that needs no WeChat goes on, and logins come back soon
// after WeChat does.
func TestAnOutageOfWeChatIsNotOurs(t *testing.T) {
	t.Parallel()
	const hanging = 150
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=0"))
	one := w.newPerson()
	token := s.login(t, one.login()).Token

	failed := make(chan error, hanging)
	var logins sync.WaitGroup
	for range hanging {
		code := w.newPerson().loginIn(hangs)
		logins.Go(func() { failed <- failsWith(s, code, 7) })
	}
	eventually(t, 4*time.Second, "all logins wait for WeChat", func() bool { return w.callsInAll() == hanging+1 })
	prompt, slow := 0, 0
	for len(failed) == 0 && prompt+slow < 40 {
		for _, r := range []reply{
			s.mustPost(t, "/getinfo/", one.userInfo().fields(token), 0),
			s.mustPost(t, "/session/", fields{"token": token}, 0),
		} {
			if r.took > time.Second {
				slow++
			} else {
				prompt++
			}
		}
	}
	// One of ten may be slow: the disk of a busy machine stands still now and then.
	if prompt < 10 || slow > prompt/10 {
		t.Errorf("while logins hang, %d answers came within a second and %d did not", prompt, slow)
	}
	logins.Wait()
	for range hanging {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	eventually(t, recoveryTime, "logins are well again", func() bool {
		r, err := s.post("/login/", fields{"code": one.login()})
		return err == nil && r.Code == 0
	})
	s.end(t)
}

// failsWith makes a login that must fail with this code, in time.
func failsWith(s *server, code string, want int) error {
	r, err := s.post("/login/", fields{"code": code})
	switch {
	case err != nil:
		return err
	case r.Code != want || r.http == http.StatusOK:
		return fmt.Errorf("HTTP %d %s, want code %d", r.http, r.body, want)
	case r.took > loginTime:
		return fmt.Errorf("answered after %v", r.took)
	}
	return nil
}

// TestOneCodeOnce: callers that bring the same code while WeChat is being asked share its answer; later ones do not.
func TestOneCodeOnce(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	code := w.newPerson().loginIn(isSlow(2 * time.Second)) // time enough for everybody to arrive
	var callers sync.WaitGroup
	replies := make([]reply, 5)
	for i := range replies {
		callers.Go(func() { replies[i], _ = s.post("/login/", fields{"code": code}) })
	}
	eventually(t, 4*time.Second, "WeChat is asked", func() bool { return w.callsFor(code) == 1 })
	s.login(t, w.newPerson().login()) // others are not held up
	callers.Wait()
	tokens := map[string]bool{}
	for _, r := range replies {
		if r.http != http.StatusOK {
			t.Fatalf("HTTP %d %s", r.http, r.body)
		}
		token := dataOf[login](t, r).Token
		tokens[token] = true
		s.mustPost(t, "/session/", fields{"token": token}, 0)
	}
	if len(tokens) != len(replies) || w.callsFor(code) != 1 {
		t.Errorf("%d tokens for %d callers, %d calls", len(tokens), len(replies), w.callsFor(code))
	}
	s.mustPost(t, "/login/", fields{"code": code}, 4)
}
