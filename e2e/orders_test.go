package e2e

import (
	"slices"
	"testing"
)

// TestArticlesRaceInEveryOrder plays the race in every order in which its calls can come to pass. The user is saved at the
// first try in all of them, but where data sealed under the new key overtakes the code that brings it; there at the second.
func TestArticlesRaceInEveryOrder(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=0"))
	orders := everyOrder(t, w)
	overtaken, owners := 0, []*person{}
	for _, order := range orders {
		m := install(t, s.api, w.newPerson())
		names := playRace(m, order, nil)
		if dataOvertookCode(names) {
			overtaken++
			wantRefused(t, m)
			m.settle()
		}
		m.wantSaved()
		if t.Failed() {
			t.Fatalf("in the order %v", names)
		}
		owners = append(owners, m.owner)
	}
	if len(orders) < 50 || overtaken == 0 || overtaken > len(orders)/4 {
		t.Errorf("%d orders, in %d of them the data overtook the code", len(orders), overtaken)
	}
	saved := export(t, s.settings)
	for _, owner := range owners {
		if saved[owner.openid].NickName != owner.nickname {
			t.Errorf("saved %+v", saved[owner.openid])
		}
	}
}

// dataOvertookCode says whether data was sealed after wx.login made a new key, and sent before the code.
func dataOvertookCode(names []string) bool {
	login, data := slices.Index(names, "wx.login"), slices.Index(names, "wx.getUserInfo")
	return login < data && slices.Index(names, "send getinfo/") < slices.Index(names, "send login/")
}

// playRace plays the race, taking at each moment the given choice of what waits, or the first. It gives what happened, and
// tells how many choices there were.
func playRace(m *miniProgram, choices []int, alternatives func(int)) (names []string) {
	startRace(m)
	for moment := 0; len(m.waiting) > 0; moment++ {
		choice := 0
		if moment < len(choices) {
			choice = choices[moment]
		}
		if alternatives != nil {
			alternatives(len(m.waiting))
		}
		names = append(names, m.waiting[choice].name)
		m.happen(choice)
		m.settleWithoutEffect()
	}
	return names
}

// settleWithoutEffect lets happen what changes nothing for anybody, whenever it comes.
func (m *miniProgram) settleWithoutEffect() {
	for _, name := range []string{"answer getinfo/", "url fails"} {
		waits := func(one happening) bool { return one.name == name }
		for slices.ContainsFunc(m.waiting, waits) {
			m.let(name)
		}
	}
}

// everyOrder finds every order there is, as choices. The client's own code decides what can come after what, so it is run,
// without a server, with other choices each time: they count up like an odometer.
func everyOrder(t testing.TB, w *weChat) (orders [][]int) {
	t.Helper()
	var choices []int
	for {
		m := install(t, api{}, w.newPerson())
		m.network = func(string, string, string) reply { return reply{body: `{"data":{"token":"t"}}`} }
		var alternatives []int
		playRace(m, choices, func(n int) { alternatives = append(alternatives, n) })
		choices = append(choices, make([]int, len(alternatives)-len(choices))...)
		orders = append(orders, slices.Clone(choices))
		last := len(choices) - 1
		for last >= 0 && choices[last]+1 == alternatives[last] {
			last--
		}
		if last < 0 {
			return orders
		}
		choices = append(choices[:last:last], choices[last]+1)
	}
}
