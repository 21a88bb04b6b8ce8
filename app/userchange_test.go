package app_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
)

func TestChanges(t *testing.T) {
	known := app.User{
		ID: 7, AppID: 1, Profile: app.Profile{Nickname: "小明", AvatarURL: "https://a.example/1"},
		Phone: app.SealedPhone{Sealed: []byte{1}, Hash: []byte{2}, Tail: "1234"},
	}
	change := func(what app.UserFact, value string) app.UserChange {
		return app.UserChange{UserID: 7, AppID: 1, What: what, Value: value, Reason: app.OpenOK}
	}
	removed := func(what app.UserFact) app.UserChange {
		one := change(what, "")
		one.Removed = true
		return one
	}
	for name, test := range map[string]struct {
		before app.User
		change func(*app.User)
		want   []app.UserChange
	}{
		"nothing":               {known, func(*app.User) {}, nil},
		"another city":          {known, func(u *app.User) { u.Profile.City = "广州" }, nil},
		"the same number again": {known, func(u *app.User) { u.Phone.Sealed = []byte{9} }, nil},
		"the first time": {app.User{ID: 7, AppID: 1}, func(u *app.User) { u.Profile, u.Phone = known.Profile, known.Phone },
			[]app.UserChange{change(app.FactPhone, "1234"), change(app.FactNickname, "小明"), change(app.FactAvatar, "")}},
		"another number": {known, func(u *app.User) { u.Phone = app.SealedPhone{Hash: []byte{3}, Tail: "1234"} },
			[]app.UserChange{change(app.FactPhone, "1234")}},
		"nobody's name": {app.User{ID: 7, AppID: 1}, func(u *app.User) { u.Profile.Nickname = app.AnonymousNickname }, nil},
		"all withdrawn": {known, func(u *app.User) { u.Profile, u.Phone = app.Profile{}, app.SealedPhone{} },
			[]app.UserChange{removed(app.FactPhone), removed(app.FactNickname), removed(app.FactAvatar)}},
	} {
		after := test.before
		test.change(&after)
		if diff := cmp.Diff(test.want, app.Changes(test.before, after, app.OpenOK)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
