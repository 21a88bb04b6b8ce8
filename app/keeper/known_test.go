package keeper_test

import (
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

func TestEachKnownTellsWhatWeChatWouldKnow(t *testing.T) {
	h := newHouse(t)
	old, key := newKey(t), newKey(t)
	h.login("oNamed", old)
	login := h.login("oNamed", key)
	h.login("oSilent", newKey(t))
	if _, err := h.open(login.Token, h.seal(key, payload{"phoneNumber": "+8617000000001", "purePhoneNumber": "17000000001", "countryCode": "86"})); err != nil {
		t.Fatal(err)
	}
	found := map[app.OpenID]keeper.Known{}
	err := keeper.EachKnown(t.Context(), h.store, h.ring, func(known keeper.Known) error {
		found[known.User.OpenID] = known
		return nil
	})
	if err != nil || len(found) != 2 {
		t.Fatalf("%d users, %v", len(found), err)
	}
	if known := found["oNamed"]; known.Key != key || known.Phone.PureNumber != "17000000001" || known.Facts.ID == 0 {
		t.Error("not the newest key, or not the phone number")
	}
	if known := found["oSilent"]; known.Key == key || known.Phone.PureNumber != "" {
		t.Error("of a user who told nothing")
	}
}
