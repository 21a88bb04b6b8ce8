package wechat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const watermark = `"watermark":{"timestamp":1477314187,"appid":"wx4f4bc4dec97d474b"}`

func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string cannot fail
	return string(quoted)
}

func TestPayloadOfEveryKind(t *testing.T) {
	sealedAt := &wechat.Watermark{Appid: testAppid, At: time.Unix(1477314187, 0)}
	type told struct {
		Kind      wechat.Kind
		OpenID    app.OpenID
		UnionID   app.UnionID
		Watermark *wechat.Watermark
		Profile   app.Profile
		Phone     app.Phone
		Object    string
	}
	tests := map[string]struct {
		plaintext string
		want      told
	}{
		"profile": {
			`{"openId":"o1","nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong",` +
				`"country":"CN","avatarUrl":"http://x/0","unionId":"u1",` + watermark + `}`,
			told{Kind: wechat.KindProfile, OpenID: "o1", UnionID: "u1", Watermark: sealedAt,
				Profile: app.Profile{Nickname: "Band", Gender: 1, Language: "zh_CN", City: "Guangzhou",
					Province: "Guangdong", Country: "CN", AvatarURL: "http://x/0"},
				Object: `{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong",` +
					`"country":"CN","avatarUrl":"http://x/0","unionId":"u1"}`},
		},
		"profile without openId, with a field nobody knows": {
			`{"nickName":"微信用户","gender":0,"is_demote":true,` + watermark + `}`,
			told{Kind: wechat.KindProfile, Watermark: sealedAt, Profile: app.Profile{Nickname: "微信用户"},
				Object: `{"nickName":"微信用户","gender":0,"is_demote":true}`},
		},
		"phone, country code a number": {
			`{"phoneNumber":"13800000000","purePhoneNumber":"13800000000","countryCode":86,` + watermark + `}`,
			told{Kind: wechat.KindPhone, Watermark: sealedAt,
				Phone:  app.Phone{Number: "13800000000", PureNumber: "13800000000", CountryCode: "86"},
				Object: `{"phoneNumber":"13800000000","purePhoneNumber":"13800000000","countryCode":86}`},
		},
		"run data, numbers and spaces kept": {
			` { "stepInfoList" : [ {"timestamp":1e3 , "step":12345678901234567890.10} ] , ` + watermark + ` } `,
			told{Kind: wechat.KindRun, Watermark: sealedAt,
				Object: `{"stepInfoList":[ {"timestamp":1e3 , "step":12345678901234567890.10} ]}`},
		},
		"share": {`{"openGId":"G",` + watermark + `}`,
			told{Kind: wechat.KindGroup, Watermark: sealedAt, Object: `{"openGId":"G"}`}},
		"group enter": {`{"opengid":"g","chat_type":3,` + watermark + `}`,
			told{Kind: wechat.KindGroup, Watermark: sealedAt, Object: `{"opengid":"g","chat_type":3}`}},
		"both spellings of the group": {`{"opengid":"g","openGId":"G"}`,
			told{Kind: wechat.KindGroup, Object: `{"opengid":"g","openGId":"G"}`}},
		"private message": {`{"activityId":"a",` + watermark + `}`,
			told{Kind: wechat.KindOther, Watermark: sealedAt, Object: `{"activityId":"a"}`}},
		"nothing": {`{}`, told{Kind: wechat.KindOther, Object: `{}`}},
		"first telling field decides": {`{"phoneNumber":"1","nickName":"x"}`,
			told{Kind: wechat.KindPhone, Profile: app.Profile{Nickname: "x"}, Phone: app.Phone{Number: "1"},
				Object: `{"phoneNumber":"1","nickName":"x"}`}},
		"escaped names, brackets in strings": {
			`{"\u006fpenId":"o1","nick\u004eame":"a\"},{[\\","x":{"y":["]}",{}]},"z":[],"w":-1.5e+3}`,
			told{Kind: wechat.KindProfile, OpenID: "o1", Profile: app.Profile{Nickname: `a"},{[\`},
				Object: `{"nick\u004eame":"a\"},{[\\","x":{"y":["]}",{}]},"z":[],"w":-1.5e+3}`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			payload, err := openText(t, test.plaintext)
			if err != nil {
				t.Fatal(err)
			}
			got := told{payload.Kind, payload.OpenID, payload.UnionID, payload.Watermark, payload.Profile, payload.Phone,
				string(payload.Object())}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNicknamesComeBackExactly(t *testing.T) {
	for _, nickname := range []string{"", "小明🎉👨‍👩‍👧‍👦🇨🇳👍🏽", "a\x00b", "\u2028\u202e", `"\/`, "𠮷野家", "\ufeff", "=1+1", "\x7f\x1f\t\r\n"} {
		for _, written := range []string{quote(nickname), escapeAll(nickname)} {
			payload, err := openText(t, `{"nickName":`+written+`}`)
			if err != nil || payload.Profile.Nickname != nickname {
				t.Errorf("%s came back as %q, %v", written, payload.Profile.Nickname, err)
			}
		}
	}
}

func TestHalfASurrogateBecomesTheReplacementLetter(t *testing.T) {
	payload, err := openText(t, `{"nickName":"a\ud83cb","openGId":"\udf89"}`)
	if err != nil || payload.Profile.Nickname != "a\ufffdb" {
		t.Errorf("%q, %v", payload.Profile.Nickname, err)
	}
	if got := string(payload.Object()); got != `{"nickName":"a\ud83cb","openGId":"\udf89"}` {
		t.Errorf("object %s", got)
	}
}

// escapeAll writes every UTF-16 unit as \uXXXX.
func escapeAll(text string) string {
	var quoted strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&quoted, `\u%04x`, unit)
	}
	return `"` + quoted.String() + `"`
}

func TestBadJSON(t *testing.T) {
	for name, plaintext := range map[string]string{
		"nothing":                  ``,
		"spaces":                   `  `,
		"array":                    `[{"openId":"o1"}]`,
		"string":                   `"{}"`,
		"null":                     `null`,
		"half":                     `{"openId":"o1"`,
		"two objects":              `{}{}`,
		"trailing text":            `{} x`,
		"NUL behind":               "{}\x00",
		"byte order mark":          "\ufeff{}",
		"not UTF-8":                "{\"nickName\":\"\xff\"}",
		"half a letter":            "{\"nickName\":\"\xe5\xb0\"}",
		"surrogate as bytes":       "{\"nickName\":\"\xed\xa0\x80\"}",
		"deep":                     strings.Repeat(`{"a":`, 20000) + `1` + strings.Repeat(`}`, 20000),
		"openId twice":             `{"openId":"o1","openId":"o1"}`,
		"openId in two cases":      `{"openId":"o1","OPENID":"o2"}`,
		"openId in the other case": `{"openid":"o2","openId":"o1"}`,
		"openId once escaped":      `{"openId":"o1","\u006fpenId":"o2"}`,
		"openId null":              `{"openId":null}`,
		"openId empty":             `{"openId":""}`,
		"openId a number":          `{"openId":7}`,
		"openId an object":         `{"openId":{"openId":"o1"}}`,
		"watermark twice":          `{` + watermark + `,` + watermark + `}`,
		"watermark in two cases":   `{` + watermark + `,"Watermark":1}`,
		"nickName an object":       `{"nickName":{"a":1}}`,
		"nickName true":            `{"nickName":true}`,
		"city a list":              `{"nickName":"x","city":[]}`,
		"gender an object":         `{"gender":{}}`,
		"gender true":              `{"gender":true}`,
		"countryCode a list":       `{"phoneNumber":"1","countryCode":[86]}`,
		"unionId false":            `{"unionId":false}`,
	} {
		t.Run(name, func(t *testing.T) {
			if payload, err := openText(t, plaintext); !errors.Is(err, wechat.BadJSON) {
				t.Errorf("opened as %+v, %v", payload, err)
			}
		})
	}
}

func TestGenders(t *testing.T) {
	for written, want := range map[string]int{
		`0`: 0, `1`: 1, `2`: 2, `"1"`: 1, `"2"`: 2, `1.0`: 1, `2e0`: 2,
		`null`: 0, `""`: 0, `3`: 0, `-1`: 0, `1.5`: 0, `1e999`: 0, `"male"`: 0, `99999999999999999999`: 0,
	} {
		payload, err := openText(t, `{"nickName":"x","gender":`+written+`}`)
		if err != nil || payload.Profile.Gender != want {
			t.Errorf("%s: %d, %v, want %d", written, payload.Profile.Gender, err, want)
		}
	}
}

func TestWatermarkThatTellsNothingIsMissing(t *testing.T) {
	for _, written := range []string{
		`null`, `1`, `"x"`, `[]`, `{}`, `{"timestamp":1}`, `{"appid":"wx4f4bc4dec97d474b"}`, `{"appid":"","timestamp":1}`,
		`{"appid":{},"timestamp":1}`, `{"appid":"wx4f4bc4dec97d474b","timestamp":-5}`,
		`{"appid":"wx4f4bc4dec97d474b","timestamp":0}`, `{"appid":"wx4f4bc4dec97d474b","timestamp":1.5}`,
		`{"appid":"wx4f4bc4dec97d474b","timestamp":1477314187000}`, `{"appid":"wx4f4bc4dec97d474b","timestamp":1e400}`,
		`{"appid":"wx4f4bc4dec97d474b","timestamp":99999999999999999999}`, `{"appid":"wx4f4bc4dec97d474b","timestamp":[1]}`,
	} {
		payload, err := openText(t, `{"nickName":"x","watermark":`+written+`}`)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if err := checkBoth(payload, testAppid, "o1"); !errors.Is(err, wechat.MissingWatermark) {
			t.Errorf("%s: %v", written, err)
		}
	}
}

func TestCheckGoesInOrder(t *testing.T) {
	for name, test := range map[string]struct {
		plaintext string
		appid     app.Appid
		want      error
	}{
		"good":                     {`{"openId":"o1",` + watermark + `}`, testAppid, nil},
		"good without openId":      {`{` + watermark + `}`, testAppid, nil},
		"no watermark, other user": {`{"openId":"o2"}`, testAppid, wechat.MissingWatermark},
		"other appid, other user":  {`{"openId":"o2",` + watermark + `}`, "wx0", wechat.AppidMismatch},
		"other user":               {`{"openId":"o2",` + watermark + `}`, testAppid, wechat.OpenIDMismatch},
		"other user, other case":   {`{"OPENID":"o2",` + watermark + `}`, testAppid, wechat.OpenIDMismatch},
		"our user, other case":     {`{"openId":"O1",` + watermark + `}`, testAppid, wechat.OpenIDMismatch},
	} {
		payload, err := openText(t, test.plaintext)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := checkBoth(payload, test.appid, "o1"); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestObjectHidesEverySpelling(t *testing.T) {
	payload, err := openText(t, `{"a":1,"OpenID":"o1","WATERMARK":{},"b":2}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(payload.Object()); got != `{"a":1,"b":2}` {
		t.Errorf("object %s", got)
	}
	if got := string(wechat.Payload{}.Object()); got != `{}` {
		t.Errorf("object of nothing %s", got)
	}
}

// checkBoth makes both checks in the order of the vector file.
func checkBoth(payload wechat.Payload, appid app.Appid, openid app.OpenID) error {
	if err := payload.CheckWatermark(appid); err != nil {
		return err
	}
	return payload.CheckOpenID(openid)
}
