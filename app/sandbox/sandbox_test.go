package sandbox_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

// clock is a time that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// world is an emulator on a real listener, with one phone and a real client of its API.
type world struct {
	*sandbox.WeChat
	clock  *clock
	url    string
	phone  *sandbox.Phone
	client *wechat.Client
}

func newWorld(t *testing.T, apps ...sandbox.App) *world {
	t.Helper()
	clock := newClock()
	w := &world{WeChat: sandbox.New(sandbox.Options{Apps: apps, Clock: clock.Now, Seed: 1}), clock: clock}
	server := httptest.NewServer(w.WeChat)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.phone = w.AddPhone(sandbox.PhoneOptions{Person: sandbox.Person{Nickname: "小明🎉👨‍👩‍👧‍👦"}})
	w.client = w.clientOf(t, w.Apps()[0])
	return w
}

func (w *world) clientOf(t *testing.T, registered sandbox.App) *wechat.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := wechat.NewClient(wechat.Options{
		BaseURL:   w.url,
		Appid:     registered.Appid,
		Secret:    registered.Secret,
		Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// login exchanges a fresh code of the phone.
func (w *world) login(t *testing.T, phone *sandbox.Phone) wechat.Login {
	t.Helper()
	return w.exchange(t, phone.Login())
}

func (w *world) exchange(t *testing.T, code string) wechat.Login {
	t.Helper()
	login, err := w.client.Code2Session(t.Context(), code)
	if err != nil {
		t.Fatalf("exchanging %q: %v", code, err)
	}
	return login
}

// wantErrcode exchanges a code and wants WeChat's refusal.
func (w *world) wantErrcode(t *testing.T, code string, errcode int) {
	t.Helper()
	_, err := w.client.Code2Session(t.Context(), code)
	var refused *wechat.Error
	if !errors.As(err, &refused) || refused.Errcode != errcode {
		t.Fatalf("exchanging %q: got %v, want errcode %d", code, err, errcode)
	}
}

// ask calls code2Session with exactly these parameters.
func (w *world) ask(t *testing.T, query url.Values) (*http.Response, map[string]any) {
	t.Helper()
	response, body := get(t, w.url+"/sns/jscode2session?"+query.Encode())
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("not JSON: %q", body)
	}
	return response, answer
}

func (w *world) goodQuery(code string) url.Values {
	registered := w.Apps()[0]
	return url.Values{
		"appid":      {string(registered.Appid)},
		"secret":     {registered.Secret.Reveal()},
		"js_code":    {code},
		"grant_type": {"authorization_code"},
	}
}

func get(t *testing.T, address string) (*http.Response, []byte) {
	t.Helper()
	return do(t, http.MethodGet, address, nil)
}

func do(t *testing.T, method, address string, form url.Values) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address+"?"+form.Encode(), nil)
	if form == nil {
		request, err = http.NewRequestWithContext(t.Context(), method, address, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

// open opens what a phone sealed as a keeper would.
func open(t *testing.T, key app.SessionKey, sealed sandbox.Sealed) wechat.Payload {
	t.Helper()
	read, err := wechat.DecodeSealed(sealed.EncryptedData, sealed.IV)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := read.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func opens(key app.SessionKey, sealed sandbox.Sealed) bool {
	read, err := wechat.DecodeSealed(sealed.EncryptedData, sealed.IV)
	if err != nil {
		return false
	}
	_, err = read.Open(key)
	return err == nil
}
