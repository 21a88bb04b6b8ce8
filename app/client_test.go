package app_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
)

func TestReadClientReferer(t *testing.T) {
	tests := []struct {
		name, referer string
		appid         app.Appid
		version       string
	}{
		{"release", "https://servicewechat.com/wx0123456789abcdef/23/page-frame.html", "wx0123456789abcdef", "23"},
		{"development or trial", "https://servicewechat.com/wx0123456789abcdef/0/page-frame.html", "wx0123456789abcdef", "0"},
		{"developer tools", "https://servicewechat.com/wx0123456789abcdef/devtools/page-frame.html", "wx0123456789abcdef", "devtools"},
		{"without an AppID", "https://servicewechat.com/touristappid/devtools/page-frame.html", "touristappid", "devtools"},
		{"odd version", "https://servicewechat.com/wx0123456789abcdef/1.2/page-frame.html", "wx0123456789abcdef", ""},
		{"endless version", "https://servicewechat.com/wx0123456789abcdef/" + strings.Repeat("9", 17) + "/", "wx0123456789abcdef", ""},
		{"no version", "https://servicewechat.com/wx0123456789abcdef", "wx0123456789abcdef", ""},
		{"digits on both sides only", "https://servicewechat.com/wx0123456789abcdef/1<2/page-frame.html", "wx0123456789abcdef", ""},
		{"odd appid", "https://servicewechat.com/wx<script>/23/page-frame.html", "", ""},
		{"markup between letters", "https://servicewechat.com/wx\x00\nx/23/page-frame.html", "", ""},
		{"endless appid", "https://servicewechat.com/" + strings.Repeat("a", 33) + "/23/page-frame.html", "", ""},
		{"no appid", "https://servicewechat.com//23/page-frame.html", "", ""},
		{"other host", "https://servicewechat.com.example/wx0123456789abcdef/23/page-frame.html", "", ""},
		{"other scheme", "http://servicewechat.com/wx0123456789abcdef/23/page-frame.html", "", ""},
		{"none", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := app.ReadClient(test.referer, "", "")
			want := app.Client{Appid: test.appid, Version: test.version}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadClientUserAgent(t *testing.T) {
	tests := []struct {
		name, userAgent string
		want            app.Client
	}{
		{
			"iPhone",
			"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.44(0x18002c2f) NetType/WIFI Language/zh_CN",
			app.Client{Platform: app.PlatformIOS, Model: "iPhone", WeChatVersion: "8.0.44"},
		},
		{
			"iPad",
			"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2e) NetType/WIFI Language/zh_CN",
			app.Client{Platform: app.PlatformIOS, Model: "iPad", WeChatVersion: "8.0.42"},
		},
		{
			"Android",
			"Mozilla/5.0 (Linux; Android 13; 2211133C Build/TKQ1.220905.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160065 MMWEBSDK/20231002 MicroMessenger/8.0.43.2480(0x28002B35) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64 MiniProgramEnv/android",
			app.Client{Platform: app.PlatformAndroid, Model: "2211133C", WeChatVersion: "8.0.43.2480"},
		},
		{
			"Android, model of several words",
			"Mozilla/5.0 (Linux; U; Android 9; zh-cn; Redmi Note 8 Pro Build/PPR1.180610.011) AppleWebKit/537.36 MicroMessenger/7.0.9.1560(0x27000935)",
			app.Client{Platform: app.PlatformAndroid, Model: "Redmi Note 8 Pro", WeChatVersion: "7.0.9.1560"},
		},
		{
			"Android without a build",
			"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 MicroMessenger/8.0.50",
			app.Client{Platform: app.PlatformAndroid, WeChatVersion: "8.0.50"},
		},
		{
			"HarmonyOS on Android",
			"Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00 Build/HUAWEINOH-AN00; wv) AppleWebKit/537.36 MicroMessenger/8.0.47.2560(0x28002F50)",
			app.Client{Platform: app.PlatformHarmony, Model: "NOH-AN00", WeChatVersion: "8.0.47.2560"},
		},
		{
			"HarmonyOS NEXT",
			"Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile MicroMessenger/1.0.4(0xf3000400) MiniProgramEnv/ohos",
			app.Client{Platform: app.PlatformHarmony, WeChatVersion: "1.0.4"},
		},
		{
			"Windows",
			"Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/107.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF XWEB/8447",
			app.Client{Platform: app.PlatformWindows, WeChatVersion: "7.0.20.1781"},
		},
		{
			"Mac",
			"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) MicroMessenger/6.8.0(0x16080000) NetType/WIFI MiniProgramEnv/Mac MacWechat/WMPF XWEB/30515",
			app.Client{Platform: app.PlatformMac, WeChatVersion: "6.8.0"},
		},
		{
			"developer tools, posing as an iPhone",
			"Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15A372 wechatdevtools/1.06.2307260 MicroMessenger/8.0.5 Language/zh_CN webview/",
			app.Client{Platform: app.PlatformDevtools, Model: "iPhone", WeChatVersion: "8.0.5"},
		},
		{"a script", "curl/8.5.0", app.Client{}},
		{"none", "", app.Client{}},
		{
			"odd bytes in the model",
			"Mozilla/5.0 (Linux; Android 13; A\x00\r\n\xff\u202eB 华为 Build/1) MicroMessenger/8.0.1\n",
			app.Client{Platform: app.PlatformAndroid, Model: "AB 华为", WeChatVersion: "8.0.1"},
		},
		{
			"endless model, cut between letters",
			"(Android; " + strings.Repeat("华", 1000) + " Build/1)",
			app.Client{Platform: app.PlatformAndroid, Model: strings.Repeat("华", 21)},
		},
		{
			"endless version",
			"MicroMessenger/" + strings.Repeat("8.", 1000),
			app.Client{WeChatVersion: "8.8.8.8.8.8.8.8."},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, app.ReadClient("", test.userAgent, "")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadClientAddress(t *testing.T) {
	if got := app.ReadClient("", "", "2001:db8::1\r\n").Address; got != "2001:db8::1" {
		t.Errorf("address = %q", got)
	}
}

func FuzzReadClient(f *testing.F) {
	f.Add("https://servicewechat.com/wx0123456789abcdef/23/page-frame.html", "Mozilla/5.0 (Linux; Android 13; A B Build/1) MicroMessenger/8.0.1", "203.0.113.7")
	f.Add("https://servicewechat.com/", "( Build/", "\xff")
	f.Fuzz(func(t *testing.T, referer, userAgent, address string) {
		client := app.ReadClient(referer, userAgent, address)
		for _, text := range []string{string(client.Appid), client.Version, string(client.Platform), client.Model, client.WeChatVersion, client.Address} {
			if len(text) > 64 || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q is not bounded, printable text", text)
			}
		}
	})
}
