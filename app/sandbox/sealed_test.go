package sandbox_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

func TestEveryKindOpensUnderTheUsersKey(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	for name, test := range map[string]struct {
		collect func() sandbox.Sealed
		kind    wechat.Kind
		fields  []string
	}{
		"userinfo": {w.phone.GetUserInfo, wechat.KindProfile,
			[]string{"nickName", "gender", "language", "city", "province", "country", "avatarUrl", "unionId"}},
		"profile": {w.phone.GetUserProfile, wechat.KindProfile,
			[]string{"nickName", "gender", "language", "city", "province", "country", "avatarUrl"}},
		"phone": {w.phone.GetPhoneNumber, wechat.KindPhone, []string{"phoneNumber", "purePhoneNumber", "countryCode"}},
		"run":   {w.phone.GetWeRunData, wechat.KindRun, []string{"stepInfoList"}},
		"share": {w.phone.GetShareInfo, wechat.KindGroup, []string{"openGId"}},
		"group": {w.phone.GetGroupEnterInfo, wechat.KindGroup, []string{"opengid"}},
	} {
		t.Run(name, func(t *testing.T) {
			payload := open(t, key, test.collect())
			if payload.Kind != test.kind {
				t.Errorf("kind %q", payload.Kind)
			}
			if got := fieldsOf(t, payload.Object()); !reflect.DeepEqual(got, test.fields) {
				t.Errorf("fields %v, want %v", got, test.fields)
			}
			want := &wechat.Watermark{Appid: w.phone.Appid(), At: w.clock.Now()}
			if payload.Watermark == nil || payload.Watermark.Appid != want.Appid || !payload.Watermark.At.Equal(want.At) {
				t.Errorf("watermark %v, want %v", payload.Watermark, want)
			}
		})
	}
}

// fieldsOf lists the members of an object in their order.
func fieldsOf(t *testing.T, object json.RawMessage) (fields []string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(object)))
	decoder.Token()
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, name.(string))
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
	}
	return fields
}

func TestOnlyGetUserInfoCarriesTheIDs(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	info, profile := open(t, key, w.phone.GetUserInfo()), open(t, key, w.phone.GetUserProfile())
	if info.OpenID != w.phone.OpenID() || info.UnionID != w.phone.UnionID() {
		t.Errorf("getUserInfo carries %q and %q", info.OpenID, info.UnionID)
	}
	if profile.OpenID != "" || profile.UnionID != "" {
		t.Errorf("getUserProfile carries %q and %q", profile.OpenID, profile.UnionID)
	}
}

func TestRawDataIsSignedAndEqualsTheProfile(t *testing.T) {
	w := newWorld(t)
	w.phone.SetPerson(sandbox.Person{Nickname: `<b>"晚风" & 'co'</b>`, Gender: 2, City: "昆明"})
	key := w.login(t, w.phone).SessionKey
	sealed := w.phone.GetUserInfo()
	if !wechat.CheckRawData(key, sealed.RawData, sealed.Signature) {
		t.Error("the signature does not fit")
	}
	var visible map[string]any
	if err := json.Unmarshal([]byte(sealed.RawData), &visible); err != nil {
		t.Fatal(err)
	}
	payload := open(t, key, sealed)
	if visible["nickName"] != payload.Profile.Nickname || payload.Profile.Nickname != `<b>"晚风" & 'co'</b>` {
		t.Errorf("nickname %q visible, %q sealed", visible["nickName"], payload.Profile.Nickname)
	}
	if strings.Contains(sealed.RawData, `\u003c`) {
		t.Error("rawData is escaped for HTML")
	}
	if data := w.phone.GetPhoneNumber(); data.RawData != "" || data.Signature != "" {
		t.Error("only profiles have rawData")
	}
}

func TestAnonymousProfile(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	w.phone.SetAnonymous(true)
	payload := open(t, key, w.phone.GetUserInfo())
	if payload.Profile.Nickname != app.AnonymousNickname || !payload.Profile.Anonymous() || payload.Profile.City != "" {
		t.Errorf("profile %+v", payload.Profile)
	}
	if payload.OpenID != w.phone.OpenID() {
		t.Error("openId should stay")
	}
	w.phone.SetAnonymous(false)
	if name := open(t, key, w.phone.GetUserProfile()).Profile.Nickname; name != w.phone.Person().Nickname {
		t.Errorf("nickname %q after the anonymous time", name)
	}
}

func TestPhoneNumbers(t *testing.T) {
	w := newWorld(t)
	home := open(t, w.login(t, w.phone).SessionKey, w.phone.GetPhoneNumber()).Phone
	if home.Number != home.PureNumber || home.CountryCode != "86" || len(home.Number) != 11 {
		t.Errorf("home number %+v", home)
	}
	w.phone.SetPerson(sandbox.Person{PhoneNumber: "51234567", CountryCode: "852"})
	abroad := open(t, w.phone.SessionKey(), w.phone.GetPhoneNumber()).Phone
	if abroad != (app.Phone{Number: "85251234567", PureNumber: "51234567", CountryCode: "852"}) {
		t.Errorf("number abroad %+v", abroad)
	}
}

func TestRunDataIs31MidnightsInChina(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	var run struct {
		StepInfoList []struct {
			Timestamp int64
			Step      int
		}
	}
	text := open(t, key, w.phone.GetWeRunData()).Object()
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	if len(run.StepInfoList) != 31 {
		t.Fatalf("%d days", len(run.StepInfoList))
	}
	today := time.Date(2026, 5, 3, 16, 0, 0, 0, time.UTC)
	for i, day := range run.StepInfoList {
		if want := today.AddDate(0, 0, i-30).Unix(); day.Timestamp != want || day.Step <= 0 {
			t.Errorf("day %d is %+v, want timestamp %d", i, day, want)
		}
	}
	if again := open(t, key, w.phone.GetWeRunData()).Object(); string(again) != string(text) {
		t.Error("asked twice, other steps")
	}
}

func TestEveryIVIsAnother(t *testing.T) {
	w := newWorld(t)
	first, second := w.phone.GetUserInfo(), w.phone.GetUserInfo()
	if first.IV == second.IV {
		t.Error("an iv came twice")
	}
}
