package views

import (
	"strings"
	"unicode/utf8"
)

// product is something that names itself in a User-Agent. A name in two languages is a message.
type product struct{ Mark, Name string }

// browserProducts is in the order of asking: nearly all of them claim to be Chrome and Safari too.
var browserProducts = []product{
	{"wxwork/", "browser.wecom"}, {"MicroMessenger/", "browser.wechat"}, {"DingTalk/", "browser.dingtalk"}, {"Lark/", "browser.feishu"},
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"QQBrowser/", "browser.qq"}, {"UCBrowser/", "browser.uc"},
	{"HuaweiBrowser/", "browser.huawei"}, {"ArkWeb/", "browser.huawei"}, {"SamsungBrowser/", "Samsung Internet"},
	{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

// systemProducts is in the order of asking: HarmonyOS may claim Android, Android claims Linux, and iPhones claim Mac OS X.
var systemProducts = []product{
	{"OpenHarmony", "HarmonyOS"}, {"HarmonyOS", "HarmonyOS"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iPadOS"},
	{"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
}

// Browser names a browser by its User-Agent, as far as that can be believed: Chrome on macOS.
func (t Text) Browser(userAgent string) string {
	browser, system := t.productIn(userAgent, browserProducts), t.productIn(userAgent, systemProducts)
	if browser == "" {
		browser = t.T("browser.unknown")
	}
	if system == "" {
		return browser
	}
	return t.T("browser.on", "browser", t.spaced(browser), "system", system)
}

// spaced sets a Latin name apart from the Chinese before it.
func (t Text) spaced(name string) string {
	if t.language() == Chinese && name[0] < utf8.RuneSelf {
		return " " + name
	}
	return name
}

func (t Text) productIn(userAgent string, known []product) string {
	for _, one := range known {
		if !strings.Contains(userAgent, one.Mark) {
			continue
		}
		if words := t.words(one.Name); words != "" {
			return words
		}
		return one.Name
	}
	return ""
}
