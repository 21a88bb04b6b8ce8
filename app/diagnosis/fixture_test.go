package diagnosis_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/diagnosis"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const appid = app.Appid("wx0123456789abcdef")

var (
	china = time.FixedZone("CST", 8*3600)
	start = time.Date(2026, 11, 22, 16, 0, 0, 0, china)
	order = keeper.Order{Operator: "小王", Reason: "用户反馈登录异常"}
)

// desk is a keeper with real storage, a WeChat that answers what it is told to, a clock that stands still, and somebody who
// answers complaints.
type desk struct {
	*diagnosis.Troubleshooter

	t      *testing.T
	store  *db.DB
	ring   *db.KeyRing
	weChat *httptest.Server
	kept   *keeper.Keeper // nil: what it had to record is written

	lock   sync.Mutex
	now    time.Time
	login  string // WeChat's answers
	check  string
	number string
	client app.Client // of the requests
	budget int        // questions to WeChat in a minute that nobody waits for
}

const (
	keyGood = `{"errcode":0,"errmsg":"ok"}`
	keyDead = `{"errcode":87009,"errmsg":"invalid signature, rid: 66f1c0a2-1b2c3d4e-5f6a7b8c"}`
)

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: start, login: refusal(40029), check: keyGood, client: clientAt("192.0.2.1", "142")}
	d.weChat = httptest.NewServer(http.HandlerFunc(d.serveWeChat))
	t.Cleanup(d.weChat.Close)
	var err error
	if d.store, err = db.Open(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	if d.ring, err = d.store.EnsureKeyRing(t.Context(), [32]byte{1}, start); err != nil {
		t.Fatal(err)
	}
	d.Troubleshooter = diagnosis.New(diagnosis.Options{
		App: d.app(appid), Store: d.store, Ring: d.ring, Clock: d.clock, EventsKeep: 30 * 24 * time.Hour, KeyAging: 24 * time.Hour,
	})
	t.Cleanup(d.settle)
	return d
}

func clientAt(address, version string) app.Client {
	return app.Client{
		Appid: appid, Version: version, Platform: app.PlatformAndroid, Model: "M2012K11AC", WeChatVersion: "8.0.50", Address: address,
	}
}

func (d *desk) app(appid app.Appid) app.App {
	one, err := d.store.EnsureApp(context.Background(), appid, start)
	if err != nil {
		d.t.Fatal(err)
	}
	return one
}

func (d *desk) serveWeChat(w http.ResponseWriter, r *http.Request) {
	d.lock.Lock()
	defer d.lock.Unlock()
	switch r.URL.Path {
	case "/cgi-bin/stable_token":
		fmt.Fprint(w, `{"access_token":"planted-access-token","expires_in":7200}`)
	case "/wxa/checksession":
		fmt.Fprint(w, d.check)
	case "/wxa/business/getuserphonenumber":
		fmt.Fprint(w, d.number)
	default:
		fmt.Fprint(w, d.login)
	}
}

// refusal is WeChat's answer with an errcode. Its rid says when it was made, as WeChat's do.
func refusal(errcode int) string {
	return fmt.Sprintf(`{"errcode":%d,"errmsg":"refused, rid: %s"}`, errcode, ridAt(start))
}

func ridAt(at time.Time) string { return fmt.Sprintf("%08x-1b2c3d4e-5f6a7b8c", at.Unix()) }

func (d *desk) clock() time.Time {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.now
}

func (d *desk) pass(some time.Duration) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.now = d.now.Add(some)
}

func (d *desk) weChatSays(login, check string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.login, d.check = login, check
}

// keeper is the keeper at work; it is opened again after its work was settled.
func (d *desk) keeper() *keeper.Keeper {
	if d.kept != nil {
		return d.kept
	}
	client, err := wechat.NewClient(wechat.Options{
		BaseURL: d.weChat.URL, Appid: appid, Secret: "planted-app-secret", Timeout: time.Second,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.kept = keeper.New(keeper.Options{
		App: d.app(appid), Store: d.store, Ring: d.ring, WeChat: client, Clock: d.clock, Log: slog.New(slog.DiscardHandler),
		Settings: keeper.Settings{
			Sessions: app.SessionPolicy{Idle: 30 * 24 * time.Hour, MaxAge: 180 * 24 * time.Hour},
			KeyGrace: 10 * time.Minute, KeyAging: 24 * time.Hour, SealedMaxAge: 24 * time.Hour, EventsKeep: 30 * 24 * time.Hour,
			ChecksPerMinute: d.budget, LimitFailures: true,
		},
	})
	return d.kept
}

// settle writes what is recorded without being waited for.
func (d *desk) settle() {
	if d.kept != nil {
		d.kept.Close()
		d.kept = nil
	}
}

// ask answers a complaint, after all that has happened is written.
func (d *desk) ask(question diagnosis.Question) diagnosis.Diagnosis {
	d.t.Helper()
	d.settle()
	if question.Zone == nil {
		question.Zone = china
	}
	answer, err := d.Diagnose(context.Background(), question)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(answer.Evidence) > 20 {
		d.t.Errorf("%d events as evidence", len(answer.Evidence))
	}
	for i, event := range answer.Evidence[min(1, len(answer.Evidence)):] {
		if event.ID > answer.Evidence[i].ID {
			d.t.Errorf("evidence is not newest first: %v", answer.Evidence)
		}
	}
	return answer
}

func (d *desk) askText(text string) diagnosis.Diagnosis {
	d.t.Helper()
	return d.ask(diagnosis.Question{Text: text, Role: app.RoleOperator})
}

// expect asks and checks what it comes down to.
func (d *desk) expect(text string, finding diagnosis.Finding, action diagnosis.Action) diagnosis.Diagnosis {
	d.t.Helper()
	answer := d.askText(text)
	if answer.Finding != finding || answer.Action != action {
		d.t.Errorf("%q: %s, do %q; want %s, do %q. It is %+v", text, answer.Finding, answer.Action, finding, action, answer)
	}
	return answer
}

func (d *desk) caller() app.Caller {
	return app.Caller{RequestID: app.NewRequestID(d.clock()), At: d.clock(), Client: d.client}
}

// phone is a user at the phone.
type phone struct {
	*desk
	openid string
	number app.UserNumber
	key    app.SessionKey
	token  app.Token
	last   app.RequestID // of the newest request
}

func newKey(t *testing.T) app.SessionKey {
	t.Helper()
	bytes := make([]byte, app.SessionKeyBytes)
	rand.Read(bytes)
	key, err := app.NewSessionKey(base64.StdEncoding.EncodeToString(bytes))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newPhone is a user who has logged in.
func (d *desk) newPhone(openid string) *phone {
	d.t.Helper()
	p := &phone{desk: d, openid: openid}
	p.logsIn()
	return p
}

// logsIn brings a new key.
func (p *phone) logsIn() {
	p.t.Helper()
	p.key = newKey(p.t)
	p.weChatSays(fmt.Sprintf(`{"openid":%q,"session_key":%q,"unionid":"u-%[1]s"}`, p.openid, p.key.Reveal()), p.check)
	caller := p.caller()
	login, err := p.keeper().Login(context.Background(), caller, "code-"+rand.Text())
	if err != nil {
		p.t.Fatal(err)
	}
	p.number, p.token, p.last = login.User, login.Token, caller.RequestID
}

// failsToLogIn tries a code while WeChat answers this.
func (d *desk) failsToLogIn(answer, code string) app.RequestID {
	d.t.Helper()
	d.weChatSays(answer, d.check)
	caller := d.caller()
	if _, err := d.keeper().Login(context.Background(), caller, code); err == nil {
		d.t.Error("it logs in")
	}
	d.settle() // it is written later, and dated by that
	return caller.RequestID
}

// seal seals data under a key, with a watermark of so long from now.
func (d *desk) seal(key app.SessionKey, fields map[string]any, offset time.Duration) keeper.Sealed {
	d.t.Helper()
	fields["watermark"] = map[string]any{"appid": appid, "timestamp": d.clock().Add(offset).Unix()}
	text, err := json.Marshal(fields)
	if err != nil {
		d.t.Fatal(err)
	}
	iv := make([]byte, 16)
	rand.Read(iv)
	data, ivText, err := wechat.Seal(key, iv, text)
	if err != nil {
		d.t.Fatal(err)
	}
	return keeper.Sealed{EncryptedData: data, IV: ivText}
}

func (p *phone) sends(sealed keeper.Sealed) error {
	caller := p.caller()
	p.last = caller.RequestID
	_, err := p.keeper().Open(context.Background(), caller, keeper.ByToken(p.token.Reveal()), sealed)
	return err
}

// opens sends data that opens.
func (p *phone) opens(fields map[string]any) {
	p.t.Helper()
	if err := p.sends(p.seal(p.key, fields, 0)); err != nil {
		p.t.Error(err)
	}
}

// fails sends data that does not open.
func (p *phone) fails(sealed keeper.Sealed) {
	p.t.Helper()
	if err := p.sends(sealed); err == nil {
		p.t.Error("it opens")
	}
}

// foreign is sealed under a key that is not held here.
func (p *phone) foreign() keeper.Sealed { return p.seal(newKey(p.t), named("x"), 0) }

func named(nickname string) map[string]any { return map[string]any{"nickName": nickname} }

// told waits until an event of the reason has come: it does in the background.
func (p *phone) told(reason app.Reason) {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		user, err := p.store.Read().UserByNumber(context.Background(), 1, p.number)
		if err != nil {
			p.t.Fatal(err)
		}
		events, err := p.store.Read().EventsOf(context.Background(), user.LastEvent, 1)
		if err == nil && len(events) == 1 && events[0].Reason == reason {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("never happened: %s", reason)
		}
	}
}
