package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// listen gives a connection to a server with one handler.
func listen(t *testing.T, handler http.HandlerFunc) *connection {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := dial(strings.TrimPrefix(server.URL, "http://"), time.Now().Add(time.Minute))
	t.Cleanup(c.close)
	return c
}

func TestConnectionReadsAnswers(t *testing.T) {
	long := strings.Repeat("很长的一页。", 10_000)
	c := listen(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/short":
			w.Header().Set("X-Told", "yes")
			fmt.Fprint(w, "short")
		case "/long": // in chunks
			io.WriteString(w, long)
		case "/last":
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusTeapot)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	for _, one := range []struct {
		path   string
		status int
		body   string
	}{
		{"/short", 200, "short"}, {"/none", 204, ""}, {"/long", 200, long}, {"/short", 200, "short"},
		{"/last", 418, ""}, {"/short", 200, "short"},
	} {
		got, err := c.exchange([]byte("GET " + one.path + " HTTP/1.1\r\nHost: x\r\n\r\n"))
		if err != nil || got.status != one.status || string(got.body) != one.body {
			t.Fatalf("%s: %d, %d bytes, %v", one.path, got.status, len(got.body), err)
		}
		if one.path == "/short" && !bytes.Contains(got.header, []byte("X-Told: yes\r\n")) {
			t.Errorf("header %q", got.header)
		}
	}
}

func TestConnectionTellsOfNoAnswer(t *testing.T) {
	c := listen(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for range 2 {
		if got, err := c.exchange([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err == nil {
			t.Errorf("status %d", got.status)
		}
	}
}

func TestWrongAnswersAreFound(t *testing.T) {
	body := ""
	c := listen(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
	key, err := app.NewSessionKey(keyText("somebody", 1))
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{person: Person{OpenID: "somebody", Nickname: "小王"}, key: key, token: "token", user: "123"}
	one, err := p.change("wxapp", nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for answer, right := range map[string]bool{
		`{"code":0,"data":{"name":"小王","city":"City 1"}}`:  true,
		`{"code":0,"data":{"name":"小李","city":"City 1"}}`:  false,
		`{"code":0,"data":{"name":"小王","city":"City 10"}}`: false,
		`{"code":3,"data":{"name":"小王","city":"City 1"}}`:  false,
		``: false,
	} {
		body = answer
		if err := one.do(c); (err == nil) != right {
			t.Errorf("%s: %v", answer, err)
		}
	}
	for _, do := range []step{p.verify(), p.session("wxapp")} {
		body = `{"code":0,"data":{"user":"124","next":"ok"}}`
		if do(c) == nil {
			t.Error("somebody else's answer is taken")
		}
	}
}

// WeChat's stand-in is asked by the client that the server asks with.
func TestStandInIsAWeChat(t *testing.T) {
	w, err := startWeChat()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	client, err := wechat.NewClient(wechat.Options{BaseURL: w.url(), Appid: "wxapp", Secret: appSecret})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for version := range uint64(3) {
		got, err := client.Code2Session(t.Context(), newCode("oSome-body_1", version, 7))
		if err != nil || got.OpenID != "oSome-body_1" || got.SessionKey.Reveal() != keyText("oSome-body_1", version) {
			t.Fatalf("%q, %v", got.OpenID, err)
		}
		keys[got.SessionKey.Reveal()] = true
	}
	if len(keys) != 3 {
		t.Errorf("%d keys", len(keys))
	}
	if _, err := client.Code2Session(t.Context(), "nonsense"); err == nil {
		t.Error("any code is good")
	}
}

func TestWordsToFind(t *testing.T) {
	found := wordsFrom([]string{"王小明", "王大明", "王明", "Kevin"})
	if len(found) != 4*3 {
		t.Fatalf("%d kinds of words", len(found))
	}
	if one := found[0]; one.length != 1 || one.how != common || one.texts[0] != "明" && one.texts[0] != "王" {
		t.Errorf("%+v", one)
	}
	if one := found[9]; one.length != 5 || one.texts[0] != "Kevin" {
		t.Errorf("%+v", one)
	}
	for _, one := range found {
		for _, text := range one.texts {
			if len([]rune(text)) != one.length {
				t.Errorf("%s is not of %d characters", text, one.length)
			}
		}
	}
}
