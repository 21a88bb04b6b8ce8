package app

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	appidBytes   = 32
	versionBytes = 16
	addressBytes = 64
	modelBytes   = 64

	// refererPrefix begins the Referer of every request a mini program makes. The developer cannot change that header.
	refererPrefix = "https://servicewechat.com/"
)

// ReadClient gathers what a request tells for free about who sent it: Referer, User-Agent and the network address. All of it
// is a stranger's text, so it is bounded, and free of anything that does not print.
func ReadClient(referer, userAgent, address string) Client {
	client := Client{
		Platform:      platformOf(userAgent),
		Model:         modelOf(userAgent),
		WeChatVersion: weChatVersion(userAgent),
		Address:       printable(address, addressBytes),
	}
	client.Appid, client.Version = callingApp(referer)
	return client
}

// callingApp reads https://servicewechat.com/{appid}/{version}/page-frame.html.
func callingApp(referer string) (Appid, string) {
	path, found := strings.CutPrefix(referer, refererPrefix)
	if !found {
		return "", ""
	}
	appid, rest, _ := strings.Cut(path, "/")
	if len(appid) > appidBytes || !consistsOf(appid, asciiLetters+digits) {
		return "", ""
	}
	version, _, _ := strings.Cut(rest, "/")
	if len(version) > versionBytes || version != "devtools" && !consistsOf(version, digits) {
		version = ""
	}
	return Appid(appid), version
}

// platformMarks are looked for in this order, since one User-Agent holds several: the developer tools pose as an iPhone, an
// iPhone says "like Mac OS X", HarmonyOS may say Android.
var platformMarks = []struct {
	mark     string
	platform Platform
}{
	{"wechatdevtools", PlatformDevtools},
	{"HarmonyOS", PlatformHarmony},
	{"OpenHarmony", PlatformHarmony},
	{"Android", PlatformAndroid},
	{"iPhone", PlatformIOS},
	{"iPad", PlatformIOS},
	{"Windows", PlatformWindows},
	{"Macintosh", PlatformMac},
	{"MacWechat", PlatformMac},
}

func platformOf(userAgent string) Platform {
	for _, known := range platformMarks {
		if strings.Contains(userAgent, known.mark) {
			return known.platform
		}
	}
	return PlatformUnknown
}

// modelOf finds the phone in the User-Agent's first parentheses: "…; MODEL Build/…" on Android, the first word on iOS.
func modelOf(userAgent string) string {
	_, rest, _ := strings.Cut(userAgent, "(")
	system, _, _ := strings.Cut(rest, ")")
	if before, _, found := strings.Cut(system, " Build/"); found {
		return printable(before[strings.LastIndexByte(before, ';')+1:], modelBytes)
	}
	if first, _, _ := strings.Cut(system, ";"); first == "iPhone" || first == "iPad" {
		return first
	}
	return ""
}

// weChatVersion reads the digits and dots of "MicroMessenger/8.0.42.2460(0x28002a58)".
func weChatVersion(userAgent string) string {
	_, rest, _ := strings.Cut(userAgent, "MicroMessenger/")
	end := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune(digits+".", r) })
	if end >= 0 {
		rest = rest[:end]
	}
	return printable(rest, versionBytes)
}

const (
	digits       = "0123456789"
	asciiLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func consistsOf(text, letters string) bool {
	return text != "" && strings.Trim(text, letters) == ""
}

// printable drops what does not print, invalid UTF-8 included, and cuts at a rune's border.
func printable(text string, limit int) string {
	var kept strings.Builder
	for _, r := range strings.TrimSpace(text) {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			continue
		}
		if kept.Len()+utf8.RuneLen(r) > limit {
			break
		}
		kept.WriteRune(r)
	}
	return kept.String()
}
