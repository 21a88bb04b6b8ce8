package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// noteInfo keeps what getinfo/ was sent and answered.
func (m *miniProgram) noteInfo(body string, answer reply) {
	var sent fields
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		m.t.Errorf("getinfo/ was sent %s: %v", body, err)
	}
	m.asked, m.answers = append(m.asked, sent), append(m.answers, answer)
}

// wantSaved wants the last getinfo/ to have brought the profile, nickname byte for byte.
func (m *miniProgram) wantSaved() {
	m.t.Helper()
	last := m.answers[len(m.answers)-1]
	if last.http != 200 || last.Status != 0 || last.Msg != "ok" {
		m.t.Errorf("getinfo/: HTTP %d %s", last.http, last.body)
		return
	}
	got := dataOf[profile](m.t, last)
	if got.Name != m.owner.nickname || got.City != "广州" || got.Gender != 2 {
		m.t.Errorf("got %+v, want the profile of %q", got, m.owner.nickname)
	}
	if !strings.Contains(last.body, "👩‍👩‍👧‍👦🇨🇳 <") {
		m.t.Errorf("the nickname was escaped: %s", last.body)
	}
}

// TestArticle follows the article: onLaunch logs in, the handler sends iv, encryptedData and token, the profile comes back.
func TestArticle(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	m := install(t, s.api, w.newPerson())

	m.launch()
	m.let("wx.login", "send login/", "answer login/")
	if len(m.token()) != 43 {
		t.Fatalf("token %q", m.token())
	}
	m.tap()
	m.settle()
	m.wantSaved()
	if len(m.asked) != 1 {
		t.Fatalf("%d calls of getinfo/", len(m.asked))
	}
	if sent := slices.Sorted(maps.Keys(m.asked[0])); !slices.Equal(sent, []string{"encryptedData", "iv", "token"}) {
		t.Errorf("the handler sent %v", sent)
	}
	saved := export(t, s.settings)[m.owner.openid]
	if saved.NickName != m.owner.nickname || saved.Appid != appid || saved.UnionID != m.owner.unionid {
		t.Errorf("saved %+v", saved)
	}
}

// startRace starts a race of the article: the user is logged in, then the key dies, then the button is tapped.
func startRace(m *miniProgram) {
	m.t.Helper()
	m.launch()
	m.settle()
	m.expired = true
	m.tap()
	m.let("wx.getSetting") // now wx.getUserInfo and wx.checkSession are under way
}

// TestArticlesRace is the article's case: wx.checkSession fails, my_login() starts, and data is on its way all the while.
func TestArticlesRace(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL))
	relogin := []string{"wx.checkSession", "wx.login", "send login/"}
	tests := map[string]struct {
		order []string
		again bool // the first try fails, as it must, and the user has to tap again
	}{
		"old key, before the new login": {order: []string{
			"wx.getUserInfo", "send getinfo/", "wx.checkSession", "wx.login", "send login/", "answer login/"}},
		"old key, old token, after the new login": {order: append(append([]string{
			"wx.getUserInfo"}, relogin...), "send getinfo/", "answer login/")},
		"old key, sealed long before the new login": {order: append(append([]string{
			"wx.getUserInfo"}, relogin...), "answer login/", "send getinfo/")},
		"new key, old token, after the new login": {order: append(append([]string{},
			relogin...), "wx.getUserInfo", "send getinfo/", "answer login/")},
		"new key, new token, after the new login": {order: append(append([]string{},
			relogin...), "answer login/", "wx.getUserInfo", "send getinfo/")},
		"new key, before the server can have it": {again: true, order: []string{
			"wx.checkSession", "wx.login", "wx.getUserInfo", "send getinfo/", "send login/", "answer login/"}},
	}
	owners := map[string]*person{}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := install(t, s.api, w.newPerson())
			startRace(m)
			owners[name] = m.owner
			m.let(test.order...)
			if test.again {
				wantRefused(t, m)
			}
			m.settle()
			m.wantSaved()
		})
	}
	saved := export(t, s.settings)
	for name, owner := range owners {
		if saved[owner.openid].NickName != owner.nickname {
			t.Errorf("%s: saved %+v", name, saved[owner.openid])
		}
	}
}

// wantRefused wants that the only getinfo/ so far failed as it should, and taps again.
func wantRefused(t *testing.T, m *miniProgram) {
	t.Helper()
	if got := m.answers[0]; got.http != 409 || got.Code != 3 {
		t.Fatalf("HTTP %d %s", got.http, got.body)
	}
	m.settle()
	m.tap()
}
