package views

import "testing"

func TestBrowser(t *testing.T) {
	const webkit = " AppleWebKit/537.36 (KHTML, like Gecko) "
	for _, c := range []struct{ userAgent, chinese, english string }{
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)" + webkit + "Chrome/142.0.0.0 Safari/537.36", "macOS 上的 Chrome", "Chrome on macOS"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + webkit + "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Windows 上的 Edge", "Edge on Windows"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Windows 上的 Firefox", "Firefox on Windows"},
		{"Mozilla/5.0 (X11; Linux x86_64)" + webkit + "HeadlessChrome/142.0.0.0 Safari/537.36", "Linux 上的 Chrome", "Chrome on Linux"},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" + webkit + "Chrome/142.0.0.0 Safari/537.36", "ChromeOS 上的 Chrome", "Chrome on ChromeOS"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1", "iOS 上的 Safari", "Safari on iOS"},
		{"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1", "iPadOS 上的 Chrome", "Chrome on iPadOS"},
		{"Mozilla/5.0 (Linux; Android 15; V2366A)" + webkit + "Chrome/130.0 Mobile Safari/537.36 MicroMessenger/8.0.60", "Android 上的微信", "WeChat on Android"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + webkit + "Chrome/130.0 Safari/537.36 wxwork/4.1 MicroMessenger/7.0.1", "Windows 上的企业微信", "WeCom on Windows"},
		{"Mozilla/5.0 (Phone; OpenHarmony 5.0)" + webkit + "Chrome/132.0 Safari/537.36 ArkWeb/5.0 Mobile", "HarmonyOS 上的华为浏览器", "Huawei Browser on HarmonyOS"},
		{"curl/8.9.1", "curl", "curl"},
		{"Something (Windows)", "Windows 上的未知浏览器", "Unknown browser on Windows"},
		{"", "未知浏览器", "Unknown browser"},
	} {
		for language, want := range map[Language]string{Chinese: c.chinese, English: c.english} {
			if got := (Text{language}).Browser(c.userAgent); got != want {
				t.Errorf("%s is %q, want %q", c.userAgent, got, want)
			}
		}
	}
}

func TestPasswordCommand(t *testing.T) {
	for name, want := range map[string]string{
		"alice":         "alice",
		"zhang.san@x-1": "zhang.san@x-1",
		"-x":            "-- -x",
		"张三":            "'张三'",
		"two words":     "'two words'",
		"o'neill;id":    `'o'\''neill;id'`,
		"$(id)`id`":     "'$(id)`id`'",
	} {
		if got := passwordCommand(name); got != "wxkeeper operator passwd "+want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
