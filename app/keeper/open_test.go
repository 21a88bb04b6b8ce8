package keeper_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

func profileOf(nickname string) payload {
	return payload{
		"openId": "oA", "nickName": nickname, "gender": 2, "language": "zh_CN", "city": "广州", "province": "广东", "country": "中国",
		"avatarUrl": "https://thirdwx.qlogo.cn/mmopen/0",
	}
}

func TestProfileComesBackExactly(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	for _, nickname := range []string{
		"小明🎉👨‍👩‍👧‍👦🇨🇳👍🏽", "a\x00b", "\u202eevil", `"><script>`, strings.Repeat("长", 500), "𠮷", "",
	} {
		h.pass(time.Second)
		opened, err := h.open(login.Token, h.seal(key, profileOf(nickname)))
		if err != nil {
			t.Fatal(err)
		}
		want := app.Profile{
			Nickname: nickname, Gender: 2, Language: "zh_CN", City: "广州", Province: "广东", Country: "中国",
			AvatarURL: "https://thirdwx.qlogo.cn/mmopen/0",
		}
		if nickname == "" {
			want.Nickname = "𠮷" // no name never replaces one
		}
		if diff := cmp.Diff(keeper.Opened{User: login.User, IsProfile: true, Profile: want}, opened); diff != "" {
			t.Errorf("%q: -want +got\n%s", nickname, diff)
		}
		if stored := h.user("oA").Profile; stored != want {
			t.Errorf("stored %+v", stored)
		}
	}
}

func TestOldAndAnonymousProfilesNeverOverwrite(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	at := func(offset time.Duration, nickname string) payload {
		p := profileOf(nickname)
		p["watermark"] = payload{"appid": appid, "timestamp": start.Add(offset).Unix()}
		return p
	}
	h.pass(time.Minute)
	for _, step := range []struct {
		fields payload
		want   string
		note   app.Reason
	}{
		{at(0, app.AnonymousNickname), app.AnonymousNickname, app.ProfileWasUpdated},
		{at(10*time.Second, "小明"), "小明", app.ProfileWasUpdated},
		{at(5*time.Second, "旧名"), "小明", app.ProfileWasOlder},
		{at(10*time.Second, "小红"), "小红", app.ProfileWasUpdated},
		{at(20*time.Second, app.AnonymousNickname), "小红", app.ProfileWasAnonymous},
		{at(30*time.Second, "小兰"), "小兰", app.ProfileWasUpdated},
	} {
		opened, err := h.open(login.Token, h.seal(key, step.fields))
		if err != nil {
			t.Fatal(err)
		}
		if opened.Profile.Nickname != step.want || h.user("oA").Profile.Nickname != step.want {
			t.Errorf("answered %q, stored %q, want %q", opened.Profile.Nickname, h.user("oA").Profile.Nickname, step.want)
		}
		if event := h.lastEvent("oA"); !slices.Contains(event.Detail.Notes, step.note) || event.Reason != app.OpenOK {
			t.Errorf("event is %s %v, want note %s", event.Reason, event.Detail.Notes, step.note)
		}
	}
}

func TestOtherPayloadsComeBackWithoutOpenidAndWatermark(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	for _, object := range []string{
		`{"phoneNumber":"+85291234567","purePhoneNumber":"91234567","countryCode":"852"}`,
		`{"stepInfoList":[{"timestamp":1699900800,"step":1000}]}`,
		`{"openGId":"tGId"}`, `{"opengid":"tGId","chat_type":3}`, `{"activityId":"a","n":12345678901234567890}`,
	} {
		sealed := strings.TrimSuffix(object, "}") +
			fmt.Sprintf(`,"openId":"oA","watermark":{"appid":%q,"timestamp":%d}}`, appid, start.Unix())
		opened, err := h.open(login.Token, h.sealText(key, sealed))
		if err != nil {
			t.Fatal(err)
		}
		if opened.IsProfile || string(opened.Object) != object {
			t.Errorf("opened %s, want %s", opened.Object, object)
		}
	}
}

func TestPhoneIsStoredEncrypted(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	send := func(number string, offset time.Duration) {
		t.Helper()
		_, err := h.open(login.Token, h.seal(key, payload{
			"phoneNumber": number, "purePhoneNumber": number, "countryCode": 86,
			"watermark": payload{"appid": appid, "timestamp": start.Add(offset).Unix()},
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	send("13800000001", 10*time.Second)
	send("13800000002", 5*time.Second)
	user := h.user("oA")
	phone, err := keeper.Phone(h.ring, user)
	if err != nil || phone.Number != "13800000001" || phone.CountryCode != "86" {
		t.Errorf("stored %+v, %v", phone, err)
	}
	if strings.Contains(string(user.Phone.Sealed), "1380000") || user.Phone.Tail != "0001" {
		t.Errorf("stored as %q, tail %q", user.Phone.Sealed, user.Phone.Tail)
	}
	if string(user.Phone.Hash) != string(h.ring.PhoneHash("13800000001")) {
		t.Error("the hash does not find the number")
	}
}

func TestPreviousKeysOpenForAWhile(t *testing.T) {
	h := newHouse(t)
	keys := []app.SessionKey{newKey(t), newKey(t), newKey(t), newKey(t)}
	var token app.Token
	for i, key := range keys {
		h.pass(time.Minute)
		token = h.login("oA", key).Token
		for back := range i + 1 {
			nickname := fmt.Sprintf("名%d-%d", i, back)
			_, err := h.open(token, h.seal(keys[i-back], payload{"nickName": nickname}))
			if opens := err == nil; opens != (back < 3) {
				t.Errorf("login %d: key %d logins old: %v", i, back, err)
			}
			event := h.lastEvent("oA")
			switch {
			case back == 0 && event.Reason != app.OpenOK,
				back > 0 && back < 3 && (event.Reason != app.OpenOKPrevious || event.Detail.Key != back),
				back >= 3 && event.Reason != app.OpenNoKeyFits:
				t.Errorf("login %d: key %d logins old: event %s, key %d", i, back, event.Reason, event.Detail.Key)
			}
			if back < 3 && event.Fingerprint != h.ring.Fingerprint(keys[i-back]) {
				t.Errorf("the event names another key")
			}
		}
	}
	h.pass(11 * time.Minute)
	for back, key := range []app.SessionKey{keys[3], keys[2], keys[1]} {
		_, err := h.open(token, h.seal(key, payload{"nickName": "后来"}))
		if opens := err == nil; opens != (back == 0) {
			t.Errorf("after the grace: key %d logins old: %v", back, err)
		}
	}
}

func TestFailuresToOpenSayWhy(t *testing.T) {
	key, foreign := newKey(t), newKey(t)
	watermark := func(of app.Appid, offset time.Duration) payload {
		return payload{"appid": of, "timestamp": start.Add(offset).Unix()}
	}
	for name, test := range map[string]struct {
		seal    func(h *house) keeper.Sealed
		reason  app.Reason
		notes   []app.Reason
		problem string
		suspect bool
	}{
		"another key": {
			seal:   func(h *house) keeper.Sealed { return h.seal(foreign, profileOf("x")) },
			reason: app.OpenNoKeyFits, notes: []app.Reason{app.OpenPadding}, problem: "bad_padding", suspect: true,
		},
		"not JSON": {
			seal:   func(h *house) keeper.Sealed { return h.sealText(key, "nonsense") },
			reason: app.OpenNoKeyFits, notes: []app.Reason{app.OpenNotJSON}, problem: "bad_json", suspect: true,
		},
		"no watermark": {
			seal:   func(h *house) keeper.Sealed { return h.sealText(key, `{"nickName":"x"}`) },
			reason: app.OpenNoWatermark, problem: "missing_watermark",
		},
		"another appid": {
			seal: func(h *house) keeper.Sealed {
				return h.seal(key, payload{"nickName": "x", "watermark": watermark("wxother", 0)})
			},
			reason: app.OpenOtherAppid, problem: "appid_mismatch",
		},
		"another openid": {
			seal:   func(h *house) keeper.Sealed { return h.seal(key, payload{"nickName": "x", "openId": "oB"}) },
			reason: app.OpenOtherOpenID, problem: "openid_mismatch",
		},
		"too old": {
			seal: func(h *house) keeper.Sealed {
				return h.seal(key, payload{"nickName": "x", "watermark": watermark(appid, -24*time.Hour-time.Minute)})
			},
			reason: app.OpenTooOld,
		},
		"future": {
			seal: func(h *house) keeper.Sealed {
				return h.seal(key, payload{"nickName": "x", "watermark": watermark(appid, 6*time.Minute)})
			},
			reason: app.OpenFuture,
		},
		"signature of another key": {
			seal: func(h *house) keeper.Sealed {
				sealed := h.seal(key, profileOf("x"))
				sealed.RawData, sealed.Signature = `{"nickName":"x"}`, wechat.SignRawData(foreign, `{"nickName":"x"}`)
				return sealed
			},
			reason: app.SignatureMismatch,
		},
		"damaged, by its signature": {
			seal: func(h *house) keeper.Sealed {
				sealed := h.seal(foreign, profileOf("x"))
				sealed.RawData, sealed.Signature = `{"nickName":"x"}`, wechat.SignRawData(key, `{"nickName":"x"}`)
				return sealed
			},
			reason: app.OpenDataDamaged, notes: []app.Reason{app.SignatureOK}, problem: "bad_padding", suspect: false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			login := h.login("oA", key)
			before := h.user("oA")
			_, err := h.open(login.Token, test.seal(h))
			if app.KindOf(err) != app.SealedDataUnopened {
				t.Fatalf("error is %v", err)
			}
			event := h.lastEvent("oA")
			if event.Reason != test.reason || !slices.Equal(event.Detail.Notes, test.notes) {
				t.Errorf("event is %s %v", event.Reason, event.Detail.Notes)
			}
			if noise := test.problem == "bad_padding" && event.Detail.Problem == "bad_json"; event.Detail.Problem != test.problem && !noise {
				t.Errorf("problem is %q", event.Detail.Problem)
			}
			if event.Fingerprint != h.ring.Fingerprint(key) {
				t.Error("the event does not name the key")
			}
			if name == "another appid" && (event.Detail.OtherAppid != "wxother" || event.Detail.OurAppid != appid) {
				t.Errorf("detail is %+v", event.Detail)
			}
			after := h.user("oA")
			after.LastEvent = before.LastEvent
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the user changed: %s", diff)
			}
			if suspect := !h.keys("oA")[0].FailedAt.IsZero(); suspect != test.suspect {
				t.Errorf("the key is suspect: %v", suspect)
			}
		})
	}
}

func TestAFittingSignatureIsNoted(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	sealed := h.seal(key, profileOf("x"))
	sealed.RawData, sealed.Signature = `{"nickName":"x"}`, wechat.SignRawData(key, `{"nickName":"x"}`)
	if _, err := h.open(login.Token, sealed); err != nil {
		t.Fatal(err)
	}
	if event := h.lastEvent("oA"); !slices.Contains(event.Detail.Notes, app.SignatureOK) {
		t.Errorf("event is %+v", event)
	}
}

func TestMalformedSealedDataIsNamed(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	good := h.seal(key, profileOf("x"))
	for field, sealed := range map[string]keeper.Sealed{
		"iv":            {EncryptedData: good.EncryptedData, IV: "AAAA"},
		"encryptedData": {EncryptedData: good.EncryptedData[:len(good.EncryptedData)-8], IV: good.IV},
	} {
		_, err := h.open(login.Token, sealed)
		if app.KindOf(err) != app.Malformed {
			t.Errorf("%s: %v", field, err)
		}
		if event := h.lastEvent("oA"); event.Reason != app.OpenMalformed || event.Detail.Field != field {
			t.Errorf("%s: event is %+v", field, event)
		}
	}
	if !h.keys("oA")[0].FailedAt.IsZero() {
		t.Error("a malformed text made the key suspect")
	}
}

func TestTransportDamageIsRepaired(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	var sealed keeper.Sealed
	for !strings.Contains(sealed.EncryptedData, "+") {
		sealed = h.seal(key, profileOf("x"))
	}
	sealed.EncryptedData = strings.ReplaceAll(sealed.EncryptedData, "+", " ")
	if _, err := h.open(login.Token, sealed); err != nil {
		t.Fatal(err)
	}
	if event := h.lastEvent("oA"); event.Reason != app.OpenRepaired {
		t.Errorf("event is %s", event.Reason)
	}
}

func TestAPayloadSentTwiceOpensTwice(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	sealed := h.seal(key, profileOf("x"))
	for i, want := range []app.Reason{app.OpenOK, app.OpenReplayed, app.OpenReplayed} {
		if _, err := h.open(login.Token, sealed); err != nil {
			t.Fatal(err)
		}
		if event := h.lastEvent("oA"); event.Reason != want {
			t.Errorf("time %d: event is %s", i+1, event.Reason)
		}
	}
}

func TestOpeningConfirmsAndEndsSuspicion(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	opens := func(nickname string) {
		t.Helper()
		if _, err := h.open(login.Token, h.seal(key, profileOf(nickname))); err != nil {
			t.Fatal(err)
		}
	}
	opens("一")
	if got := h.keys("oA")[0]; !got.ConfirmedAt.Equal(start) || got.ConfirmedBy != app.ConfirmedByOpening {
		t.Errorf("confirmed %v by %s", got.ConfirmedAt, got.ConfirmedBy)
	}
	h.pass(9 * time.Minute)
	opens("二")
	if got := h.keys("oA")[0]; !got.ConfirmedAt.Equal(start) {
		t.Errorf("confirmation is not coarse: %v", got.ConfirmedAt)
	}
	if _, err := h.open(login.Token, h.seal(newKey(t), profileOf("x"))); err == nil {
		t.Fatal("opened under a foreign key")
	}
	failed := h.keys("oA")[0].FailedAt
	if !failed.Equal(h.clock()) {
		t.Errorf("failed at %v", failed)
	}
	h.pass(time.Second)
	opens("三")
	if got := h.keys("oA")[0]; !got.FailedAt.IsZero() || !got.ConfirmedAt.Equal(h.clock()) {
		t.Errorf("after a success: failed %v, confirmed %v", got.FailedAt, got.ConfirmedAt)
	}
}

func TestASessionThatFailsTooOftenWaits(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login, other := h.login("oA", key), h.login("oA", key)
	bad := h.seal(newKey(t), profileOf("x"))
	for range keeper.FailuresAllowed {
		if _, err := h.open(login.Token, bad); app.KindOf(err) != app.SealedDataUnopened {
			t.Fatal(err)
		}
	}
	h.pass(time.Minute)
	for range 3 {
		_, err := h.open(login.Token, bad)
		if app.KindOf(err) != app.TooManyRequests {
			t.Fatalf("error is %v", err)
		}
	}
	events, err := h.store.Read().EventsOf(t.Context(), h.user("oA").LastEvent, 3)
	if err != nil || events[0].Reason != app.OpenLimited || events[1].Reason == app.OpenLimited {
		t.Errorf("events are %+v, %v", events, err)
	}
	if _, err := h.open(other.Token, h.seal(key, profileOf("x"))); err != nil {
		t.Errorf("another session of the same user: %v", err)
	}
	h.pass(keeper.FailuresWindow)
	if _, err := h.open(login.Token, h.seal(key, profileOf("x"))); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestForeignKeyNoiseNeverOpens(t *testing.T) {
	h := newHouse(t, func(s *keeper.Settings) { s.LimitFailures = false })
	login := h.login("oA", newKey(t))
	foreign := newKey(t)
	for range 600 { // one in 255 passes the padding check by chance
		_, err := h.open(login.Token, h.seal(foreign, profileOf("x")))
		if app.KindOf(err) != app.SealedDataUnopened {
			t.Fatal(err)
		}
	}
}

func TestRequestsMakeOneCommitAtMost(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	good, bad := h.seal(key, profileOf("x")), h.seal(newKey(t), profileOf("x"))
	for name, test := range map[string]struct {
		want uint64
		work func() error
	}{
		"login":       {1, func() error { _, err := h.tryLogin("oA", key); return err }},
		"first login": {1, func() error { _, err := h.tryLogin("oB", key); return err }},
		"open":        {1, func() error { _, err := h.open(login.Token, good); return err }},
		"fail to open": {1, func() error {
			if _, err := h.open(login.Token, bad); app.KindOf(err) != app.SealedDataUnopened {
				return err
			}
			return nil
		}},
		"session": {0, func() error {
			_, err := h.Session(context.Background(), h.caller(), keeper.ByToken(login.Token.Reveal()))
			return err
		}},
	} {
		var err error
		if got := h.commits(func() { err = test.work() }); got != test.want || err != nil {
			t.Errorf("%s: %d commits, %v; want %d", name, got, err, test.want)
		}
	}
	h.pass(11 * time.Minute)
	for i, want := range []uint64{1, 0} {
		got := h.commits(func() { h.Session(context.Background(), h.caller(), keeper.ByToken(login.Token.Reveal())) })
		if got != want {
			t.Errorf("session check %d after 11 minutes: %d commits, want %d", i, got, want)
		}
	}
}

func TestExportWritesOneUserALine(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	h.login("oB", newKey(t))
	for _, fields := range []payload{
		profileOf("=HYPERLINK(\"x\")\n第二行"),
		{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"},
	} {
		if _, err := h.open(login.Token, h.seal(key, fields)); err != nil {
			t.Fatal(err)
		}
	}
	var lines, table strings.Builder
	if err := keeper.Export(t.Context(), h.store, h.ring, keeper.FormatJSONL, &lines); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(lines.String()), "\n")
	var first map[string]any
	if err := json.Unmarshal([]byte(rows[0]), &first); err != nil || len(rows) != 2 {
		t.Fatalf("%d lines, %v", len(rows), err)
	}
	if first["openid"] != "oA" || first["phoneNumber"] != "13800000001" || first["nickName"] != "=HYPERLINK(\"x\")\n第二行" {
		t.Errorf("exported %v", first)
	}
	if err := keeper.Export(t.Context(), h.store, h.ring, keeper.FormatCSV, &table); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(table.String(), "\ufeffappid,openid,") || !strings.Contains(table.String(), `"'=HYPERLINK(`) {
		t.Errorf("table is %q", table.String())
	}
}

func TestCheckFindsDamage(t *testing.T) {
	h := newHouse(t)
	h.login("oA", newKey(t))
	health, err := keeper.Check(t.Context(), h.store, h.ring)
	if err != nil || health.Users != 1 || health.Keys != 1 || len(health.Problems) > 0 {
		t.Fatalf("%+v, %v", health, err)
	}
	h.spoilKey("oA")
	health, err = keeper.Check(t.Context(), h.store, h.ring)
	if err != nil || len(health.Problems) != 1 || !strings.Contains(health.Problems[0], "does not open") {
		t.Errorf("%+v, %v", health, err)
	}
}
