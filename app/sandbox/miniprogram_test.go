package sandbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

// stubKeeper is the least of a keeper: it exchanges codes, keeps every key of everybody, and opens what fits one of them.
// refuse scripts answers that come before all that.
type stubKeeper struct {
	wechat *world
	t      *testing.T

	mu     sync.Mutex
	keys   []app.SessionKey
	tokens map[string]bool
	calls  []string
	bodies []map[string]string
	header http.Header
	refuse map[string][]int // path to the codes of its next answers; 0: none
	next   string           // of /session/
}

func newStubKeeper(t *testing.T, w *world) (*stubKeeper, *sandbox.MiniProgram) {
	keeper := &stubKeeper{wechat: w, t: t, tokens: map[string]bool{}, refuse: map[string][]int{}}
	server := httptest.NewServer(keeper)
	t.Cleanup(server.Close)
	return keeper, sandbox.NewMiniProgram(w.phone, server.URL, server.Client())
}

func (k *stubKeeper) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	text, _ := io.ReadAll(request.Body)
	var body map[string]string
	if err := json.Unmarshal(text, &body); err != nil {
		k.t.Errorf("the body is not JSON of texts: %s", text)
	}
	code := k.script(request, body)
	var data any
	if code == 0 {
		code, data = k.answer(request, body)
	}
	if code != 0 {
		response.Header().Set("Retry-After", "30")
		response.WriteHeader(http.StatusTeapot)
	}
	json.NewEncoder(response).Encode(map[string]any{"status": code, "code": code, "msg": "m", "request_id": "ABCD2345", "data": data})
}

func (k *stubKeeper) script(request *http.Request, body map[string]string) (code int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	path := request.URL.Path
	k.calls, k.bodies, k.header = append(k.calls, request.Method+" "+path), append(k.bodies, body), request.Header
	if codes := k.refuse[path]; len(codes) > 0 {
		code, k.refuse[path] = codes[0], codes[1:]
	}
	return code
}

func (k *stubKeeper) answer(request *http.Request, body map[string]string) (code int, data any) {
	switch request.URL.Path {
	case "/login/":
		return k.login(request, body["code"])
	case "/getinfo/":
		return k.open(body)
	default:
		return 0, map[string]string{"token": body["token"], "next": k.next}
	}
}

func (k *stubKeeper) login(request *http.Request, code string) (int, any) {
	login, err := k.wechat.client.Code2Session(request.Context(), code)
	if err != nil {
		return 4, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append(k.keys, login.SessionKey)
	token := fmt.Sprintf("token-%d", len(k.keys))
	k.tokens[token] = true
	return 0, map[string]any{"token": token}
}

func (k *stubKeeper) open(body map[string]string) (int, any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.tokens[body["token"]] {
		return 2, nil
	}
	read, err := wechat.ReadSealed(body["encryptedData"], body["iv"])
	if err != nil {
		return 5, nil
	}
	for _, key := range k.keys {
		if payload, err := read.Open(key); err == nil {
			return 0, payload.Object()
		}
	}
	return 3, nil
}

func (k *stubKeeper) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if fmt.Sprint(k.calls) != fmt.Sprint(want) {
		t.Errorf("calls %v, want %v", k.calls, want)
	}
}

func launch(t *testing.T, visitor *sandbox.MiniProgram) {
	t.Helper()
	if err := visitor.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantNickname(t *testing.T, data json.RawMessage, err error, want string) {
	t.Helper()
	var profile struct {
		NickName string `json:"nickName"`
	}
	if err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal(data, &profile); profile.NickName != want {
		t.Errorf("nickname %q, want %q", profile.NickName, want)
	}
}

const (
	loginCall   = "POST /login/"
	getInfoCall = "POST /getinfo/"
)

func TestTheArticlesClient(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	if visitor.Token() != "token-1" {
		t.Fatalf("token %q", visitor.Token())
	}
	data, err := visitor.User1(t.Context())
	wantNickname(t, data, err, w.phone.Person().Nickname)
	keeper.wantCalls(t, loginCall, getInfoCall)
	if sent := keeper.bodies[1]; len(sent) != 3 || sent["token"] != "token-1" || sent["iv"] == "" || sent["encryptedData"] == "" {
		t.Errorf("the article sends iv, encryptedData and token, this sent %v", sent)
	}
}

func TestRequestsCarryWeChatsHeaders(t *testing.T) {
	w := newWorld(t)
	for platform, device := range map[app.Platform]sandbox.Device{
		app.PlatformIOS:      {Platform: app.PlatformIOS},
		app.PlatformAndroid:  {},
		app.PlatformHarmony:  {Platform: app.PlatformHarmony},
		app.PlatformWindows:  {Platform: app.PlatformWindows},
		app.PlatformMac:      {Platform: app.PlatformMac},
		app.PlatformDevtools: {Platform: app.PlatformDevtools},
	} {
		w.phone = w.AddPhone(sandbox.PhoneOptions{Device: device})
		keeper, visitor := newStubKeeper(t, w)
		launch(t, visitor)
		read := app.ReadClient(keeper.header.Get("Referer"), keeper.header.Get("User-Agent"), "")
		used := w.phone.Device()
		if read.Appid != w.phone.Appid() || read.Version != used.Release || read.Platform != platform ||
			read.WeChatVersion != used.WeChatVersion {
			t.Errorf("%s: headers read as %+v, device %+v", platform, read, used)
		}
		if keeper.header.Get("Content-Type") != "application/json" {
			t.Errorf("Content-Type %q", keeper.header.Get("Content-Type"))
		}
	}
}

func TestTheArticlesRace(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	for range 20 {
		w.phone.ExpireKey()
		data, err := visitor.User1(t.Context())
		wantNickname(t, data, err, w.phone.Person().Nickname)
	}
	logins, sendings := 0, 0
	for _, call := range keeper.calls {
		switch call {
		case loginCall:
			logins++
		case getInfoCall:
			sendings++
		}
	}
	if logins < 21 || sendings < 40 {
		t.Errorf("%d logins and %d sendings: the race was not run", logins, sendings)
	}
}

func TestOnCode2And3ItLogsInCollectsAgainAndSendsOnce(t *testing.T) {
	for _, code := range []int{2, 3} {
		for name, send := range map[string]func(*sandbox.MiniProgram) (json.RawMessage, error){
			"user1": func(m *sandbox.MiniProgram) (json.RawMessage, error) { return m.User1(t.Context()) },
			"send": func(m *sandbox.MiniProgram) (json.RawMessage, error) {
				return m.Send(t.Context(), sandbox.SealedProfile)
			},
		} {
			t.Run(fmt.Sprint(code, name), func(t *testing.T) {
				w := newWorld(t)
				keeper, visitor := newStubKeeper(t, w)
				launch(t, visitor)
				keeper.refuse["/getinfo/"] = []int{code}
				data, err := send(visitor)
				wantNickname(t, data, err, w.phone.Person().Nickname)
				keeper.wantCalls(t, loginCall, getInfoCall, loginCall, getInfoCall)
				if keeper.bodies[1]["iv"] == keeper.bodies[3]["iv"] || keeper.bodies[3]["token"] != "token-2" {
					t.Error("the second sending should be data collected after the login, with its token")
				}
			})
		}
	}
}

func TestItSendsAgainOnlyOnce(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	keeper.refuse["/getinfo/"] = []int{3, 3, 3}
	_, err := visitor.Send(t.Context(), sandbox.SealedPhone)
	wantRefused(t, err, 3)
	keeper.wantCalls(t, loginCall, getInfoCall, loginCall, getInfoCall)
}

func TestOtherRefusalsAreNotRepeated(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	keeper.refuse["/getinfo/"] = []int{7}
	_, err := visitor.User1(t.Context())
	refusal := wantRefused(t, err, 7)
	if refusal.HTTPStatus != http.StatusTeapot || refusal.RequestID != "ABCD2345" || refusal.RetryAfter != 30*time.Second {
		t.Errorf("refusal %+v", refusal)
	}
	if want := "keeper refused: code 7, m (HTTP 418, request ABCD2345)"; refusal.Error() != want {
		t.Errorf("error %q, want %q", refusal.Error(), want)
	}
	keeper.wantCalls(t, loginCall, getInfoCall)
}

func wantRefused(t *testing.T, err error, code int) *sandbox.Refusal {
	t.Helper()
	var refusal *sandbox.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("got %v, want code %d", err, code)
	}
	return refusal
}

func TestAKeyReplacedElsewhereIsHealed(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	w.phone.RotateKey()
	data, err := visitor.User1(t.Context())
	wantNickname(t, data, err, w.phone.Person().Nickname)
	keeper.wantCalls(t, loginCall, getInfoCall, loginCall, getInfoCall)
}

func TestARefusedRaceIsRepeatedAfterOneLogin(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	w.phone.ExpireKey()
	keeper.refuse["/getinfo/"] = []int{3, 3}
	data, err := visitor.User1(t.Context())
	wantNickname(t, data, err, w.phone.Person().Nickname)
	if len(keeper.calls) != 6 || keeper.calls[4] != loginCall || keeper.calls[5] != getInfoCall {
		t.Errorf("calls %v", keeper.calls)
	}
}

func TestARefusedLogin(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	keeper.refuse["/login/"] = []int{8}
	wantRefused(t, visitor.Launch(t.Context()), 8)
	if visitor.Token() != "" {
		t.Error("a refused login gave a token")
	}
}

func TestSessionAndLogout(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	if data, err := visitor.Session(t.Context()); err != nil || string(data) != `{"next":"","token":"token-1"}` {
		t.Errorf("session %s, error %v", data, err)
	}
	if err := visitor.Logout(t.Context()); err != nil || visitor.Token() != "" {
		t.Errorf("token %q after logout, error %v", visitor.Token(), err)
	}
	keeper.wantCalls(t, loginCall, "POST /session/", "POST /logout/")
}

func TestAnswersThatAreNotTheKeepers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"page":           func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"gateway":        func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusBadGateway) },
		"empty":          func(http.ResponseWriter, *http.Request) {},
		"login sans all": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"code":0,"data":{}}`) },
		"no connection":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(answer)
		visitor := sandbox.NewMiniProgram(sandbox.New(sandbox.Options{}).AddPhone(sandbox.PhoneOptions{}), server.URL+"/", server.Client())
		if err := visitor.Launch(t.Context()); err == nil || visitor.Token() != "" {
			t.Errorf("%s: error %v, token %q", name, err, visitor.Token())
		}
		server.Close()
	}
}
