package sandbox

import (
	"cmp"
	"fmt"
	"strings"

	"wxkeeper/app"
)

// Device is what a mini program runs on. What is left empty is that of an ordinary device of the platform.
type Device struct {
	Platform      app.Platform // "": Android
	Model         string
	System        string // version of the system, as the platform's User-Agent writes it
	WeChatVersion string
	Release       string // the mini program's release; 0: development or trial; devtools: developer tools
}

var ordinaryDevices = map[app.Platform]Device{
	app.PlatformIOS:      {Model: "iPhone", System: "17_5_1", WeChatVersion: "8.0.49", Release: "12"},
	app.PlatformAndroid:  {Model: "PJW110", System: "13", WeChatVersion: "8.0.42.2460", Release: "12"},
	app.PlatformHarmony:  {System: "5.0", WeChatVersion: "8.0.7.32", Release: "12"},
	app.PlatformWindows:  {System: "10.0", WeChatVersion: "7.0.20.1781", Release: "12"},
	app.PlatformMac:      {System: "10_15_7", WeChatVersion: "6.8.0", Release: "12"},
	app.PlatformDevtools: {Model: "iPhone", System: "15_0", WeChatVersion: "8.0.5", Release: "devtools"},
}

// userAgents are those of wx.request, as back ends have logged them.
var userAgents = map[app.Platform]string{
	app.PlatformIOS: "Mozilla/5.0 ({model}; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
		"Mobile/15E148 MicroMessenger/{wechat}(0x18003137) NetType/WIFI Language/zh_CN",
	app.PlatformAndroid: "Mozilla/5.0 (Linux; Android {system}; {model} Build/UKQ1.230804.001; wv) AppleWebKit/537.36 " +
		"(KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240501 " +
		"MicroMessenger/{wechat}(0x28003258) WeChat/arm64 Weixin NetType/5G Language/zh_CN ABI/arm64 MiniProgramEnv/android",
	app.PlatformHarmony: "Mozilla/5.0 (Phone; OpenHarmony {system}) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile MicroMessenger/{wechat}(0xf3800720) WeChat/arm64 Weixin " +
		"NetType/WIFI Language/zh_CN ABI/arm64 MiniProgramEnv/ohos",
	app.PlatformWindows: "Mozilla/5.0 (Windows NT {system}; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"Chrome/122.0.0.0 Safari/537.36 MicroMessenger/{wechat}(0x6700143B) NetType/WIFI MiniProgramEnv/Windows " +
		"WindowsWechat/WMPF XWEB/11581",
	app.PlatformMac: "Mozilla/5.0 (Macintosh; Intel Mac OS X {system}) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"Chrome/122.0.0.0 Safari/537.36 MicroMessenger/{wechat}(0x16080000) NetType/WIFI MiniProgramEnv/Mac " +
		"MacWechat/WMPF XWEB/1227",
	app.PlatformDevtools: "Mozilla/5.0 ({model}; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 " +
		"(KHTML, like Gecko) Mobile/15E148 wechatdevtools/1.06.2402040 MicroMessenger/{wechat} Language/zh_CN webview/",
}

func (d Device) complete() Device {
	d.Platform = cmp.Or(d.Platform, app.PlatformAndroid)
	ordinary := ordinaryDevices[d.Platform]
	d.Model = cmp.Or(d.Model, ordinary.Model)
	d.System = cmp.Or(d.System, ordinary.System)
	d.WeChatVersion = cmp.Or(d.WeChatVersion, ordinary.WeChatVersion)
	d.Release = cmp.Or(d.Release, ordinary.Release)
	return d
}

// Referer is the Referer of wx.request, which no mini program can change (网络, 使用说明).
func (d Device) Referer(appid app.Appid) string {
	return fmt.Sprintf("https://servicewechat.com/%s/%s/page-frame.html", appid, d.complete().Release)
}

// UserAgent is the User-Agent of wx.request.
func (d Device) UserAgent() string {
	d = d.complete()
	fill := strings.NewReplacer("{model}", d.Model, "{system}", d.System, "{wechat}", d.WeChatVersion)
	return fill.Replace(userAgents[d.Platform])
}
