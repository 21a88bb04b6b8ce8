package alert_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/alert"
	"wxkeeper/app/keeper"
	"wxkeeper/app/outgoing"
	"wxkeeper/app/overview"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

var start = time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC)

var hosts = []string{"qyapi.weixin.qq.com", "open.feishu.cn", "oapi.dingtalk.com", "hooks.example.com"}

// group stands in for everything robots talk to: a real TLS server under all their names.
type group struct {
	*httptest.Server
	lock   sync.Mutex
	got    []call
	answer func(host string) (int, string)
}

type call struct {
	host, query string
	header      http.Header
	body        string
}

func newGroup(t *testing.T) *group {
	t.Helper()
	g := &group{answer: func(string) (int, string) { return 200, `{"errcode":0,"code":0}` }}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.lock.Lock()
		g.got = append(g.got, call{r.Host, r.URL.RawQuery, r.Header, string(body)})
		answer := g.answer
		g.lock.Unlock()
		status, text := answer(r.Host)
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: hosts, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	g.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *group) calls() []call {
	g.lock.Lock()
	defer g.lock.Unlock()
	got := g.got
	g.got = nil
	return got
}

func (g *group) say(status int, text string) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.answer = func(string) (int, string) { return status, text }
}

// house has alerts over a database that tests make things happen in.
type house struct {
	*alert.Alerts
	t      *testing.T
	group  *group
	now    time.Time
	app    app.App
	folder string
	log    *bytes.Buffer
	apps   []*overview.Overview
}

func newHouse(t *testing.T, perHour int) *house {
	t.Helper()
	h := &house{t: t, group: newGroup(t), now: start, folder: t.TempDir(), log: &bytes.Buffer{}}
	store, err := db.Open(t.Context(), h.folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, start)
	if err != nil {
		t.Fatal(err)
	}
	if h.app, err = store.EnsureApp(t.Context(), "wx0123456789abcdef", start); err != nil {
		t.Fatal(err)
	}
	client, err := wechat.NewClient(wechat.Options{BaseURL: "http://127.0.0.1:9", Appid: h.app.Appid, Secret: "planted-app-secret"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	clock := func() time.Time { return h.now }
	keys := keeper.New(keeper.Options{App: h.app, Store: store, Ring: ring, WeChat: client, Clock: clock, Log: log})
	t.Cleanup(keys.Close)
	roots := x509.NewCertPool()
	roots.AddCert(h.group.Certificate())
	calls := outgoing.New(outgoing.Options{Roots: roots, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, h.group.Listener.Addr().String())
	}})
	t.Cleanup(calls.Close)
	h.apps = []*overview.Overview{{Store: store, Keeper: keys, WeChat: client}}
	h.Alerts = alert.New(alert.Options{
		Store: store, Ring: ring, Outgoing: calls, Watched: func() []overview.Overview {
			var all []overview.Overview
			for _, one := range h.apps {
				all = append(all, *one)
			}
			return all
		},
		Hold: 2 * time.Minute, PerHour: perHour, Clock: clock, Log: log,
		Write: func(language string, m alert.Message) string {
			text := fmt.Sprintf("%s test=%v", language, m.Test)
			for _, c := range m.Firing {
				text += " firing " + string(c.Appid) + c.Name() + " since " + c.Since.UTC().Format("15:04")
			}
			for _, c := range m.Over {
				text += " over " + string(c.Appid) + c.Name()
			}
			return text
		},
	})
	return h
}

const secretKey = "planted-robot-credential-4711"

var robots = []alert.NewRobot{
	{Kind: app.RobotWeCom, Name: "wecom", Language: "zh-CN", URL: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + secretKey},
	{Kind: app.RobotFeishu, Name: "feishu", Language: "en", URL: "https://open.feishu.cn/open-apis/bot/v2/hook/" + secretKey,
		Secret: "planted-signing-feishu"},
	{Kind: app.RobotDingTalk, Name: "dingtalk", Language: "zh-CN", URL: "https://oapi.dingtalk.com/robot/send?access_token=" + secretKey,
		Secret: "planted-signing-ding"},
	{Kind: app.RobotWebhook, Name: "webhook", Language: "en", URL: "https://hooks.example.com/" + secretKey, Secret: "planted-signing-hook"},
}

func (h *house) add(added alert.NewRobot) app.Robot {
	h.t.Helper()
	robot, err := h.Add(h.t.Context(), "alice", added)
	if err != nil {
		h.t.Fatal(err)
	}
	return robot
}

// after lets time pass and evaluates each minute.
func (h *house) after(minutes int) []call {
	h.t.Helper()
	for range minutes {
		h.now = h.now.Add(time.Minute)
		if err := h.Evaluate(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
	return h.group.calls()
}

func (h *house) backup(problem string) {
	h.t.Helper()
	for _, one := range h.apps {
		one.Backups = true
	}
	err := h.Store.Write(h.t.Context(), func(tx *db.Tx) error {
		return tx.InsertBackupRun(app.BackupRun{StartedAt: h.now, Problem: problem, Name: map[bool]string{true: "x.db"}[problem == ""]})
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) write(fn func(*db.Tx) error) {
	h.t.Helper()
	if err := h.Store.Write(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func TestEachKindOfRobotIsToldOnceAndWhenItIsOver(t *testing.T) {
	h := newHouse(t, 20)
	for _, one := range robots {
		h.add(one)
	}
	if got := h.after(3); len(got) != 0 {
		t.Fatalf("told of nothing: %+v", got)
	}
	h.backup("no space left on device")
	if got := h.after(2); len(got) != 0 {
		t.Fatalf("told before it has held: %+v", got)
	}
	got := h.after(1)
	if len(got) != 4 {
		t.Fatalf("%d robots were told: %+v", len(got), got)
	}
	for _, one := range got {
		var body struct {
			Msgtype, Sign, Timestamp, Text any
			MsgType                        string                `json:"msg_type"`
			Content                        struct{ Text string } `json:"content"`
		}
		if err := json.Unmarshal([]byte(one.body), &body); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(one.body, "firing backup_failing since 04:33") {
			t.Errorf("%s heard %s", one.host, one.body)
		}
		switch one.host {
		case "qyapi.weixin.qq.com":
			if body.Msgtype != "text" || one.query != "key="+secretKey {
				t.Errorf("企业微信: %s %s", one.query, one.body)
			}
		case "open.feishu.cn": // the signature was made by another program: HmacSHA256(key "1795408560\nplanted-signing-feishu", "")
			if body.MsgType != "text" || body.Timestamp != fmt.Sprint(h.now.Unix()) || body.Sign != feishuSign || body.Content.Text == "" {
				t.Errorf("飞书: %d %s", h.now.Unix(), one.body)
			}
		case "oapi.dingtalk.com":
			stamp := "timestamp=" + fmt.Sprint(h.now.UnixMilli())
			if body.Msgtype != "text" || !strings.Contains(one.query, "sign="+dingSign) || !strings.Contains(one.query, stamp) {
				t.Errorf("钉钉: %d %s", h.now.UnixMilli(), one.query)
			}
		case "hooks.example.com":
			id, stamp := one.header.Get("Webhook-Id"), one.header.Get("Webhook-Timestamp")
			mac := hmac.New(sha256.New, []byte("planted-signing-hook"))
			io.WriteString(mac, id+"."+stamp+"."+one.body)
			want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
			if id == "" || stamp != fmt.Sprint(h.now.Unix()) || one.header.Get("Webhook-Signature") != want {
				t.Errorf("webhook: %v", one.header)
			}
		}
	}
	if got := h.after(30); len(got) != 0 {
		t.Errorf("told again: %+v", got)
	}
	h.backup("")
	if got := h.after(2); len(got) != 4 || !strings.Contains(got[0].body, "over backup_failing") {
		t.Errorf("told that it is over: %+v", got)
	}
	if got := h.after(30); len(got) != 0 {
		t.Errorf("told again that it is over: %+v", got)
	}
	h.wantNoSecret()
}

const (
	feishuSign = "fwri/6qCYcSNXWKazwTolAh0yq4Vtt0Ju63ZUa6vS2A="
	dingSign   = "KsjWrnMKovo%2FRNn%2BFQPXZrUqA0uZa5gJtWg5fVmcDCE%3D"
)

// wantNoSecret looks for what must not be stored in clear or told.
func (h *house) wantNoSecret() {
	h.t.Helper()
	texts := map[string][]byte{"the log": h.log.Bytes()}
	files, err := filepath.Glob(filepath.Join(h.folder, "*"))
	if err != nil || len(files) == 0 {
		h.t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			texts[filepath.Base(file)] = text
		}
	}
	for name, text := range texts {
		if bytes.Contains(text, []byte("planted-robot")) || bytes.Contains(text, []byte("planted-signing")) {
			h.t.Errorf("a credential stands in %s", name)
		}
	}
}

func TestWhatComesAndGoesIsNotTold(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[0])
	for range 5 {
		h.backup("trouble")
		h.after(2)
		h.backup("")
		if got := h.after(2); len(got) != 0 {
			t.Fatalf("told: %+v", got)
		}
	}
}

// A process that takes over, or comes back, knows what was told.
func TestARestartForgetsAndRepeatsNothing(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[0])
	h.backup("trouble")
	if got := h.after(4); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	h.Alerts = alert.New(h.Options)
	if got := h.after(10); len(got) != 0 {
		t.Errorf("told again: %+v", got)
	}
	h.backup("")
	if got := h.after(4); len(got) != 1 {
		t.Errorf("not told that it is over: %+v", got)
	}
}

func TestARobotThatFailsIsTriedAgain(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[2])
	h.group.say(200, `{"errcode":310000,"errmsg":"sign not match"}`)
	h.backup("trouble")
	h.after(3)
	tries := []int{}
	for minute := 1; minute <= 31; minute++ {
		if len(h.after(1)) > 0 {
			tries = append(tries, minute)
		}
	}
	if fmt.Sprint(tries) != "[1 3 7 15 31]" {
		t.Errorf("tried in the minutes %v", tries)
	}
	listed, err := h.Robots(t.Context())
	if err != nil || listed[0].Problem != "errcode" || listed[0].Errcode != 310000 || listed[0].Failures != 6 || listed[0].Sealed != nil {
		t.Errorf("%+v %v", listed, err)
	}
	h.group.say(200, `{"errcode":0}`)
	if got := h.after(60); len(got) != 1 || !strings.Contains(got[0].body, "backup_failing") {
		t.Errorf("once it is back: %+v", got)
	}
	if listed, _ := h.Robots(t.Context()); listed[0].Problem != "" || listed[0].Failures != 0 {
		t.Errorf("%+v", listed)
	}
	h.wantNoSecret()
}

func TestAnswersThatSayNo(t *testing.T) {
	h := newHouse(t, 100)
	feishu, hook := h.add(robots[1]), h.add(robots[3])
	for _, c := range []struct {
		robot  app.Robot
		status int
		body   string
		want   outgoing.Problem
	}{
		{feishu, 200, `{"code":19021,"msg":"sign match fail"}`, outgoing.ProblemErrcode},
		{feishu, 200, `{"StatusCode":0,"StatusMessage":"success"}`, ""},
		{feishu, 200, `not JSON`, outgoing.ProblemNotJSON},
		{feishu, 200, `{}`, outgoing.ProblemNotJSON},
		{feishu, 500, `{"code":0}`, outgoing.ProblemStatus},
		{feishu, 200, strings.Repeat(" ", 64<<10) + `{"code":0}`, outgoing.ProblemTooLarge},
		{hook, 204, ``, ""},
		{hook, 200, strings.Repeat(" ", 64<<10+1), ""},
		{hook, 404, ``, outgoing.ProblemStatus},
		{hook, 307, ``, outgoing.ProblemRedirect},
	} {
		h.group.say(c.status, c.body)
		err := h.Test(t.Context(), "alice", c.robot.ID)
		failure, _ := errors.AsType[*outgoing.Error](err)
		if c.want == "" && err != nil || c.want != "" && (failure == nil || failure.Problem != c.want) {
			t.Errorf("%d %.40s: %v", c.status, c.body, err)
		}
	}
}

func TestOnlySoManyMessagesAnHour(t *testing.T) {
	h := newHouse(t, 2)
	robot := h.add(robots[0])
	for range 2 {
		if err := h.Test(t.Context(), "alice", robot.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Test(t.Context(), "alice", robot.ID); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("a third test: %v", err)
	}
	h.group.calls()
	h.backup("trouble")
	if got := h.after(50); len(got) != 0 {
		t.Errorf("beyond its share: %+v", got)
	}
	if got := h.after(11); len(got) != 1 {
		t.Errorf("in the next hour: %+v", got)
	}
}

func TestRobotsThatAreRefused(t *testing.T) {
	h := newHouse(t, 20)
	for field, changes := range map[string][]func(*alert.NewRobot){
		"kind": {func(r *alert.NewRobot) { r.Kind = "irc" }},
		"name": {func(r *alert.NewRobot) { r.Name = " " }, func(r *alert.NewRobot) { r.Name = "a\nb" }},
		"url": {
			func(r *alert.NewRobot) { r.URL = "https://evil.example.com/cgi-bin/webhook/send?key=1" },
			func(r *alert.NewRobot) { r.URL = "https://qyapi.weixin.qq.com.evil.example/cgi-bin/webhook/send?key=1" },
			func(r *alert.NewRobot) { r.URL = "https://qyapi.weixin.qq.com:8443/cgi-bin/webhook/send?key=1" },
			func(r *alert.NewRobot) { r.URL = "http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1" },
			func(r *alert.NewRobot) { r.URL = "https://qyapi.weixin.qq.com/cgi-bin/gettoken?key=1" },
			func(r *alert.NewRobot) { r.URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send" },
			func(r *alert.NewRobot) { r.Kind, r.URL = app.RobotWebhook, "https://127.0.0.1/" },
		},
		"secret":   {func(r *alert.NewRobot) { r.Secret = "x" }},
		"language": {func(r *alert.NewRobot) { r.Language = "fr" }},
	} {
		for i, change := range changes {
			added := robots[0]
			change(&added)
			_, err := h.Add(t.Context(), "alice", added)
			var failure *app.Error
			if !errors.As(err, &failure) || failure.Kind != app.Malformed || failure.Field != field {
				t.Errorf("%s %d: %v", field, i, err)
			}
		}
	}
	for range 20 {
		h.add(robots[0])
	}
	if _, err := h.Add(t.Context(), "alice", robots[0]); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("the twenty-first: %v", err)
	}
}

func TestDisabledAndRemovedRobotsAreSilent(t *testing.T) {
	h := newHouse(t, 20)
	robot := h.add(robots[0])
	h.backup("trouble")
	h.after(4)
	if err := h.Disable(t.Context(), "alice", robot.ID); err != nil {
		t.Fatal(err)
	}
	h.backup("")
	if got := h.after(5); len(got) != 0 {
		t.Errorf("a disabled robot is told: %+v", got)
	}
	h.backup("again")
	if err := h.Enable(t.Context(), "alice", robot.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.after(4); len(got) != 1 {
		t.Errorf("an enabled robot hears of what holds: %+v", got)
	}
	if err := h.Remove(t.Context(), "alice", robot.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.Remove(t.Context(), "alice", robot.ID); app.KindOf(err) != app.NotFound {
		t.Errorf("removed twice: %v", err)
	}
	rows, err := h.Store.Read().ListAudit(t.Context(), db.AuditListing{Limit: 10})
	if err != nil || len(rows.Rows) != 4 || strings.Contains(fmt.Sprintf("%+v", rows), "planted") {
		t.Errorf("%+v %v", rows, err)
	}
}

// What returns after it was over is told anew: once it has held, and since its return.
func TestWhatReturnsIsToldAnew(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[0])
	h.backup("trouble")
	h.after(3)
	h.backup("")
	if got := h.after(3); len(got) != 1 || !strings.Contains(got[0].body, "over backup_failing") {
		t.Fatalf("not told that it is over: %+v", got)
	}
	for range 3 {
		h.backup("a moment's trouble")
		h.after(2)
		h.backup("")
		if got := h.after(2); len(got) != 0 {
			t.Fatalf("told of what comes and goes: %+v", got)
		}
	}
	h.backup("trouble again")
	began := h.now.UTC().Format("15:04")
	if got := h.after(2); len(got) != 0 {
		t.Fatalf("told before it has held: %+v", got)
	}
	if got := h.after(1); len(got) != 1 || !strings.Contains(got[0].body, "firing backup_failing since "+began) {
		t.Errorf("began at %s: %+v", began, got)
	}
}

// A robot that could not be told that something is over is told also while it begins to return.
func TestARobotHearsThatItIsOverWhileItReturns(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[0])
	h.backup("trouble")
	h.after(3)
	h.group.say(500, "")
	h.backup("")
	h.after(2)
	h.group.say(200, `{"errcode":0}`)
	h.backup("a moment's trouble")
	if got := h.after(1); len(got) != 1 || !strings.Contains(got[0].body, "over backup_failing") {
		t.Errorf("not told that it was over: %+v", got)
	}
}

func TestRobotsHearOfWebhooksThatFail(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[0])
	hook := app.Webhook{ID: 5, Name: "shop", Sealed: []byte{0}, Report: app.Report{Failures: 3}}
	h.write(func(tx *db.Tx) error {
		tx.Count(h.app.ID, db.CountDeliveryGivenUp, h.now, 1)
		return tx.InsertWebhook(hook)
	})
	if got := h.after(3); len(got) != 1 || !strings.Contains(got[0].body, "webhook_failing/5 since 04:31 firing webhook_lost") &&
		!strings.Contains(got[0].body, "webhook_lost since 04:31 firing webhook_failing/5") {
		t.Errorf("%+v", got)
	}
}

// meanwhile has something done while the next message is under way, and that message answered.
func (h *house) meanwhile(status int, do func() error) {
	h.group.lock.Lock()
	defer h.group.lock.Unlock()
	var begun atomic.Bool
	h.group.answer = func(string) (int, string) {
		if begun.CompareAndSwap(false, true) {
			if err := do(); err != nil {
				h.t.Error(err)
			}
			return status, `{"errcode":0}`
		}
		return 200, `{"errcode":0}`
	}
}

// What an admin does while a message is under way stays done.
func TestARobotIsChangedWhileAMessageIsUnderWay(t *testing.T) {
	for _, status := range []int{200, 500} {
		h := newHouse(t, 4)
		robot := h.add(robots[0])
		h.backup("trouble")
		h.after(2)
		h.meanwhile(status, func() error {
			return errors.Join(h.Test(t.Context(), "alice", robot.ID), h.Disable(t.Context(), "alice", robot.ID))
		})
		if got := h.after(1); len(got) != 2 {
			t.Fatalf("HTTP %d: %+v", status, got)
		}
		listed, err := h.Robots(t.Context())
		if err != nil || !listed[0].Disabled() || listed[0].HourSent != 2 {
			t.Errorf("HTTP %d: disabled %v, %d messages, %v", status, listed[0].Disabled(), listed[0].HourSent, err)
		}
		if got := h.after(5); len(got) != 0 {
			t.Errorf("HTTP %d: a disabled robot is told: %+v", status, got)
		}
		if told, err := h.Store.Read().AlertsTold(t.Context(), robot.ID); err != nil || len(told) != 0 {
			t.Errorf("HTTP %d: a disabled robot was told %+v %v", status, told, err)
		}
	}
}

// What is wrong with one of several apps is told by its appid, what is wrong with the machine once.
func TestSeveralAppsAreWatched(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[0])
	second, err := h.Store.EnsureApp(t.Context(), "wxfedcba9876543210", start)
	if err != nil {
		t.Fatal(err)
	}
	first := h.apps[0]
	keys := keeper.New(keeper.Options{
		App: second, Store: h.Store, Ring: h.Ring, WeChat: first.WeChat, Clock: h.Clock, Log: h.Log,
	})
	t.Cleanup(keys.Close)
	h.apps = append(h.apps, &overview.Overview{Store: h.Store, Keeper: keys, WeChat: first.WeChat})
	h.backup("trouble")
	for minute := range 4 {
		err := h.Store.Write(t.Context(), func(tx *db.Tx) error {
			tx.AddEvent(h.now.Add(time.Duration(minute)*time.Minute), app.Event{AppID: second.ID, Reason: app.LoginConfig, Errcode: 40125})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got := h.after(10)
	if len(got) != 1 || strings.Count(got[0].body, "backup_failing") != 1 ||
		!strings.Contains(got[0].body, "firing wxfedcba9876543210configuration_refused/40125") {
		t.Errorf("%+v", got)
	}
}

// An app that cannot be looked at keeps no other from being told of, and what it was told of is not over.
func TestAnAppThatCannotBeLookedAt(t *testing.T) {
	h := newHouse(t, 20)
	h.add(robots[0])
	first := h.apps[0]
	h.backup("trouble")
	h.after(4)
	closed, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	second := app.App{ID: h.app.ID + 1, Appid: "wxfedcba9876543210"}
	keys := keeper.New(keeper.Options{App: second, Store: closed, Ring: h.Ring, WeChat: first.WeChat, Clock: h.Clock, Log: h.Log})
	t.Cleanup(keys.Close)
	closed.Close()
	h.apps = []*overview.Overview{{Store: closed, Keeper: keys, WeChat: first.WeChat}, first}
	for range 3 {
		err := h.Store.Write(t.Context(), func(tx *db.Tx) error {
			tx.AddEvent(h.now, app.Event{AppID: h.app.ID, Reason: app.LoginConfig, Errcode: 40125})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got := h.after(4)
	told := false
	for _, one := range got {
		told = told || strings.Contains(one.body, "firing wx0123456789abcdefconfiguration_refused/40125")
	}
	if !told || !strings.Contains(h.log.String(), "appid=wxfedcba9876543210") {
		t.Errorf("told %+v, logged %s", got, h.log)
	}
	h.backup("")
	if got := h.after(3); len(got) != 1 || !strings.Contains(got[0].body, "over backup_failing") {
		t.Errorf("the machine is known by one app: %+v", got)
	}
	h.apps[1] = &overview.Overview{Store: closed, Keeper: first.Keeper, WeChat: first.WeChat}
	if got := h.after(4); len(got) != 0 {
		t.Errorf("told to be over though nobody looked: %+v", got)
	}
}
