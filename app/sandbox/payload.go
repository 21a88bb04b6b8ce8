package sandbox

import (
	"time"

	"wxkeeper/app"
)

// payloads make what is sealed, in the fields and the order of WeChat's samples (开放数据校验与解密, and the page of each call).
var payloads = map[SealedKind]func(*account, watermark) any{
	SealedUserInfo:   userInfo,
	SealedProfile:    userProfile,
	SealedPhone:      phoneNumberInfo,
	SealedRunData:    runData,
	SealedShareInfo:  shareInfo,
	SealedGroupEnter: groupEnterInfo,
}

type watermark struct {
	Timestamp int64     `json:"timestamp"`
	Appid     app.Appid `json:"appid"`
}

// profile is also rawData, whose fields come in this order.
type profile struct {
	NickName  string `json:"nickName"`
	Gender    int    `json:"gender"`
	Language  string `json:"language"`
	City      string `json:"city"`
	Province  string `json:"province"`
	Country   string `json:"country"`
	AvatarURL string `json:"avatarUrl"`
	IsDemote  bool   `json:"is_demote,omitempty"`
}

type sealedProfile struct {
	OpenID app.OpenID `json:"openId,omitempty"`
	profile
	UnionID   app.UnionID `json:"unionId,omitempty"`
	Watermark watermark   `json:"watermark"`
}

type phoneInfo struct {
	PhoneNumber     string    `json:"phoneNumber"`
	PurePhoneNumber string    `json:"purePhoneNumber"`
	CountryCode     string    `json:"countryCode"`
	Watermark       watermark `json:"watermark"`
}

type runInfo struct {
	StepInfoList []stepInfo `json:"stepInfoList"`
	Watermark    watermark  `json:"watermark"`
}

type stepInfo struct {
	Timestamp int64 `json:"timestamp"`
	Step      int   `json:"step"`
}

// groupInfo is spelled two ways: openGId when a card is shared, opengid when the mini program is opened from it.
type groupInfo struct {
	OpenGID   string    `json:"openGId,omitempty"`
	Opengid   string    `json:"opengid,omitempty"`
	Watermark watermark `json:"watermark"`
}

// userInfo keeps the ids when the rest is anonymous (小程序登录、用户信息相关接口调整说明).
func userInfo(user *account, mark watermark) any {
	return sealedProfile{OpenID: user.openID, profile: profileOf(user.owner.person), UnionID: user.unionID, Watermark: mark}
}

func userProfile(user *account, mark watermark) any {
	return sealedProfile{profile: profileOf(user.owner.person), Watermark: mark}
}

// avatarHome is where WeChat keeps avatars.
const avatarHome = "https://thirdwx.qlogo.cn/mmopen/vi_32/"

// anonymousAvatar is the grey picture WeChat gives for everybody.
const anonymousAvatar = avatarHome +
	"POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132"

func profileOf(person Person) profile {
	if person.Anonymous {
		return profile{NickName: app.AnonymousNickname, AvatarURL: anonymousAvatar, IsDemote: true}
	}
	return profile{
		NickName:  person.Nickname,
		Gender:    person.Gender,
		Language:  person.Language,
		City:      person.City,
		Province:  person.Province,
		Country:   person.Country,
		AvatarURL: person.AvatarURL,
	}
}

// homeCountryCode is the one that phoneNumber leaves out (getPhoneNumber, phoneNumber).
const homeCountryCode = "86"

func phoneNumberInfo(user *account, mark watermark) any {
	person := user.owner.person
	full := person.PhoneNumber
	if person.CountryCode != homeCountryCode {
		full = person.CountryCode + full
	}
	return phoneInfo{PhoneNumber: full, PurePhoneNumber: person.PhoneNumber, CountryCode: person.CountryCode, Watermark: mark}
}

// runDays is how many days wx.getWeRunData tells (wx.getWeRunData, stepInfoList).
const runDays = 31

func runData(user *account, mark watermark) any {
	today := dayOf(time.Unix(mark.Timestamp, 0))
	var steps []stepInfo
	for ago := runDays - 1; ago >= 0; ago-- {
		midnight := today.AddDate(0, 0, -ago).Unix()
		steps = append(steps, stepInfo{Timestamp: midnight, Step: stepsOn(user, midnight)})
	}
	return runInfo{StepInfoList: steps, Watermark: mark}
}

// stepsOn is a number that does not change when the same day is asked for again.
func stepsOn(user *account, midnight int64) int {
	const fewest, most = 300, 18000
	mixed := uint64(midnight) * 0x9e3779b97f4a7c15
	for _, letter := range []byte(user.openID) {
		mixed = (mixed ^ uint64(letter)) * 0x100000001b3
	}
	return fewest + int(mixed>>32)%(most-fewest)
}

func shareInfo(user *account, mark watermark) any {
	return groupInfo{OpenGID: user.groupID, Watermark: mark}
}

func groupEnterInfo(user *account, mark watermark) any {
	return groupInfo{Opengid: user.groupID, Watermark: mark}
}
