package keeper_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// fill gives a user everything that can be stored about one.
func (h *house) fill(openid, nickname string) keeper.Login {
	h.t.Helper()
	key := newKey(h.t)
	login := h.login(openid, key)
	profile := profileOf(nickname)
	profile["openId"] = openid
	profile["avatarUrl"] = "https://thirdwx.qlogo.cn/mmopen/" + nickname
	for _, fields := range []payload{
		profile, {"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"},
	} {
		if _, err := h.open(login.Token, h.seal(key, fields)); err != nil {
			h.t.Fatal(err)
		}
	}
	return login
}

// picture stores a picture of pages of its own in the place of the one a user had, and gives a piece out of its middle.
func (h *house) picture(openid string) string {
	h.t.Helper()
	user, err := h.store.Read().UserByOpenID(context.Background(), 1, app.OpenID(openid))
	if err != nil {
		h.t.Fatal(err)
	}
	content := make([]byte, 40_000)
	rand.Read(content)
	err = h.store.Write(context.Background(), func(tx *db.Tx) error {
		return tx.ReplaceAvatar(app.Avatar{UserID: user.ID, AppID: 1, Name: rand.Text(), Picture: content, At: h.clock()})
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return string(content[20_000:20_032])
}

func (h *house) gone(openid string) bool {
	_, err := h.store.Read().UserByOpenID(context.Background(), 1, app.OpenID(openid))
	return app.KindOf(err) == app.NotFound
}

func TestEraseLeavesNoTrace(t *testing.T) {
	h := newHouse(t)
	erased, kept := h.fill("oErasedOpenid0001", "被删除的昵称"), h.fill("oKept", "留下的")
	fingerprint := h.keys("oErasedOpenid0001")[0].Fingerprint
	earlierPicture, picture := h.picture("oErasedOpenid0001"), h.picture("oErasedOpenid0001")
	if err := h.Erase(t.Context(), order, erased.User); err != nil {
		t.Fatal(err)
	}
	if _, err := h.session(erased.Token); app.KindOf(err) != app.InvalidToken {
		t.Errorf("the erased user's session: %v", err)
	}
	if _, err := h.session(kept.Token); err != nil {
		t.Errorf("the other user's session: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(h.folder, "wxkeeper.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, trace := range map[string]string{
			"openid": "oErasedOpenid0001", "nickname": "被删除的昵称", "part of the nickname": "删除",
			"fingerprint": string(fingerprint[:]), "avatar": "mmopen/被删除的昵称", "token": string(hashOf(erased.Token)),
			"picture": picture, "picture before": earlierPicture,
		} {
			if bytes.Contains(content, []byte(trace)) {
				t.Errorf("%s is still in %s", name, filepath.Base(file))
			}
		}
		if filepath.Ext(file) == ".db" && !bytes.Contains(content, []byte("留下的")) {
			t.Error("the test reads the wrong file")
		}
	}
	if at, err := h.store.Read().Erased(t.Context(), h.ring, 1, "oErasedOpenid0001"); err != nil || !at.Equal(h.clock()) {
		t.Errorf("erased at %v, %v", at, err)
	}
	counts, err := h.store.Read().KeyCounts(t.Context(), 1, h.clock(), 24*time.Hour)
	if err != nil || counts[app.KeyConfirmed] != 1 {
		t.Errorf("counts are %v, %v", counts, err)
	}
	again := h.login("oErasedOpenid0001", newKey(t))
	if again.User == erased.User || h.lastEvent("oErasedOpenid0001").Reason != app.LoginFirst {
		t.Error("who was erased did not come back as a new user")
	}
}

// TestAWithdrawnPictureLeavesNoTrace, though its user stays.
func TestAWithdrawnPictureLeavesNoTrace(t *testing.T) {
	h := newHouse(t)
	login := h.fill("oA", "小明")
	content := []byte(h.picture("oA"))
	stored, err := h.store.Read().AvatarOfUser(t.Context(), h.user("oA").ID)
	if err != nil {
		t.Fatal(err)
	}
	address := keeper.ProfileFields{AvatarURL: "https://keeper.example/avatar/" + stored.Name}
	if _, err := h.SetProfile(t.Context(), h.caller(), login.Token.Reveal(), address); err != nil {
		t.Fatal(err)
	}
	files := func() (all []byte) {
		t.Helper()
		if err := h.store.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(h.folder, "wxkeeper.db*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, content...)
		}
		return all
	}
	if !bytes.Contains(files(), content) {
		t.Fatal("the test reads the wrong files")
	}
	err = h.Pushed(t.Context(), h.caller(), wechat.Message{
		Event: wechat.EventUserRevoked, OpenID: "oA", CreatedAt: h.clock(), MsgID: "m1", RevokeInfo: []int{wechat.RevokedAvatar},
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(files(), content) {
		t.Error("the picture is still in the files")
	}
	if profile := h.user("oA").Profile; profile.AvatarURL != "" || profile.Nickname != "小明" {
		t.Errorf("the profile is %+v", profile)
	}
}

func hashOf(token app.Token) []byte {
	hash := token.Hash()
	return hash[:]
}

func TestUsersNotSeenAreErased(t *testing.T) {
	h := newHouse(t, func(s *keeper.Settings) { s.UsersKeep = 365 * 24 * time.Hour })
	h.fill("oOld", "很久没来")
	h.pass(200 * 24 * time.Hour)
	h.fill("oYoung", "常来")
	h.pass(166 * 24 * time.Hour)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !h.gone("oOld") || h.gone("oYoung") {
		t.Errorf("old gone: %v, young gone: %v", h.gone("oOld"), h.gone("oYoung"))
	}
	rows, err := h.store.Read().AuditRows(t.Context(), 0, 10)
	if err != nil || len(rows) != 1 || rows[0].Operator != app.ByRetention {
		t.Errorf("audit is %+v, %v", rows, err)
	}
}

func TestPushedMessagesAreObeyed(t *testing.T) {
	for name, test := range map[string]struct {
		event    string
		kinds    []int
		reasons  []app.Reason
		nickname string
		avatar   bool
		phone    bool
		gone     bool
	}{
		"modified":       {event: wechat.EventUserInfoModified, reasons: []app.Reason{app.PushModified}, phone: true},
		"phone":          {event: wechat.EventUserRevoked, kinds: []int{8}, reasons: []app.Reason{app.ConsentRevoked}, nickname: "小明", avatar: true},
		"profile":        {event: wechat.EventUserRevoked, kinds: []int{6}, reasons: []app.Reason{app.ConsentRevoked}, phone: true},
		"nickname":       {event: wechat.EventUserRevoked, kinds: []int{19}, reasons: []app.Reason{app.ConsentRevoked}, avatar: true, phone: true},
		"avatar, phone":  {event: wechat.EventUserRevoked, kinds: []int{20, 8}, reasons: []app.Reason{app.ConsentRevoked, app.ConsentRevoked}, nickname: "小明"},
		"location":       {event: wechat.EventUserRevoked, kinds: []int{13}, reasons: []app.Reason{app.ConsentRevoked}, nickname: "小明", avatar: true, phone: true},
		"unknown":        {event: wechat.EventUserRevoked, kinds: []int{99}, reasons: []app.Reason{app.ConsentUnknown}, nickname: "小明", avatar: true, phone: true},
		"empty":          {event: wechat.EventUserRevoked, reasons: []app.Reason{app.ConsentUnknown}, nickname: "小明", avatar: true, phone: true},
		"cancelled":      {event: wechat.EventUserCancelled, gone: true},
		"something else": {event: "subscribe", nickname: "小明", avatar: true, phone: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			login := h.fill("oA", "小明")
			before, err := h.store.Read().EventsOf(t.Context(), h.user("oA").LastEvent, 100)
			if err != nil {
				t.Fatal(err)
			}
			h.pass(time.Minute)
			message := wechat.Message{Event: test.event, OpenID: "oA", CreatedAt: h.clock(), MsgID: "m1", RevokeInfo: test.kinds}
			for range 2 {
				if err := h.Pushed(t.Context(), h.caller(), message); err != nil {
					t.Fatal(err)
				}
			}
			if h.gone("oA") != test.gone {
				t.Fatalf("gone: %v", h.gone("oA"))
			}
			if test.gone {
				if _, err := h.session(login.Token); app.KindOf(err) != app.InvalidToken {
					t.Errorf("the session lives: %v", err)
				}
				if events := h.strangers(); events[len(events)-1].Reason != app.ConsentCancelled {
					t.Errorf("events are %+v", events)
				}
				return
			}
			user := h.user("oA")
			if user.Profile.Nickname != test.nickname || (user.Profile.AvatarURL != "") != test.avatar || (len(user.Phone.Sealed) > 0) != test.phone {
				t.Errorf("left: %+v, phone %v", user.Profile, len(user.Phone.Sealed) > 0)
			}
			after, err := h.store.Read().EventsOf(t.Context(), user.LastEvent, 100)
			if err != nil {
				t.Fatal(err)
			}
			var reasons []app.Reason
			for _, event := range after[:len(after)-len(before)] {
				reasons = append(reasons, event.Reason)
			}
			if !slices.Equal(reasons, test.reasons) {
				t.Errorf("events are %v, want %v", reasons, test.reasons)
			}
		})
	}
}

func TestWithdrawnDataDoesNotComeBackFromOldPayloads(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	old := h.seal(key, profileOf("小明"))
	if _, err := h.open(login.Token, old); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Minute)
	err := h.Pushed(t.Context(), h.caller(), wechat.Message{
		Event: wechat.EventUserRevoked, OpenID: "oA", CreatedAt: h.clock(), MsgID: "m1", RevokeInfo: []int{6},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.open(login.Token, old); err != nil {
		t.Fatal(err)
	}
	if profile := h.user("oA").Profile; profile.Nickname != "" {
		t.Errorf("the old payload brought back %+v", profile)
	}
}

func TestPushesForNobodyDemandNothing(t *testing.T) {
	h := newHouse(t)
	err := h.Pushed(t.Context(), h.caller(), wechat.Message{Event: wechat.EventUserCancelled, OpenID: "oNobody", MsgID: "m1"})
	if err != nil {
		t.Error(err)
	}
}

func TestImportWithdrawals(t *testing.T) {
	h := newHouse(t)
	for _, openid := range []string{"oA", "oB", "oC"} {
		h.fill(openid, "小明")
	}
	list := "\ufeffOpenID,RevokeInfo\noA,8\noB,\noC,\"6,8\"\n,8\noC,none\noNobody,8\n"
	for range 2 {
		result, err := h.ImportWithdrawals(t.Context(), strings.NewReader(list))
		if err != nil || result.Lines != 6 || len(result.Refused) != 2 || !strings.HasPrefix(result.Refused[0], "line 5:") {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	if len(h.user("oA").Phone.Sealed) > 0 || !h.gone("oB") || h.user("oC").Profile.Nickname != "" {
		t.Error("the list was not followed")
	}
	if _, err := h.ImportWithdrawals(t.Context(), strings.NewReader("a,b\n1,2\n")); err == nil {
		t.Error("a list without OpenID was taken")
	}
}

func TestExportOfOnePerson(t *testing.T) {
	h := newHouse(t)
	login := h.fill("oA", "小明🎉")
	h.fill("oB", "别人")
	var out bytes.Buffer
	if err := h.ExportUser(t.Context(), order, app.RoleAdmin, login.User, &out); err != nil {
		t.Fatal(err)
	}
	var person struct {
		OpenID, NickName, PhoneNumber string
		Keys, Sessions, Events        []json.RawMessage
	}
	if err := json.Unmarshal(out.Bytes(), &person); err != nil {
		t.Fatal(err)
	}
	if person.OpenID != "oA" || person.NickName != "小明🎉" || person.PhoneNumber != "13800000001" ||
		len(person.Keys) != 1 || len(person.Sessions) != 1 || len(person.Events) != 3 {
		t.Errorf("exported %s", out.String())
	}
	if strings.Contains(out.String(), "别人") || strings.Contains(out.String(), fmt.Sprint(h.user("oB").Number)) {
		t.Error("somebody else is in it")
	}
}

func TestPrefetchStoresTheKeyAndNoSession(t *testing.T) {
	h := newHouse(t)
	old, fresh := newKey(t), newKey(t)
	login := h.login("oA", old)
	h.weChatSays(func(string) string { return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, fresh.Reveal()) })
	if err := h.Prefetch(t.Context(), h.caller(), "prefetched"); err != nil {
		t.Fatal(err)
	}
	event := h.lastEvent("oA")
	if event.Reason != app.LoginPrefetch || !slices.Equal(event.Detail.Notes, []app.Reason{app.LoginNewKey}) {
		t.Errorf("event is %+v", event)
	}
	sessions, err := h.store.Read().SessionsOfUser(t.Context(), h.user("oA").ID)
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	if _, err := h.open(login.Token, h.seal(fresh, profileOf("x"))); err != nil {
		t.Errorf("data sealed under the pre-fetched key: %v", err)
	}
}

func TestVerify(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	verify := func() (keeper.Verified, error) { return h.Verify(t.Context(), h.caller(), login.Token.Reveal()) }
	for range 3 {
		if got, err := verify(); err != nil || got.User != login.User || got.OpenID != "oA" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	h.sql("UPDATE users SET generation = generation + 1") // as another process would
	if _, err := verify(); err != nil {
		t.Errorf("within the second: %v", err)
	}
	h.pass(time.Second)
	if _, err := verify(); app.KindOf(err) != app.InvalidToken {
		t.Errorf("after a second: %v", err)
	}
	for name, revoke := range map[string]func() error{
		"logout": func() error { return h.Logout(t.Context(), h.caller(), login.Token.Reveal()) },
		"forced": func() error { _, err := h.ForceRelogin(t.Context(), order, login.User); return err },
		"all":    func() error { return h.ForceReloginOfAll(t.Context(), order) },
		"erased": func() error { return h.Erase(t.Context(), order, login.User) },
		"device": func() error {
			sessions, err := h.store.Read().SessionsOfUser(t.Context(), h.user("oA").ID)
			if err != nil {
				return err
			}
			return h.EndDevice(t.Context(), order, login.User, sessions[0].ID)
		},
		"twenty more logins": func() error {
			for range app.SessionsKept {
				h.login("oA", key)
			}
			return nil
		},
	} {
		login = h.login("oA", key)
		if _, err := verify(); err != nil {
			t.Fatal(err)
		}
		if err := revoke(); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(); app.KindOf(err) != app.InvalidToken {
			t.Errorf("%s: the token is still good: %v", name, err)
		}
	}
	login = h.login("oA", key)
	for range 50 { // an hour, during which the token is remembered all the time
		h.pass(72 * time.Second)
		if _, err := verify(); err != nil {
			t.Fatal(err)
		}
	}
	sessions, err := h.store.Read().SessionsOfUser(t.Context(), h.user("oA").ID)
	if err != nil || h.clock().Sub(sessions[0].SeenAt) > 2*app.Coarse {
		t.Errorf("a token that is verified all the time counts as last used %s ago, %v", h.clock().Sub(sessions[0].SeenAt), err)
	}
	if commits := h.commits(func() {
		for range 100 {
			h.Verify(t.Context(), h.caller(), "nonsense")
		}
	}); commits > 1 {
		t.Errorf("%d commits for strangers", commits)
	}
}
