package keeper_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

// changes are those of a user in short, oldest first.
func (h *house) changes(openid string) []string {
	h.t.Helper()
	listed, err := h.store.Read().ChangesOfUser(h.t.Context(), h.user(openid).ID)
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, one := range slices.Backward(listed) {
		value := one.Value
		if one.Removed {
			value = "removed"
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s by %s %s", one.What, one.Reason, value)))
	}
	return all
}

func TestChangesAreRemembered(t *testing.T) {
	s := newScene(t)
	want := func(step string, lines ...string) {
		t.Helper()
		if got := s.changes("oA"); !slices.Equal(got, lines) {
			t.Errorf("%s: %q, want %q", step, got, lines)
		}
		s.pass(time.Minute)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.opens(s.seal(s.key, payload{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"}))
	want("a sealed number", "phone by open.ok 0001")
	_, err := s.tap(phoneCode, phoneAnswer("61234567", s.clock()))
	must(err)
	_, err = s.tap(phoneCode, phoneAnswer("61234567", s.clock())) // the same is no change
	must(err)
	want("by code", "phone by open.ok 0001", "phone by phone.ok 4567")
	_, err = s.says(keeper.ProfileFields{Nickname: "小明"})
	must(err)
	_, err = s.uploads(jpegOf(t, 64))
	must(err)
	s.opens(s.seal(s.key, payload{"nickName": "小红", "avatarUrl": s.user("oA").Profile.AvatarURL}))
	want("profile", "phone by open.ok 0001", "phone by phone.ok 4567", "nickname by profile.updated 小明", "avatar by avatar.stored",
		"nickname by open.ok 小红")

	var out bytes.Buffer
	must(s.ExportUser(t.Context(), order, app.RoleAdmin, s.login.User, &out))
	var person struct {
		Changes []struct{ What, Value string }
	}
	must(json.Unmarshal(out.Bytes(), &person))
	if len(person.Changes) != 5 || person.Changes[0].Value != "小红" || strings.Contains(out.String(), "13800000001") {
		t.Errorf("exported %s", out.String())
	}

	s.pushed(wechat.EventUserRevoked, wechat.RevokedPhone, wechat.RevokedNickname)
	want("withdrawn", "avatar by avatar.stored", "phone by consent.revoked removed", "nickname by consent.revoked removed")
	for i := range app.UserChangesKept + 5 {
		_, err := s.says(keeper.ProfileFields{Nickname: fmt.Sprint("name ", i)})
		must(err)
	}
	if got := s.changes("oA"); len(got) != app.UserChangesKept+2 || got[0] != "avatar by avatar.stored" ||
		got[len(got)-1] != fmt.Sprint("nickname by profile.updated name ", app.UserChangesKept+4) {
		t.Errorf("many names: %q", got)
	}
}

func TestImportsAreAmongTheChanges(t *testing.T) {
	h := newHouse(t)
	h.wantMoved(keeper.Imported{Lines: 1, New: 1, Keys: 1}, wholeCSV)
	want := []string{"phone by key.imported 0001", `nickname by key.imported 小明, "é"`, "avatar by key.imported"}
	if got := h.changes("oA"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	h.login("oB", newKey(t))
	h.wantMoved(keeper.Imported{Lines: 1, Changed: 1}, `{"openid":"oB","nickname":"小兰"}`)
	if got := h.changes("oB"); !slices.Equal(got, []string{"nickname by user.imported 小兰"}) {
		t.Errorf("%q", got)
	}
}

// TestExternalIDsLeaveAgain: what an export writes, another installation can import.
func TestExternalIDsLeaveAgain(t *testing.T) {
	h := newHouse(t)
	h.wantMoved(keeper.Imported{Lines: 1, New: 1, Keys: 1}, wholeCSV)
	number := h.user("oA").Number
	for _, format := range []keeper.Format{keeper.FormatJSONL, keeper.FormatCSV} {
		var out bytes.Buffer
		if err := keeper.Export(t.Context(), h.store, h.ring, format, &out); err != nil || !strings.Contains(out.String(), "crm-1") {
			t.Errorf("%s: %s, %v", format, out.String(), err)
		}
		again := newHouse(t)
		if done, refused := again.moves(out.String()); done.New != 1 || len(refused) > 0 {
			t.Errorf("%s: %+v, %q", format, done, refused)
		}
		if found, err := again.store.Read().UserByExternalID(t.Context(), 1, "crm-1"); err != nil || found.Number != number {
			t.Errorf("%s: %+v, %v", format, found, err)
		}
	}
	for role, shown := range map[app.Role]string{app.RoleAdmin: "crm-1", app.RoleOperator: "crm-1", app.RoleViewer: "*****"} {
		var one, list bytes.Buffer
		err := h.ExportUser(t.Context(), order, role, number, &one)
		if err != nil || !strings.Contains(one.String(), `"externalId": "`+shown+`"`) {
			t.Errorf("%s: %s, %v", role, one.String(), err)
		}
		err = h.ExportUsers(t.Context(), order, app.UserFilter{Search: "crm-1"}, role, &list, func() error { return nil })
		if err != nil || !strings.Contains(list.String(), ",false,"+shown) {
			t.Errorf("%s: %s, %v", role, list.String(), err)
		}
	}
}
