package keeper_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

var order = keeper.Order{Operator: "小王", Reason: "用户反馈登录异常"}

func TestForcedReloginEndsEverySession(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	first, second, other := h.login("oA", key), h.login("oA", key), h.login("oB", key)
	sessions, err := h.ForceRelogin(t.Context(), order, first.User)
	if err != nil || sessions != 2 {
		t.Fatalf("%d sessions, %v", sessions, err)
	}
	for _, token := range []app.Token{first.Token, second.Token} {
		for range 2 {
			if _, err := h.session(token); app.KindOf(err) != app.InvalidToken {
				t.Errorf("a forced session: %v", err)
			}
		}
	}
	if event := h.lastEvent("oA"); event.Reason != app.DeviceForced {
		t.Errorf("event is %s", event.Reason)
	}
	if _, err := h.session(other.Token); err != nil {
		t.Errorf("another user: %v", err)
	}
	again := h.login("oA", key)
	if _, err := h.open(again.Token, h.seal(key, profileOf("回来了"))); err != nil {
		t.Errorf("after the new login: %v", err)
	}
}

func TestForcedReloginOfEverybody(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	tokens := []app.Token{h.login("oA", key).Token, h.login("oB", key).Token}
	if err := h.ForceReloginOfAll(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if _, err := h.session(token); app.KindOf(err) != app.InvalidToken {
			t.Errorf("a forced session: %v", err)
		}
	}
	for _, openid := range []string{"oA", "oC"} {
		if _, err := h.session(h.login(openid, key).Token); err != nil {
			t.Errorf("%s after the new login: %v", openid, err)
		}
	}
}

func TestNoLaterCallGetsThrough(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	var forced atomic.Bool
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			after := forced.Load()
			_, err := h.open(login.Token, h.seal(key, profileOf(fmt.Sprint("名", i))))
			if after && app.KindOf(err) != app.InvalidToken {
				t.Errorf("a call that began after the order ended with %v", err)
			}
		})
		if i == 100 {
			all.Go(func() {
				if _, err := h.ForceRelogin(context.Background(), order, login.User); err != nil {
					t.Error(err)
				}
				forced.Store(true)
			})
		}
	}
	all.Wait()
	stored := h.user("oA").Profile
	if _, err := h.open(login.Token, h.seal(key, profileOf("太晚"))); app.KindOf(err) != app.InvalidToken {
		t.Errorf("error is %v", err)
	}
	if h.user("oA").Profile != stored {
		t.Error("a refused call changed the profile")
	}
}

func TestOrdersAreAudited(t *testing.T) {
	h := newHouse(t)
	login := h.login("oA", newKey(t))
	for _, bad := range []keeper.Order{{Operator: "小王"}, {Operator: "小王", Reason: strings.Repeat("x", 501)}} {
		if _, err := h.ForceRelogin(t.Context(), bad, login.User); err == nil {
			t.Error("an order without a reason was carried out")
		}
	}
	if _, err := h.ForceRelogin(t.Context(), order, 1); app.KindOf(err) != app.NotFound {
		t.Errorf("unknown user: %v", err)
	}
	if _, err := h.ForceRelogin(t.Context(), order, login.User); err != nil {
		t.Fatal(err)
	}
	if err := h.ForceReloginOfAll(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	rows, err := h.store.Read().AuditRows(t.Context(), 0, 10)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	actions := []app.Action{rows[0].Action, rows[1].Action}
	if !slices.Equal(actions, []app.Action{app.ActionRelogin, app.ActionReloginAll}) || rows[0].Operator != "小王" ||
		rows[0].UserID != h.user("oA").ID || rows[0].Reason != order.Reason {
		t.Errorf("rows are %+v", rows)
	}
	if broken, err := h.store.Read().BrokenAudit(t.Context(), h.ring); err != nil || broken != 0 {
		t.Errorf("a whole chain is broken at %d, %v", broken, err)
	}
	for _, change := range []string{
		"UPDATE audit SET reason = 'other' WHERE sequence = 1",
		"UPDATE audit SET sequence = 3 WHERE sequence = 1",
		"DELETE FROM audit WHERE sequence = 3",
	} {
		h.sql(change)
		if broken, err := h.store.Read().BrokenAudit(t.Context(), h.ring); err != nil || broken == 0 {
			t.Errorf("%s: %d, %v", change, broken, err)
		}
	}
}
