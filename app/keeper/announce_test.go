package keeper_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// announced lists what back ends are to hear, oldest first, with the kinds of consent.
func (h *house) announced() []string {
	h.t.Helper()
	waiting, err := h.store.Read().Deliveries(h.t.Context(), app.DeliveryWaiting, false, 0, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, one := range slices.Backward(waiting) {
		all = append(all, fmt.Sprint(one.What, " ", one.OpenID, " ", one.Kind))
	}
	return all
}

// listen lets a back end hear what happens from now on.
func (h *house) listen() {
	h.t.Helper()
	err := h.store.Write(h.t.Context(), func(tx *db.Tx) error {
		return tx.InsertWebhook(app.Webhook{ID: 1, Name: "shop", Sealed: []byte{0}})
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestBackEndsHearWhatHappensToUsers(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	h.login("oEarlier", key)
	h.listen()
	h.pass(time.Minute)
	login := h.login("oA", key)
	h.login("oA", key)
	for _, nickname := range []string{"小明", "小明", "小红"} {
		h.pass(time.Minute)
		if _, err := h.open(login.Token, h.seal(key, profileOf(nickname))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.ForceRelogin(t.Context(), order, login.User); err != nil {
		t.Fatal(err)
	}
	if err := h.ForceReloginOfAll(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	message := wechat.Message{
		Event: wechat.EventUserRevoked, OpenID: "oA", CreatedAt: h.clock(), MsgID: "m1", RevokeInfo: []int{wechat.RevokedProfile},
	}
	if err := h.Pushed(t.Context(), h.caller(), message); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"user.first_login oA ", "user.profile_changed oA ", "user.profile_changed oA ", "user.forced_relogin oA ", "app.forced_relogin  ",
		"user.consent_withdrawn oA profile",
	}
	if got := h.announced(); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if err := h.Erase(t.Context(), order, login.User); err != nil {
		t.Fatal(err)
	}
	if got := h.announced(); !slices.Equal(got, []string{"app.forced_relogin  ", "user.erased oA "}) {
		t.Errorf("after erasing: %q", got)
	}
}
