package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"
)

// articleAddress is where the article's code believes its server to be.
const articleAddress = "http://127.0.0.1:8000/"

// miniProgram runs the article's client, unchanged, on a phone of somebody. What the client asks of wx waits until the test
// lets it happen, so that the order of everything asynchronous is the test's choice.
type miniProgram struct {
	t       testing.TB
	vm      *goja.Runtime
	network func(method, path, body string) reply
	owner   *person
	expired bool // whether wx.checkSession fails and wx.login brings a new key
	storage map[string]goja.Value
	app     *goja.Object
	page    *goja.Object
	waiting []happening

	asksAgain bool // wx.getUserInfo was called since the last tap

	asked   []fields // bodies of getinfo/, in the order they were sent
	answers []reply  // to getinfo/
}

// happening is something that wx will do: do it when it is its turn.
type happening struct {
	name string
	do   func()
}

// install puts the article's client on the phone; nothing runs yet but the files themselves.
func install(t testing.TB, server api, owner *person) *miniProgram {
	t.Helper()
	m := &miniProgram{t: t, vm: goja.New(), owner: owner, storage: map[string]goja.Value{}}
	m.network = func(method, path, body string) reply { return m.send(server, method, path, body) }
	m.vm.SetFieldNameMapper(goja.UncapFieldNameMapper())
	m.define("wx", map[string]any{
		"login":          m.wxLogin,
		"request":        m.wxRequest,
		"checkSession":   m.wxCheckSession,
		"getSetting":     m.wxGetSetting,
		"getUserInfo":    m.wxGetUserInfo,
		"setStorageSync": func(key string, value goja.Value) { m.storage[key] = value },
		"getStorageSync": m.stored,
	})
	m.define("console", map[string]any{"log": func(goja.FunctionCall) goja.Value { return goja.Undefined() }})
	m.define("App", func(app *goja.Object) { m.app = app })
	m.define("getApp", func() *goja.Object { return m.app })
	m.define("Page", func(page *goja.Object) { m.page = page })
	m.run("app.js", file(t, "app.js"))
	m.run("page.js", inPage(file(t, "page.js")))
	return m
}

// inPage puts the article's page code, which shows one method only, where a page has its methods.
func inPage(code string) string {
	before, method, _ := strings.Cut(code, "user1:")
	return before + "Page({user1:" + method + "})"
}

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (m *miniProgram) define(name string, value any) {
	if err := m.vm.Set(name, value); err != nil {
		m.t.Fatal(err)
	}
}

func (m *miniProgram) run(name, code string) {
	m.t.Helper()
	if _, err := m.vm.RunScript(name, code); err != nil {
		m.t.Fatal(err)
	}
}

// launch is what WeChat does when the mini program is opened: it asks for onLaunch.
func (m *miniProgram) launch() { m.callMethod(m.app, "onLaunch") }

// tap is a tap on the page's button.
func (m *miniProgram) tap() {
	m.asksAgain = false
	m.callMethod(m.page, "user1")
}

func (m *miniProgram) callMethod(object *goja.Object, name string) {
	m.t.Helper()
	method, isFunction := goja.AssertFunction(object.Get(name))
	if !isFunction {
		m.t.Fatalf("the article has no %s", name)
	}
	if _, err := method(object, m.vm.NewObject()); err != nil {
		m.t.Fatal(err)
	}
}

// callBack calls one of the options of a wx call, if it is there.
func (m *miniProgram) callBack(options *goja.Object, name string, result any) {
	callback, isFunction := goja.AssertFunction(options.Get(name))
	if !isFunction {
		return
	}
	if _, err := callback(goja.Undefined(), m.vm.ToValue(result)); err != nil {
		m.t.Errorf("the client's %s fails: %v", name, err)
	}
}

func (m *miniProgram) later(name string, do func()) {
	m.waiting = append(m.waiting, happening{name, do})
}

// let makes the oldest waiting happening of each name happen, one after the other.
func (m *miniProgram) let(names ...string) {
	m.t.Helper()
	for _, name := range names {
		m.happen(m.find(name))
	}
}

func (m *miniProgram) find(name string) int {
	m.t.Helper()
	for i, one := range m.waiting {
		if one.name == name {
			return i
		}
	}
	m.t.Fatalf("%s is not waiting, but %v", name, m.waiting)
	return 0
}

func (m *miniProgram) happen(i int) {
	one := m.waiting[i]
	m.waiting = append(m.waiting[:i:i], m.waiting[i+1:]...)
	one.do()
}

// settle lets everything happen, first asked first done.
func (m *miniProgram) settle() {
	for len(m.waiting) > 0 {
		m.happen(0)
	}
}

func (m *miniProgram) stored(key string) goja.Value {
	if value, found := m.storage[key]; found {
		return value
	}
	return m.vm.ToValue("") // as wx does
}

func (m *miniProgram) token() string { return m.stored("token").String() }

func (m *miniProgram) wxLogin(options *goja.Object) {
	m.later("wx.login", func() {
		if m.expired {
			m.owner.newKey()
			m.expired = false
		}
		m.callBack(options, "success", map[string]any{"code": m.owner.login(), "errMsg": "login:ok"})
	})
}

func (m *miniProgram) wxCheckSession(options *goja.Object) {
	// The verdict is that of the moment of the call.
	name, result := "success", "checkSession:ok"
	if m.expired {
		name, result = "fail", "checkSession:fail session time out, need relogin"
	}
	m.later("wx.checkSession", func() { m.callBack(options, name, map[string]any{"errMsg": result}) })
}

func (m *miniProgram) wxGetSetting(options *goja.Object) {
	m.later("wx.getSetting", func() {
		m.callBack(options, "success", map[string]any{"authSetting": map[string]any{"scope.userInfo": true}})
	})
}

func (m *miniProgram) wxGetUserInfo(options *goja.Object) {
	name := "wx.getUserInfo"
	if m.asksAgain {
		name = "wx.getUserInfo again" // the one of the article whose data goes nowhere
	}
	m.asksAgain = true
	m.later(name, func() {
		data := m.owner.userInfo()
		m.callBack(options, "success", map[string]any{
			"userInfo": m.owner.visible(), "rawData": data.rawData, "signature": data.signature,
			"encryptedData": data.encryptedData, "iv": data.iv, "errMsg": "getUserInfo:ok",
		})
	})
}

func (m *miniProgram) wxRequest(options *goja.Object) {
	path, isOurs := strings.CutPrefix(options.Get("url").String(), articleAddress)
	if !isOurs {
		m.later("url fails", func() { m.callBack(options, "fail", map[string]any{"errMsg": "request:fail invalid url"}) })
		return
	}
	method, body := options.Get("method").String(), m.bodyOf(options)
	m.later("send "+path, func() {
		answer := m.network(method, path, body)
		m.later("answer "+path, func() { m.callBack(options, "success", m.seen(answer)) })
		if path == "getinfo/" {
			m.noteInfo(body, answer)
		}
	})
}

// bodyOf is the JSON that wx.request makes of its data.
func (m *miniProgram) bodyOf(options *goja.Object) string {
	m.define("data", options.Get("data"))
	text, err := m.vm.RunString("JSON.stringify(data)")
	if err != nil {
		m.t.Fatal(err)
	}
	return text.String()
}

// send is wx.request on the network, with the headers of a phone.
func (m *miniProgram) send(server api, method, path, body string) reply {
	request, err := http.NewRequest(method, server.url+"/"+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Referer", fmt.Sprintf("https://servicewechat.com/%s/7/page-frame.html", appid))
	request.Header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "+
		"(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x18003131) NetType/WIFI Language/zh_CN")
	began := time.Now()
	response, err := server.client.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	answer, err := readReply(response, began)
	if err != nil {
		m.t.Fatal(err)
	}
	return answer
}

// seen is an answer as wx.request gives it to the client: success whatever the status, the body parsed.
func (m *miniProgram) seen(answer reply) map[string]any {
	m.define("text", answer.body)
	body, err := m.vm.RunString("JSON.parse(text)")
	if err != nil {
		m.t.Fatal(err)
	}
	return map[string]any{"data": body, "statusCode": answer.http, "errMsg": "request:ok"}
}
