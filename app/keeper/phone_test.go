package keeper_test

import (
	"testing"

	"wxkeeper/app"
)

func TestPhoneNumberIsRevealedOnTheRecord(t *testing.T) {
	h := newHouse(t)
	login := h.fill("oA", "小明")
	phone, err := h.RevealPhone(t.Context(), order, login.User)
	if err != nil || phone.PureNumber != "13800000001" || phone.CountryCode != "86" {
		t.Errorf("%+v, %v", phone, err)
	}
	h.wantAudited(app.ActionRevealPhone, h.user("oA").ID, "")
}

func TestPhoneNumberStaysHiddenWithoutARecord(t *testing.T) {
	h := newHouse(t)
	login := h.fill("oA", "小明")
	h.sql("CREATE TRIGGER fails BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
	phone, err := h.RevealPhone(t.Context(), order, login.User)
	if app.KindOf(err) != app.StorageUnavailable || phone != (app.Phone{}) {
		t.Errorf("%+v, %v", phone, err)
	}
}
