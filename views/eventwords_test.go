package views

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

func TestEveryReasonHasWords(t *testing.T) {
	for _, language := range Languages() {
		text := Text{language}
		for _, reason := range app.Reasons() {
			if text.words("event."+string(reason)) == "" {
				t.Errorf("%s: no words for %s", language, reason)
			}
			failed := reason.Outcome() == app.LoginFailed || reason.Outcome() == app.OpenFailed
			if failed && text.ReasonHelp(app.Event{Reason: reason}) == "" {
				t.Errorf("%s: nobody is told what to do about %s", language, reason)
			}
		}
		if got := text.Reason("open.of_a_later_release"); got != "open.of_a_later_release" {
			t.Errorf("%s: an unknown reason reads %q", language, got)
		}
	}
}

func TestEveryErrcodeHasWords(t *testing.T) {
	source, err := os.ReadFile("../app/wechat/errcode.go")
	if err != nil {
		t.Fatal(err)
	}
	known := numbersOf(t, string(source))
	if len(known) < 30 {
		t.Fatalf("found only %d errcodes", len(known))
	}
	for _, language := range Languages() {
		text := Text{language}
		for _, code := range known {
			if strings.Contains(text.Errcode(code), text.T("errcode.other", "errcode", "")) {
				t.Errorf("%s: no words for errcode %d (%s)", language, code, wechat.Explain(code))
			}
			if help := text.ErrcodeHelp(code); help == "" || help == text.T("errcode.other.do") {
				t.Errorf("%s: nobody is told what to do about errcode %d", language, code)
			}
		}
		if got := text.Errcode(12345); !strings.Contains(got, "12345") || text.ErrcodeHelp(12345) == "" {
			t.Errorf("%s: unknown errcode reads %q", language, got)
		}
	}
}

// numbersOf reads the numbers of the constants.
func numbersOf(t *testing.T, source string) []int {
	t.Helper()
	var numbers []int
	for line := range strings.Lines(source) {
		name, number, found := strings.Cut(line, "=")
		if !found || !strings.HasPrefix(strings.TrimSpace(name), "Errcode") {
			continue
		}
		var code int
		if err := json.Unmarshal([]byte(strings.TrimSpace(number)), &code); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, code)
	}
	return numbers
}

func TestEveryProblemHasWords(t *testing.T) {
	problems := []string{
		string(wechat.ProblemErrcode), string(wechat.ProblemTimeout), string(wechat.ProblemCancelled), string(wechat.ProblemDNS),
		string(wechat.ProblemRefused), string(wechat.ProblemTLS), string(wechat.ProblemReset), string(wechat.ProblemUnreachable),
		string(wechat.ProblemStatus), string(wechat.ProblemRedirect), string(wechat.ProblemNotHTTP), string(wechat.ProblemEmpty),
		string(wechat.ProblemTooLarge), string(wechat.ProblemNotJSON), string(wechat.ProblemMissingField), string(wechat.ProblemBadField),
		string(wechat.ProblemWaitingFull), string(wechat.ProblemBreakerOpen), "stored_key_damaged",
		string(wechat.BadSessionKey), string(wechat.BadIV), string(wechat.BadBase64), string(wechat.BadCiphertextLength),
		string(wechat.BadPadding), string(wechat.BadJSON), string(wechat.MissingWatermark), string(wechat.AppidMismatch), string(wechat.OpenIDMismatch),
		string(wechat.PushBadEnvelope), string(wechat.PushNotEncrypted), string(wechat.PushEncrypted), string(wechat.PushBadSignature),
		string(wechat.PushStale), string(wechat.PushBadEcho), string(wechat.PushBadLength), string(wechat.PushBadMessage),
	}
	for _, language := range Languages() {
		for _, problem := range problems {
			if got := (Text{language}).Problem(problem); got == problem {
				t.Errorf("%s: no words for problem %s", language, problem)
			}
		}
	}
	if got := (Text{}).Problem("something odd"); got != "something odd" {
		t.Errorf("a text that is no id reads %q", got)
	}
}

func TestEventTextSaysWhatTheEventTells(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	id := app.EventID(app.FirstID(now))
	tests := []struct {
		event   app.Event
		zh, en  string
		without string // what the same event reads without its detail, in English
	}{
		{app.Event{Reason: app.LoginAppidMismatch, Detail: app.Detail{OtherAppid: "wxAAAA", OurAppid: "wxBBBB"}},
			"请求来自小程序 wxAAAA，服务端配置的是 wxBBBB", "Request came from wxAAAA, the server holds wxBBBB", "Request came from another mini program"},
		{app.Event{Reason: app.LoginWeChatBusy, Errcode: -1, Detail: app.Detail{Tries: 3}},
			"微信系统繁忙，已尝试 3 次", "WeChat is busy, tried 3 times", "WeChat is busy"},
		{app.Event{Reason: app.LoginWeChatUnreachable, Detail: app.Detail{Problem: "dns"}},
			"连不上微信接口（域名解析失败）", "WeChat cannot be reached (DNS failed)", "WeChat cannot be reached"},
		{app.Event{Reason: app.LoginConfig, Errcode: 40164, Detail: app.Detail{Address: "203.0.113.5"}},
			"服务端配置被微信拒绝（40164 服务器 IP 不在白名单：203.0.113.5）", "WeChat refuses our configuration (40164 Server address not allowed: 203.0.113.5)",
			"WeChat refuses our configuration"},
		{app.Event{Reason: app.LoginWeChatOdd, Errcode: 99999}, "微信返回了无法识别的内容（微信错误 99999）",
			"WeChat answered something unreadable (WeChat error 99999)", "WeChat answered something unreadable"},
		{app.Event{Reason: app.OpenOKPrevious, Detail: app.Detail{Key: 1}}, "解密成功（用上一把密钥救回）", "Opened with the previous key", ""},
		{app.Event{Reason: app.OpenOKPrevious, Detail: app.Detail{Key: 2}}, "解密成功（用再上一把密钥救回）",
			"Opened with the key before the previous one", "Opened with the previous key"},
		{app.Event{ID: id, Reason: app.OpenOtherKey, Detail: app.Detail{KeyObtainedAt: now.Add(-2 * time.Minute)}},
			"解不开：当前密钥有效，数据由本服务没有的密钥加密，或传输中损坏；密钥 2 分钟前更换过",
			"Not opened: our key is good; sealed under a key not held here, or damaged; the key changed 2 minutes before",
			"Not opened: our key is good; sealed under a key not held here, or damaged"},
		{app.Event{ID: id, Reason: app.OpenOtherKey, Detail: app.Detail{KeyObtainedAt: now.Add(-2 * time.Hour)}},
			"解不开：当前密钥有效，数据由本服务没有的密钥加密，或传输中损坏", "Not opened: our key is good; sealed under a key not held here, or damaged", ""},
		{app.Event{Reason: app.OpenOtherAppid, Detail: app.Detail{OtherAppid: "wxAAAA"}},
			"数据属于另一个小程序 wxAAAA", "Sealed for another mini program, wxAAAA", "Sealed for another mini program"},
		{app.Event{Reason: app.OpenTooOld, Detail: app.Detail{SealedAt: now.Add(-48 * time.Hour)}},
			"数据产生于 2026-11-20 20:00，超过允许时长", "Sealed 2026-11-20 20:00, older than allowed", "Sealed longer ago than allowed"},
		{app.Event{Reason: app.OpenMalformed, Detail: app.Detail{Field: "iv", Problem: "bad_iv"}}, "iv 格式不对", "iv is malformed", "Data is malformed"},
		{app.Event{Reason: app.KeyCheckFailed, Detail: app.Detail{Problem: "timeout"}},
			"未能核对：超时", "Could not be checked: no answer in time", "Could not be checked"},
		{app.Event{Reason: app.KeyResetRefused, Errcode: 45011}, "微信拒绝重置（45011 调用过于频繁（每分钟））",
			"WeChat refused the reset (45011 Quota of the minute used up)", "WeChat refused the reset"},
		{app.Event{Reason: app.ConsentRevoked, Detail: app.Detail{Kind: "phone", Problem: "8"}},
			"用户撤回授权：手机号，已删除", "Consent withdrawn: phone number, deleted", "Consent withdrawn"},
		{app.Event{Reason: app.ConsentRevoked, Detail: app.Detail{Problem: "12"}},
			"用户撤回授权：运动步数，这里没有保存", "Consent withdrawn: steps walked, never stored here", "Consent withdrawn"},
		{app.Event{Reason: app.ConsentUnknown, Detail: app.Detail{Problem: "99"}},
			"未知的撤回类型 99，需要人工处理", "Unknown kind of withdrawal 99, needs a person", "Unknown kind of withdrawal, needs a person"},
	}
	for _, test := range tests {
		zh, en := Frame{Now: now, Text: Text{Chinese}}, Frame{Now: now, Text: Text{English}}
		if got := zh.EventText(test.event); got != test.zh {
			t.Errorf("%s reads %q, want %q", test.event.Reason, got, test.zh)
		}
		if got := en.EventText(test.event); got != test.en {
			t.Errorf("%s reads %q, want %q", test.event.Reason, got, test.en)
		}
		if got := en.EventText(app.Event{Reason: test.event.Reason}); test.without != "" && got != test.without {
			t.Errorf("%s without detail reads %q, want %q", test.event.Reason, got, test.without)
		}
	}
}

func TestHelpForTheConfigurationIsThatOfTheErrcode(t *testing.T) {
	text := Text{English}
	refused := text.ReasonHelp(app.Event{Reason: app.LoginConfig, Errcode: 40125})
	if refused != text.ErrcodeHelp(40125) {
		t.Errorf("got %q", refused)
	}
	if text.ReasonHelp(app.Event{Reason: app.LoginConfig}) == "" {
		t.Error("no help without an errcode")
	}
}

func TestClients(t *testing.T) {
	text := Text{Chinese}
	for version, want := range map[string]string{"": "未知版本", "unknown": "未知版本", "0": "开发版或体验版", "devtools": "开发者工具", "57": "正式版 57"} {
		if got := text.ClientVersion(version); got != want {
			t.Errorf("version %q reads %q, want %q", version, got, want)
		}
	}
	for platform, want := range map[app.Platform]string{"": "未知设备", app.Unknown: "未知设备", app.PlatformHarmony: "鸿蒙", "toaster": "toaster"} {
		if got := text.Platform(platform); got != want {
			t.Errorf("platform %q reads %q, want %q", platform, got, want)
		}
	}
	if got := text.Device(app.Client{Platform: app.PlatformAndroid, Model: "M2012K11AC"}); got != "Android · M2012K11AC" {
		t.Errorf("device reads %q", got)
	}
}
