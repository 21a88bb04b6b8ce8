package app_test

import (
	"strings"
	"testing"

	"wxkeeper/app"
)

func TestCleanWords(t *testing.T) {
	for text, want := range map[string]string{
		"小明":                              "小明",
		"  小 明\n":                         "小 明",
		"a\x00b\x1bc\u0085d":              "abc d",
		"\u202eevil\u2066":                "evil",
		"a\u200bb\ufeff\u2060":            "ab",
		"👨‍👩‍👧":                           "👨‍👩‍👧",
		"🏴\U000e0067\U000e0062\U000e007f": "🏴\U000e0067\U000e0062\U000e007f",
		"می\u200cخواهم":                   "می\u200cخواهم",
		`<b>"x"</b>`:                      `<b>"x"</b>`, // whoever shows it escapes it
		strings.Repeat("明", 64):           strings.Repeat("明", 64),
		strings.Repeat("明", 65):           "",
		"\u200b\u200d":                    "",
		"\u3164\u3164":                    "",
		" \t\n":                           "",
		"\u0301":                          "",
		"\ufffd":                          "",
	} {
		got, err := app.CleanWords("nickName", text)
		if got != want || (err != nil) != (want == "") || err != nil && app.KindOf(err) != app.Malformed {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestAvatarURLs(t *testing.T) {
	for address, want := range map[string]app.Reason{
		"https://thirdwx.qlogo.cn/mmopen/vi_32/x/132":       "",
		"http://wx.qlogo.cn/x/0":                            "",
		"https://keeper.example.com:8443/avatar/x":          "",
		"https://203.0.113.5/x.png":                         "",
		"wxfile://tmp_abc.jpg":                              app.ProfileAvatarLocal,
		"wxfile://usr/abc.jpg":                              app.ProfileAvatarLocal,
		"http://tmp/abc.jpeg":                               app.ProfileAvatarLocal,
		"HTTP://TMP/abc.jpeg":                               app.ProfileAvatarLocal,
		"http://usr/abc.jpeg":                               app.ProfileAvatarLocal,
		"http://127.0.0.1:41234/__tmp__/abc.jpeg":           app.ProfileAvatarLocal,
		"http://localhost:41234/__store__/abc.jpeg":         app.ProfileAvatarLocal,
		"http://[::1]:9/__tmp__/x":                          app.ProfileAvatarLocal,
		"http://127.0.0.1:8000/avatar/x":                    "",
		"blob:https://x.example/1":                          app.ProfileAvatarLocal,
		"data:image/png;base64,AAAA":                        app.ProfileAvatarLocal,
		"javascript:alert(1)":                               app.ProfileRefused,
		"//host.example/x":                                  app.ProfileRefused,
		"/avatar/x":                                         app.ProfileRefused,
		"cloud://env.abc/x.png":                             app.ProfileRefused,
		"https://a:b@host.example/x":                        app.ProfileRefused,
		"https://host.example/ x":                           app.ProfileRefused,
		"https://host.example/\x00":                         app.ProfileRefused,
		"https://":                                          app.ProfileRefused,
		"https://host.example/" + strings.Repeat("x", 1024): app.ProfileRefused,
	} {
		if err := app.CheckAvatarURL(address); app.ReasonOf(err) != want || (err != nil) != (want != "") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func FuzzCleanWords(f *testing.F) {
	f.Add("小明\u200d\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		clean, err := app.CleanWords("nickName", text)
		if err != nil {
			return
		}
		if again, err := app.CleanWords("nickName", clean); err != nil || again != clean {
			t.Errorf("%q is cleaned to %q, and that to %q, %v", text, clean, again, err)
		}
	})
}
