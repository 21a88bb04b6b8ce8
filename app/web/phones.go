package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/views"
)

const (
	phonesAtMost    = 1000 // whose tokens are remembered, as many as the emulator has
	exchangesKept   = 20   // of each phone
	phoneTimeout    = 20 * time.Second
	longestAnswer   = 1 << 20
	emulatorPhones  = "/sandbox/phones"
	longestMessage  = 200
	jsonContentType = "application/json"
)

// Phones plays the phones of the emulated WeChat beside the server: by its control, and as the mini program does by our own API. Tokens
// are in memory only. It is safe for concurrent use, once Connect has said where both are.
type Phones struct {
	client *http.Client

	lock             sync.Mutex
	emulator, keeper string
	played           map[int]*playedPhone
}

// playedPhone is what a mini program remembers that is played by hand.
type playedPhone struct {
	token     string
	exchanges []views.Exchange // newest first
}

// NewPhones makes Phones that are not connected.
func NewPhones() *Phones {
	return &Phones{client: &http.Client{Timeout: phoneTimeout}, played: map[int]*playedPhone{}}
}

// Connect says where the emulated WeChat is, and our own API. Both are addresses without a slash at the end.
func (p *Phones) Connect(emulator, keeper string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.emulator, p.keeper = emulator, keeper
}

func (p *Phones) places() (emulator, keeper string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.emulator, p.keeper
}

// phoneState is a phone as the control of the emulator tells of it.
type phoneState struct {
	Number    int
	OpenID    app.OpenID
	Nickname  string
	Anonymous bool
	Blocked   bool
	Closed    bool
	Referer   string
	UserAgent string
	KeyMadeAt time.Time
	KeyAlive  bool
}

func (s phoneState) view(loggedIn bool) views.Phone {
	return views.Phone{
		Number: s.Number, OpenID: s.OpenID, Nickname: s.Nickname, Client: app.ReadClient(s.Referer, s.UserAgent, ""),
		Anonymous: s.Anonymous, Blocked: s.Blocked, Closed: s.Closed, KeyMadeAt: s.KeyMadeAt, KeyAlive: s.KeyAlive, LoggedIn: loggedIn,
	}
}

func (p *Phones) all(ctx context.Context) (phones []phoneState, err error) {
	err = p.control(ctx, http.MethodGet, emulatorPhones, nil, &phones)
	return phones, err
}

func (p *Phones) one(ctx context.Context, number int) (phone phoneState, err error) {
	err = p.control(ctx, http.MethodGet, phonePath(number), nil, &phone)
	return phone, err
}

func phonePath(number int) string { return fmt.Sprintf("%s/%d", emulatorPhones, number) }

// control orders something of the emulator and reads its answer: JSON, or bare text into a string. NotFound: there is no such phone.
func (p *Phones) control(ctx context.Context, method, path string, form url.Values, into any) error {
	emulator, _ := p.places()
	request, err := http.NewRequestWithContext(ctx, method, emulator+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", formType)
	status, body, _, err := p.send(request)
	switch {
	case err != nil:
		return app.Fail(app.WeChatUnavailable, "").Because(err)
	case status == http.StatusNotFound:
		return app.Fail(app.NotFound, "")
	case status == http.StatusConflict:
		return errEnoughPhones
	case status == http.StatusBadGateway:
		return errUnheard
	case status >= http.StatusMultipleChoices:
		return fmt.Errorf("emulator: %s %s: HTTP %d", method, path, status)
	}
	if text, bare := into.(*string); bare {
		*text = string(body)
		return nil
	}
	return json.Unmarshal(body, into)
}

// What the emulator may refuse.
var (
	errEnoughPhones = errors.New("the emulator has enough phones")
	errUnheard      = errors.New("message push was not heard")
)

func (p *Phones) send(request *http.Request) (status int, body []byte, header http.Header, err error) {
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	return response.StatusCode, body, response.Header, err
}

// call is wx.request to our own API. It notes the exchange, and gives what was answered; the data is that of a success.
func (p *Phones) call(
	ctx context.Context, phone phoneState, now time.Time, path string, body map[string]string,
) (exchange views.Exchange, data json.RawMessage, err error) {
	_, keeper := p.places()
	text, _ := json.Marshal(body) // of texts: it cannot fail
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, keeper+path, bytes.NewReader(text))
	if err != nil {
		return exchange, nil, err
	}
	request.Header.Set("Content-Type", jsonContentType)
	request.Header.Set("Referer", phone.Referer)
	request.Header.Set("User-Agent", phone.UserAgent)
	exchange = views.Exchange{At: now, Call: "POST " + path}
	var answer struct {
		Code      int             `json:"code"`
		Message   string          `json:"msg"`
		RequestID app.RequestID   `json:"request_id"`
		Data      json.RawMessage `json:"data"`
	}
	status, read, header, failed := p.send(request)
	if failed == nil {
		exchange.Status = status
		if json.Unmarshal(read, &answer) == nil {
			exchange.Code, exchange.Message = answer.Code, firstBytes(answer.Message, longestMessage)
			exchange.RequestID = cmp.Or(answer.RequestID, app.RequestID(header.Get("X-Request-Id")))
		}
	}
	p.note(phone.Number, exchange)
	return exchange, answer.Data, nil
}

func firstBytes(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
}

// of finds what is remembered of a phone. The caller holds the lock.
func (p *Phones) of(number int) *playedPhone {
	if p.played[number] == nil {
		if len(p.played) >= phonesAtMost {
			return &playedPhone{}
		}
		p.played[number] = &playedPhone{}
	}
	return p.played[number]
}

func (p *Phones) note(number int, exchange views.Exchange) {
	p.lock.Lock()
	defer p.lock.Unlock()
	one := p.of(number)
	one.exchanges = slices.Insert(one.exchanges, 0, exchange)
	one.exchanges = one.exchanges[:min(len(one.exchanges), exchangesKept)]
}

func (p *Phones) exchanges(number int) []views.Exchange {
	p.lock.Lock()
	defer p.lock.Unlock()
	if one := p.played[number]; one != nil {
		return slices.Clone(one.exchanges)
	}
	return nil
}

func (p *Phones) token(number int) string {
	p.lock.Lock()
	defer p.lock.Unlock()
	if one := p.played[number]; one != nil {
		return one.token
	}
	return ""
}

func (p *Phones) keep(number int, token string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.of(number).token = token
}

// login is wx.login with its code sent to /login/, so many times.
func (p *Phones) login(ctx context.Context, phone phoneState, now time.Time, times int) error {
	var code string
	if err := p.control(ctx, http.MethodPost, phonePath(phone.Number)+"/code", nil, &code); err != nil {
		return err
	}
	for range times {
		_, data, err := p.call(ctx, phone, now, "/login/", map[string]string{"code": code})
		if err != nil {
			return err
		}
		var login struct {
			Token string `json:"token"`
		}
		if json.Unmarshal(data, &login) == nil && login.Token != "" {
			p.keep(phone.Number, login.Token)
		}
	}
	return nil
}

// sealed collects data of a kind on the phone.
func (p *Phones) sealed(ctx context.Context, phone phoneState, kind string) (data map[string]string, err error) {
	err = p.control(ctx, http.MethodGet, phonePath(phone.Number)+"/sealed?kind="+kind, nil, &data)
	return data, err
}

// getInfo sends sealed data with the token that is stored at this moment.
func (p *Phones) getInfo(ctx context.Context, phone phoneState, now time.Time, data map[string]string) error {
	_, _, err := p.call(ctx, phone, now, "/getinfo/", map[string]string{
		"token": p.token(phone.Number), "iv": data["iv"], "encryptedData": data["encryptedData"],
	})
	return err
}

func (p *Phones) sendKind(ctx context.Context, phone phoneState, now time.Time, kind string) error {
	data, err := p.sealed(ctx, phone, kind)
	if err != nil {
		return err
	}
	return p.getInfo(ctx, phone, now, data)
}

// collectFirst is the commonest mistake: the data is sealed under the key that the login then replaces.
func (p *Phones) collectFirst(ctx context.Context, phone phoneState, now time.Time) error {
	data, err := p.sealed(ctx, phone, "userinfo")
	if err != nil {
		return err
	}
	var state phoneState
	if err := p.control(ctx, http.MethodPost, phonePath(phone.Number)+"/refresh", nil, &state); err != nil {
		return err
	}
	if err := p.login(ctx, phone, now, 1); err != nil {
		return err
	}
	return p.getInfo(ctx, phone, now, data)
}

func (p *Phones) logout(ctx context.Context, phone phoneState, now time.Time) error {
	exchange, _, err := p.call(ctx, phone, now, "/logout/", map[string]string{"token": p.token(phone.Number)})
	if exchange.OK() {
		p.keep(phone.Number, "")
	}
	return err
}

func (p *Phones) session(ctx context.Context, phone phoneState, now time.Time) error {
	_, _, err := p.call(ctx, phone, now, "/session/", map[string]string{"token": p.token(phone.Number)})
	return err
}

// order is one thing that the control of the emulator can be told.
type controlOrder struct {
	method, path string
	form         url.Values
}

// phoneOrders are what is done to a phone, by the name of its button.
var phoneOrders = map[string]controlOrder{
	"expire":          {http.MethodPost, "/expire", nil},
	"rotate":          {http.MethodPost, "/rotate", nil},
	"refresh":         {http.MethodPost, "/refresh", nil},
	"anonymous":       {http.MethodPost, "/anonymous", nil},
	"named":           {http.MethodPost, "/anonymous", url.Values{"on": {"false"}}},
	"block":           {http.MethodPost, "/block", nil},
	"unblock":         {http.MethodPost, "/block", url.Values{"on": {"false"}}},
	"device":          {http.MethodPost, "/device", nil},
	"withdrawphone":   {http.MethodPost, "/withdraw", url.Values{"kind": {"8"}}},
	"withdrawprofile": {http.MethodPost, "/withdraw", url.Values{"kind": {"6"}}},
	"loseprofile":     {http.MethodPost, "/loseprofile", nil},
	"close":           {http.MethodPost, "/close", nil},
}

// weChatOrders are what goes wrong at WeChat, by the name of its button.
var weChatOrders = map[string][]controlOrder{
	"hang":   {{http.MethodPost, "/outage", url.Values{"kind": {"hang"}}}},
	"refuse": {{http.MethodPost, "/outage", url.Values{"kind": {"refuse"}}}},
	"busy":   {{http.MethodPost, "/faults", url.Values{"kind": {"busy"}, "calls": {"5"}}}},
	"quota":  {{http.MethodPost, "/quotas", url.Values{"api": {"checksession"}, "calls": {"0"}}}},
	"address": {
		{http.MethodPost, "/addresses", url.Values{"ip": {"203.0.113.5"}}}, {http.MethodDelete, "/tokens", nil},
	},
	"expiretokens": {{http.MethodDelete, "/tokens", nil}},
	"well": {
		{http.MethodDelete, "/faults", nil}, {http.MethodDelete, "/outage", nil}, {http.MethodDelete, "/quotas", nil},
		{http.MethodDelete, "/addresses", nil},
	},
}

// weChat does something to WeChat as a whole. NotFound: it is nothing known.
func (p *Phones) weChat(ctx context.Context, act string) error {
	if weChatOrders[act] == nil {
		return app.Fail(app.NotFound, "")
	}
	for _, order := range weChatOrders[act] {
		var answer string
		if err := p.control(ctx, order.method, "/sandbox"+order.path, order.form, &answer); err != nil {
			return err
		}
	}
	return nil
}

func (p *Phones) troubles(ctx context.Context) (views.WeChatTroubles, error) {
	var (
		outage    struct{ Outage string }
		faults    []json.RawMessage
		quotas    map[string]int
		addresses []string
	)
	for path, into := range map[string]any{"/outage": &outage, "/faults": &faults, "/quotas": &quotas, "/addresses": &addresses} {
		if err := p.control(ctx, http.MethodGet, "/sandbox"+path, nil, into); err != nil {
			return views.WeChatTroubles{}, err
		}
	}
	checks, limited := quotas["checksession"]
	return views.WeChatTroubles{
		Outage: outage.Outage, Faults: len(faults), NoQuota: limited && checks == 0, NoAccess: len(addresses) > 0,
	}, nil
}
