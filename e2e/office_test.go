package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxkeeper/app/sandbox"
)

// office is the binary with the product's own emulator for WeChat: its phones can do what the stand-in's people cannot.
type office struct {
	*server
	weChat *sandbox.WeChat
}

func newOffice(t *testing.T, more ...string) *office {
	t.Helper()
	emulator := sandbox.New(sandbox.Options{Apps: []sandbox.App{{Appid: appid, Secret: appSecret, OpenPlatform: "e2e"}}})
	listener := httptest.NewServer(emulator)
	t.Cleanup(func() {
		listener.CloseClientConnections() // some faults never answer
		listener.Close()
	})
	settings := settingsOf(t, listener.URL, append([]string{"WXKEEPER_API_RATE=0"}, more...)...)
	return &office{serve(t, settings), emulator}
}

// end stops the server. A connection that was never used would hold it up: the server waits whether a request comes.
func (o *office) end(t *testing.T) {
	t.Helper()
	o.client.CloseIdleConnections()
	o.server.end(t)
}

// caller is somebody with the mini program on the phone, and what the keeper said at the first login.
type caller struct {
	*sandbox.MiniProgram
	*sandbox.Phone
	api
	t    *testing.T
	user string
}

// newCaller adds somebody who has opened the mini program.
func (o *office) newCaller(t *testing.T) *caller {
	t.Helper()
	phone := o.weChat.AddPhone(sandbox.PhoneOptions{Person: sandbox.Person{Nickname: "阿珍👩‍👩‍👧‍👦", City: "广州"}})
	c := &caller{sandbox.NewMiniProgram(phone, o.url, o.client), phone, o.api, t, ""}
	c.launch()
	c.user = c.session().User
	return c
}

// keptSession is the data of a good /session/.
type keptSession struct {
	User      string
	ExpiresIn int `json:"expires_in"`
	KeyStatus struct {
		State string
	} `json:"key_status"`
	Next string
}

func (c *caller) session() keptSession {
	c.t.Helper()
	return dataOf[keptSession](c.t, c.mustPost(c.t, "/session/", fields{"token": c.Token()}, 0))
}

// wantKey wants a state and the advice that goes with it.
func (c *caller) wantKey(state, next string) keptSession {
	c.t.Helper()
	got := c.session()
	if got.KeyStatus.State != state || got.Next != next {
		c.t.Fatalf("the key is %+v, next %s; want %s, %s", got.KeyStatus, got.Next, state, next)
	}
	return got
}

// becomes waits for what comes with time or from WeChat.
func (c *caller) becomes(state, next string) keptSession {
	c.t.Helper()
	eventually(c.t, 15*time.Second, "the key is "+state, func() bool { return c.session().KeyStatus.State == state })
	return c.wantKey(state, next)
}

// launch logs in.
func (c *caller) launch() {
	c.t.Helper()
	if err := c.Launch(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// rotate logs in while WeChat replaces the key.
func (c *caller) rotate() {
	c.t.Helper()
	c.ReplaceKeyAtLogin()
	c.launch()
}

// sends collects and sends data of a kind as a mini program does: with one login and one more try, if it is told so.
func (c *caller) sends(kind sandbox.SealedKind) json.RawMessage {
	c.t.Helper()
	data, err := c.Send(c.t.Context(), kind)
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// give sends sealed data once and wants a code.
func (c *caller) give(data sandbox.Sealed, code int) reply {
	c.t.Helper()
	return c.mustPost(c.t, "/getinfo/", sealedFields(c.Token(), data), code)
}

func sealedFields(token string, data sandbox.Sealed) fields {
	return sealed{data.EncryptedData, data.IV, data.RawData, data.Signature}.fields(token)
}

// verify gives the status of /verify/ for a token.
func (a api) verify(t testing.TB, token string) (status int, user string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, a.url+"/verify/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := a.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode, response.Header.Get("X-Wxkeeper-User")
}

// tracesIn tells which of some texts stand in any file of a folder.
func tracesIn(t testing.TB, folder string, texts map[string]string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range texts {
			if bytes.Contains(content, []byte(text)) {
				found = append(found, what+" in "+entry.Name())
			}
		}
	}
	return found
}

// refusedWith runs a command that must fail with one line that says this.
func (o *office) refusedWith(t *testing.T, says string, arguments ...string) {
	t.Helper()
	ran := command(t, o.settings, arguments...)
	if ran.err == nil || ran.stdout != "" || !strings.Contains(ran.stderr, says) {
		t.Errorf("%q: %v\n%s%swant %q", arguments, ran.err, ran.stdout, ran.stderr, says)
	}
}

// says runs a command that must succeed and say this.
func (o *office) says(t *testing.T, says string, arguments ...string) {
	t.Helper()
	if said := succeed(t, o.settings, arguments...); !strings.Contains(said, says) {
		t.Errorf("%q says %q, want %q", arguments, said, says)
	}
}
