package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
)

func TestQuestionsAreRead(t *testing.T) {
	const openid = "oABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	atTwo := Window{on(21, 14, 0), on(21, 15, 0)}
	for text, want := range map[string]asked{
		"583204917":                {readings: []reading{{ByUserNumber, "583204917"}, {ByPhone, "583204917"}, {ByOpenID, "583204917"}, {ByUnionID, "583204917"}, {ByNickname, "583204917"}}},
		"用户编号 583 204 917":         {readings: []reading{{ByUserNumber, "583204917"}}},
		"User number: 583-204-917": {readings: []reading{{ByUserNumber, "583204917"}}},
		"账号已停用，请联系客服（用户编号 583204917）": {readings: []reading{{ByUserNumber, "583204917"}}},
		"反馈码：abcd-2345":           {readings: []reading{{BySupportCode, "ABCD2345"}}},
		"反馈码 ABCD 2345":           {readings: []reading{{BySupportCode, "ABCD2345"}}},
		"出错了，请稍后再试（反馈码 ABCD2345）": {readings: []reading{{BySupportCode, "ABCD2345"}}},
		`{"status":4,"code":4,"msg":"登录凭证code无效","request_id":"ABCD2345"}`: {readings: []reading{{BySupportCode, "ABCD2345"}}},
		" abcd 2345 ":       {readings: []reading{{BySupportCode, "ABCD2345"}, {ByNickname, "abcd 2345"}}},
		"ＡＢＣＤ２３４５":          {readings: []reading{{BySupportCode, "ABCD2345"}, {ByOpenID, "ABCD2345"}, {ByUnionID, "ABCD2345"}, {ByNickname, "ABCD2345"}}},
		openid:              {readings: []reading{{ByOpenID, openid}, {ByUnionID, openid}, {ByNickname, openid}}},
		"openid: " + openid: {readings: []reading{{ByOpenID, openid}}},
		"unionid=" + openid: {readings: []reading{{ByUnionID, openid}}},
		"13800000001":       {readings: []reading{{ByPhone, "13800000001"}, {ByOpenID, "13800000001"}, {ByUnionID, "13800000001"}, {ByNickname, "13800000001"}}},
		"+86 138-0000-0001": {readings: []reading{{ByPhone, "+8613800000001"}, {ByNickname, "+86 138-0000-0001"}}},
		"手机号 138 0000 0001": {readings: []reading{{ByPhone, "13800000001"}}},
		"0001":              {readings: []reading{{ByPhoneTail, "0001"}, {ByOpenID, "0001"}, {ByUnionID, "0001"}, {ByNickname, "0001"}}},
		"尾号0001":            {readings: []reading{{ByPhoneTail, "0001"}}},
		"phone tail 0001":   {readings: []reading{{ByPhoneTail, "0001"}}},
		"66f1c0a2-1b2c3d4e-5f6a7b8c": {readings: []reading{{ByRid, "66f1c0a2-1b2c3d4e-5f6a7b8c"},
			{ByOpenID, "66f1c0a2-1b2c3d4e-5f6a7b8c"}, {ByUnionID, "66f1c0a2-1b2c3d4e-5f6a7b8c"},
			{ByNickname, "66f1c0a2-1b2c3d4e-5f6a7b8c"}}},
		"rid: 66F1C0A2-1B2C3D4E-5F6A7B8C": {readings: []reading{{ByRid, "66f1c0a2-1b2c3d4e-5f6a7b8c"}}},
		`{"errcode":40029,"errmsg":"invalid code, rid: 66f1c0a2-1b2c3d4e-5f6a7b8c"}`: {
			readings: []reading{{ByRid, "66f1c0a2-1b2c3d4e-5f6a7b8c"}}},
		"req_id: JjI2s9.x!": {readings: []reading{{ByRid, "JjI2s9.x!"}}},
		"小明":                {readings: []reading{{ByNickname, "小明"}}},
		"小 明，明":             {readings: []reading{{ByNickname, "小 明,明"}}},
		"hybrid: x":         {readings: []reading{{ByNickname, "hybrid: x"}}},
		"phone king":        {readings: []reading{{ByNickname, "phone king"}}},

		"583204917 昨天 14:00-15:00":                             {window: atTwo, readings: []reading{{ByUserNumber, "583204917"}, {ByPhone, "583204917"}, {ByOpenID, "583204917"}, {ByUnionID, "583204917"}, {ByNickname, "583204917"}}},
		"昨天 14:00-15:00，小明":                                    {window: atTwo, readings: []reading{{ByNickname, "小明"}}},
		"小明 14:00 - 15:00 v=142":                               {window: atTwo, version: "142", readings: []reading{{ByNickname, "小明"}}},
		"14:00-15:00 v=142":                                    {window: atTwo, version: "142", readings: []reading{{by: ByTime}}},
		"版本 142，14:00 到 15:00":                                 {window: atTwo, version: "142", readings: []reading{{by: ByTime}}},
		"14:00-15:00 version devtools":                         {window: atTwo, version: "devtools", readings: []reading{{by: ByTime}}},
		"14:00-15:00 203.0.113.9":                              {window: atTwo, address: "203.0.113.9", readings: []reading{{by: ByTime}}},
		"ip=203.0.113.9 14:00-15:00":                           {window: atTwo, address: "203.0.113.9", readings: []reading{{by: ByTime}}},
		"地址 2001:DB8::1 14:00-15:00":                           {window: atTwo, address: "2001:db8::1", readings: []reading{{by: ByTime}}},
		"v=142":                                                {version: "142", readings: []reading{{by: ByTime}}},
		"手机号按钮没反应":                                             {phone: true, readings: []reading{{by: ByTime}}},
		"昨天 14:00-15:00 获取手机号失败":                               {window: atTwo, phone: true, readings: []reading{{by: ByTime}}},
		"尾号 0001，手机号按钮用不了":                                     {phone: true, readings: []reading{{ByPhoneTail, "0001"}}},
		"the phone button does not work yesterday 14:00-15:00": {window: atTwo, phone: true, readings: []reading{{by: ByTime}}},
		"203.0.113.9":                                          {address: "203.0.113.9", readings: []reading{{by: ByTime}}},
		"尾号 0001 14:00-15:00":                                  {window: atTwo, readings: []reading{{ByPhoneTail, "0001"}}},
	} {
		got, err := Question{Text: text, Zone: shanghai}.read(noon)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(asked{}, reading{})); diff != "" {
			t.Errorf("%q: -want +got\n%s", text, diff)
		}
	}
}

func TestFieldsCountMoreThanText(t *testing.T) {
	q := Question{
		Text: "小明 今天 v=1 192.0.2.1", From: on(21, 14, 0), To: on(21, 15, 0), Version: "142", Address: "2001:db8:0::1", Zone: shanghai,
	}
	got, err := q.read(noon)
	want := asked{Window{on(21, 14, 0), on(21, 15, 0)}, "142", "2001:db8::1", false, []reading{{ByNickname, "小明"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(asked{}, reading{})); err != nil || diff != "" {
		t.Errorf("%v: -want +got\n%s", err, diff)
	}
	q = Question{From: on(22, 11, 0)}
	if got, err = q.read(noon); err != nil || got.window != (Window{on(22, 11, 0), noon}) {
		t.Errorf("a window without an end is %v, %v", got.window, err)
	}
}

func TestQuestionsThatCannotBeAnswered(t *testing.T) {
	for field, q := range map[string]Question{
		"nothing":     {},
		"spaces":      {Text: " \t\n　"},
		"too long":    {Text: strings.Repeat("x", longestQuestion+1)},
		"not UTF-8":   {Text: "\xff"},
		"future":      {From: noon.Add(time.Minute)},
		"said future": {Text: "小明 2026-11-23 14:00", Zone: shanghai},
		"empty time":  {From: on(21, 14, 0), To: on(21, 14, 0)},
		"end alone":   {To: on(21, 14, 0)},
		"version":     {Version: "1'; --"},
		"address":     {Address: "example.com"},
	} {
		if _, err := q.read(noon); app.KindOf(err) != app.Malformed && app.KindOf(err) != app.MissingParameter {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func FuzzQuestion(f *testing.F) {
	for _, seed := range []string{
		"583204917 昨天 14:00-15:00", "ABCD-2345", "rid: 66f1c0a2-1b2c3d4e-5f6a7b8c", "+86 138 0000 0001", "v=142 203.0.113.9",
		"十点半", "9-10点 ::1", "2026-02-30 24:00", "since last night", "反馈码", "\x00", "，，，", "ıſ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Question{Text: text, Zone: shanghai}.read(noon)
		if err != nil {
			if kind := app.KindOf(err); kind != app.Malformed && kind != app.MissingParameter {
				t.Fatal(err)
			}
			return
		}
		if len(got.readings) == 0 {
			t.Fatal("means nothing")
		}
		if w := got.window; !w.Empty() && (!w.From.Before(w.To) || w.To.After(noon)) {
			t.Fatalf("window is %v to %v", w.From, w.To)
		}
		for _, one := range got.readings {
			if len(one.text) > 3*longestQuestion {
				t.Fatalf("%q is too long", one.text)
			}
		}
	})
}
