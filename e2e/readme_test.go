package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// readmesClient is the code that README.md shows, on a phone whose wx gives promises and answers at once.
type readmesClient struct {
	t         *testing.T
	vm        *goja.Runtime
	server    api
	owner     *person
	collects  func() sealed
	collected int
	logins    int
}

func newReadmesClient(t *testing.T, page string, server api, owner *person) *readmesClient {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```js\n")
	code, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatalf("%s shows no code", page)
	}
	c := &readmesClient{t: t, vm: goja.New(), server: server, owner: owner, collects: owner.userInfo}
	for name, value := range map[string]any{"mint": c.mint, "send": c.send, "sealedNow": c.sealedNow} {
		if err := c.vm.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	c.run(`const storage = {}
		const wx = {
			login: async () => ({ code: mint() }),
			request: o => o.success({ data: JSON.parse(send(o.method, o.url, JSON.stringify(o.data))) }),
			setStorageSync: (key, value) => { storage[key] = value },
			getStorageSync: key => key in storage ? storage[key] : '',
			getUserInfo: async () => JSON.parse(sealedNow()),
		}`)
	c.run(code)
	return c
}

func (c *readmesClient) run(code string) goja.Value {
	c.t.Helper()
	result, err := c.vm.RunString(code)
	if err != nil {
		c.t.Fatal(err)
	}
	return result
}

func (c *readmesClient) mint() string {
	c.logins++
	return c.owner.login()
}

func (c *readmesClient) sealedNow() string {
	c.collected++
	data := c.collects()
	text, _ := json.Marshal(fields{"encryptedData": data.encryptedData, "iv": data.iv}) // strings always encode
	return string(text)
}

func (c *readmesClient) send(method, url, body string) string {
	path, ours := strings.CutPrefix(url, "http://127.0.0.1:8000")
	var in fields
	if err := json.Unmarshal([]byte(body), &in); err != nil || method != "POST" || !ours {
		c.t.Fatalf("it sent %s %s %s: %v", method, url, body, err)
	}
	answer, err := c.server.post(path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.body
}

// openData runs the function of that name, and wants so many collections and logins until it is done.
func (c *readmesClient) openData(what string, collected, logins int) (answer reply) {
	c.t.Helper()
	c.collected, c.logins = 0, 0
	c.run(`said = 'nothing'; openData(() => wx.getUserInfo()).then(r => { said = JSON.stringify(r) }, e => { said = String(e) })`)
	said := c.run(`said`).String()
	if err := json.Unmarshal([]byte(said), &answer); err != nil {
		c.t.Fatalf("%s: %s", what, said)
	}
	if c.collected != collected || c.logins != logins {
		c.t.Errorf("%s: collected %d times and logged in %d times, want %d and %d", what, c.collected, c.logins, collected, logins)
	}
	return answer
}

// TestReadmesClient runs the client of both READMEs: it logs in when that is needed, collects after, and once more where data does not
// open.
func TestReadmesClient(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	for _, page := range []string{"../README.md", "../README.zh-CN.md"} {
		c := newReadmesClient(t, page, s.api, w.newPerson())
		wantProfile := func(what string, answer reply) {
			t.Helper()
			got := map[string]any{}
			if err := json.Unmarshal(answer.Data, &got); err != nil || got["name"] != c.owner.nickname || len(got["user"].(string)) != 9 {
				t.Errorf("%s, %s: %v %+v", page, what, err, answer)
			}
			for name := range strings.FieldsSeq("name avatar gender language province city country") {
				if _, told := got[name]; !told {
					t.Errorf("%s, %s: no %s in %v", page, what, name, got)
				}
			}
		}
		wantProfile("the first time", c.openData("the first time", 1, 1))
		wantProfile("with a token", c.openData("with a token", 1, 0))
		c.owner.newKey()
		wantProfile("after WeChat replaced the key", c.openData("after WeChat replaced the key", 2, 1))
		c.collects = func() sealed { return sealText(w.newPerson().key(0), "{}") }
		if answer := c.openData("somebody else's data", 2, 1); answer.Code != 3 {
			t.Errorf("%s: somebody else's data: %+v", page, answer)
		}
	}
	s.end(t)
}
