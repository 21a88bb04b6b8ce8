package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// clientTimeout is how long a mini program waits for its back end; wx.request's own default is a minute (networkTimeout).
const clientTimeout = 20 * time.Second

// MiniProgram is the article's mini program running on a phone: it logs in when launched, keeps the token, sends what the
// phone seals, and does what the keeper's answers ask for. It is safe for concurrent use.
type MiniProgram struct {
	phone   *Phone
	baseURL string
	client  *http.Client

	mu      sync.Mutex
	token   string
	fetched string
}

// NewMiniProgram installs the mini program on a phone. The keeper's API is at baseURL, with or without a final slash. A nil
// client stands for one with a timeout.
func NewMiniProgram(phone *Phone, baseURL string, client *http.Client) *MiniProgram {
	if client == nil {
		client = &http.Client{Timeout: clientTimeout}
	}
	return &MiniProgram{phone: phone, baseURL: strings.TrimSuffix(baseURL, "/") + "/", client: client}
}

// on is the same mini program on another phone.
func (m *MiniProgram) on(phone *Phone) *MiniProgram {
	return NewMiniProgram(phone, m.baseURL, m.client)
}

// Phone is the phone it runs on.
func (m *MiniProgram) Phone() *Phone { return m.phone }

// Token is what wx.getStorageSync("token") gives.
func (m *MiniProgram) Token() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.token
}

func (m *MiniProgram) setToken(token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token = token
}

// Launch is the article's onLaunch: my_login, that is wx.login and the code sent to /login/.
func (m *MiniProgram) Launch(ctx context.Context) error {
	data, err := m.post(ctx, "login/", map[string]string{"code": m.phone.Login()})
	if err != nil {
		return err
	}
	var login struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(data, &login); err != nil || login.Token == "" {
		return errors.New("the keeper answered a login without a token")
	}
	m.setToken(login.Token)
	return nil
}

// ColdStart opens the mini program anew: what data pre-fetch brings is there, and the token is kept from the last time, so
// that no wx.login follows. It fails if the pre-fetch does; the mini program then starts without its data.
func (m *MiniProgram) ColdStart(ctx context.Context, entry Entry) error {
	fetched, err := m.phone.ColdStart(ctx, entry)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetched = fetched
	return err
}

// Fetched is what wx.getBackgroundFetchData gives: the body data pre-fetch brought at the last cold start, "" for none.
func (m *MiniProgram) Fetched() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fetched
}

// EnsureFresh is what a mini program does before it collects data: it asks the keeper, and logs in first if that says so
// (next: login_first), if its token is not good any more (code 2), or if it has none. wx.checkSession is not asked: it
// knows nothing of the key the keeper holds.
func (m *MiniProgram) EnsureFresh(ctx context.Context) error {
	if m.Token() == "" {
		return m.Launch(ctx)
	}
	var session struct {
		Next string `json:"next"`
	}
	data, err := m.Session(ctx)
	if err == nil {
		err = json.Unmarshal(data, &session)
	}
	if asksForLogin(err) || session.Next == "login_first" {
		return m.Launch(ctx)
	}
	return err
}

// User1 is the article's handler: it sends the profile to /getinfo/ and beside that asks wx.checkSession; on its failure
// my_login and a second wx.getUserInfo run at the same time, as in the article. It gives the profile the keeper answered.
// Where every sending was refused and one of them with code 2 or 3, it logs in, collects the data again and sends it once
// more.
func (m *MiniProgram) User1(ctx context.Context) (json.RawMessage, error) {
	send := m.getInfo
	sealed := m.phone.GetUserInfo()
	if !m.phone.CheckSession() {
		send = m.race
	}
	data, err := send(ctx, sealed)
	if asksForLogin(err) {
		return m.sendAgain(ctx, SealedUserInfo)
	}
	return data, err
}

// race is the article's fail(): nothing in it waits for anything else. Its login's own failure shows in what is sent.
func (m *MiniProgram) race(ctx context.Context, sealed Sealed) (json.RawMessage, error) {
	var first, second json.RawMessage
	var firstErr, secondErr error
	var running sync.WaitGroup
	running.Go(func() { first, firstErr = m.getInfo(ctx, sealed) })
	running.Go(func() { m.Launch(ctx) })
	running.Go(func() { second, secondErr = m.getInfo(ctx, m.phone.GetUserInfo()) })
	running.Wait()
	switch {
	case secondErr == nil:
		return second, nil
	case firstErr == nil:
		return first, nil
	}
	return nil, errors.Join(secondErr, firstErr)
}

// Send collects sealed data of a kind and sends it to /getinfo/. On code 2 or 3 it logs in, collects the data again and
// sends it once more.
func (m *MiniProgram) Send(ctx context.Context, kind SealedKind) (json.RawMessage, error) {
	data, err := m.getInfo(ctx, m.phone.Collect(kind))
	if asksForLogin(err) {
		return m.sendAgain(ctx, kind)
	}
	return data, err
}

// CollectThenLogin is the commonest mistake: it collects the data first and logs in then, which may replace the key the data
// is sealed under (获取手机号, 注意). On code 2 or 3 it does as Send does.
func (m *MiniProgram) CollectThenLogin(ctx context.Context, kind SealedKind) (json.RawMessage, error) {
	sealed := m.phone.Collect(kind)
	if err := m.Launch(ctx); err != nil {
		return nil, err
	}
	data, err := m.getInfo(ctx, sealed)
	if asksForLogin(err) {
		return m.sendAgain(ctx, kind)
	}
	return data, err
}

// sendAgain logs in first and collects then: data collected before the login would again be sealed under the old key.
func (m *MiniProgram) sendAgain(ctx context.Context, kind SealedKind) (json.RawMessage, error) {
	if err := m.Launch(ctx); err != nil {
		return nil, err
	}
	return m.getInfo(ctx, m.phone.Collect(kind))
}

// Session asks /session/ what the token stands for, and what to do next.
func (m *MiniProgram) Session(ctx context.Context) (json.RawMessage, error) {
	return m.post(ctx, "session/", map[string]string{"token": m.Token()})
}

// PhoneNumber taps the phone number button and sends its code to /phone/. On code 2 it logs in and taps once more: the code may be spent.
func (m *MiniProgram) PhoneNumber(ctx context.Context) (json.RawMessage, error) {
	data, err := m.sendPhoneCode(ctx)
	if asksForLogin(err) {
		if err := m.Launch(ctx); err != nil {
			return nil, err
		}
		return m.sendPhoneCode(ctx)
	}
	return data, err
}

func (m *MiniProgram) sendPhoneCode(ctx context.Context) (json.RawMessage, error) {
	return m.post(ctx, "phone/", map[string]string{"token": m.Token(), "code": m.phone.PhoneCode()})
}

// Logout ends the session at the keeper and forgets the token.
func (m *MiniProgram) Logout(ctx context.Context) error {
	_, err := m.post(ctx, "logout/", map[string]string{"token": m.Token()})
	if err == nil {
		m.setToken("")
	}
	return err
}

// getInfo sends what the article sends: iv, encryptedData and the token that is stored at this moment.
func (m *MiniProgram) getInfo(ctx context.Context, sealed Sealed) (json.RawMessage, error) {
	return m.post(ctx, "getinfo/", map[string]string{
		"iv":            sealed.IV,
		"encryptedData": sealed.EncryptedData,
		"token":         m.Token(),
	})
}
