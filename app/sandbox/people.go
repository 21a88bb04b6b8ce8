package sandbox

import "wxkeeper/app"

// People is the default cast: a dozen invented people with ordinary nicknames and different phones. Two of them are
// anonymous, as everybody is in a newly written mini program.
func People() []PhoneOptions {
	var (
		iPhone  = Device{Platform: app.PlatformIOS}
		iPad    = Device{Platform: app.PlatformIOS, Model: "iPad", System: "15_8_2", WeChatVersion: "8.0.38", Release: "11"}
		xiaomi  = Device{Platform: app.PlatformAndroid, Model: "23127PN0CC", System: "14", WeChatVersion: "8.0.50.2701"}
		huawei  = Device{Platform: app.PlatformAndroid, Model: "ALN-AL00", System: "12", WeChatVersion: "8.0.47.2560"}
		vivo    = Device{Platform: app.PlatformAndroid, Model: "V2309A", System: "14", WeChatVersion: "8.0.48.2580", Release: "9"}
		oppo    = Device{Platform: app.PlatformAndroid}
		harmony = Device{Platform: app.PlatformHarmony}
		windows = Device{Platform: app.PlatformWindows}
		mac     = Device{Platform: app.PlatformMac}
		trial   = Device{Platform: app.PlatformAndroid, Release: "0"}
		tools   = Device{Platform: app.PlatformDevtools}
	)
	return []PhoneOptions{
		{Device: iPhone, Person: Person{Nickname: "小明🎉", Gender: 1, City: "Guangzhou", Province: "Guangdong", Country: "China"}},
		{Device: xiaomi, Person: Person{Nickname: "芳", Gender: 2, City: "Chengdu", Province: "Sichuan", Country: "China"}},
		{Device: huawei, Person: Person{Nickname: "山里的风"}},
		{Device: harmony, Person: Person{Nickname: "阿月", Gender: 2}},
		{Device: iPad, Person: Person{Nickname: "一家四口👨‍👩‍👧‍👦"}},
		{Device: vivo, Person: Person{Nickname: "大海🇨🇳", Gender: 1, City: "Qingdao", Province: "Shandong", Country: "China"}},
		{Device: oppo, Person: Person{Nickname: "豆豆妈👍🏽", Gender: 2}},
		{Device: windows, Person: Person{Nickname: "不吃香菜 & 葱"}},
		{Device: mac, Person: Person{Nickname: "𠮷祥的猫🐱"}},
		{Device: xiaomi, Person: Person{Nickname: "Lily🌸", Language: "en", PhoneNumber: "51234567", CountryCode: "852"}},
		{Device: trial, Person: Person{Nickname: "@半夏 “微凉”"}},
		{Device: harmony, Person: Person{Nickname: "老周", Gender: 1, Anonymous: true}},
		{Device: tools, Person: Person{Nickname: "糖糖🍬", Anonymous: true}},
	}
}
