package keeper_test

import (
	"testing"
	"time"

	"wxkeeper/app"
)

// TestClockSteps has the wall clock jump, as it does when a machine that was wrong learns the time: an hour back, then a day forward.
// Sessions and keys live on, and a key got while the clock was back is the one that counts.
func TestClockSteps(t *testing.T) {
	h := newHouse(t)
	first, second, third := newKey(t), newKey(t), newKey(t)
	opens := func(when string, token app.Token, key app.SessionKey) {
		t.Helper()
		if _, err := h.open(token, h.seal(key, payload{"nickName": "小明", "openId": "oA"})); err != nil {
			t.Errorf("%s: %v, %s", when, err, app.ReasonOf(err))
		}
	}
	lives := func(when string, token app.Token) {
		t.Helper()
		left, err := h.session(token)
		if err != nil || left <= 0 || left > h.Options.Settings.Sessions.Idle+25*time.Hour { // longer by what the clock was ahead
			t.Errorf("%s: %v left, %v", when, left, err)
		}
	}
	early := h.login("oA", first).Token
	opens("before", early, first)

	h.pass(-time.Hour)
	h.sql("UPDATE session_keys SET asked_us = asked_us + 3600000000") // the WeChat client's clock was ahead as well
	lives("an hour back", early)
	opens("an hour back", early, first)
	back := h.login("oA", second).Token
	lives("a login an hour back", back)
	opens("the new key, an hour back", back, second)
	if keys := h.keys("oA"); !keys[0].Current() || len(keys) != 2 {
		t.Errorf("keys an hour back: %+v", keys)
	}

	h.pass(25 * time.Hour)
	for _, token := range []app.Token{early, back} {
		lives("a day forward", token)
		opens("a day forward", token, second)
	}
	h.login("oA", third)
	opens("the newest key, a day forward", back, third)

	h.pass(-24 * time.Hour)
	lives("a day back again", back)
	opens("a day back again", back, third)
}
