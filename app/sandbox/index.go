package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"wxkeeper/app"
)

const sealedKinds = "userinfo, profile, phone, run, share, group"

// indexText is completed with the address it was asked for at, so that its lines can be pasted into a shell.
const indexText = `An emulator of WeChat. Server side, with WeChat's own answers and errors:

  {at}/sns/jscode2session              {at}/wxa/checksession
  {at}/cgi-bin/stable_token            {at}/wxa/resetusersessionkey
  {at}/cgi-bin/token                   {at}/wxa/business/getuserphonenumber
                                       {at}/wxa/business/checkencryptedmsg

Below it is played by hand; everything is in memory and gone when the process ends.

Phones. N is a phone's number, or mock for that of the developer tools' mock code.

  curl {at}/sandbox/phones                             everybody, with openid and state
  curl {at}/sandbox/phones/1                           one of them
  curl -d openid=OPENID {at}/sandbox/phones            the phone of a user, made if there is none
  curl -d nickname=NAME {at}/sandbox/phones            somebody new, with a phone of their own
  curl {at}/sandbox/phones/1/code                      wx.login: a fresh code as bare text, also by POST
  curl {at}/sandbox/phones/1/phonecode                 the phone number button: a fresh code for /phone/, also by POST
  curl "{at}/sandbox/phones/1/sealed?kind=userinfo"    sealed data; kinds: {kinds}
  curl -X POST {at}/sandbox/phones/1/expire            the session key dies: wx.checkSession fails
  curl -X POST {at}/sandbox/phones/1/rotate            the key is replaced behind the keeper's back
  curl -X POST {at}/sandbox/phones/1/refresh           the next wx.login replaces the key, however young it is
  curl -X POST {at}/sandbox/phones/1/anonymous         WeChat gives 微信用户; back: -d on=false
  curl -X POST {at}/sandbox/phones/1/block             WeChat refuses the user (40226); back: -d on=false
  curl -X POST {at}/sandbox/phones/1/device            a second device of the same user; -d platform=ios
  curl -X POST {at}/sandbox/phones/1/coldstart         opened anew: shows what data pre-fetch brings; -d path= -d query= -d scene=
  curl -d kind=8 {at}/sandbox/phones/1/withdraw        consent withdrawn: 6 profile, 8 phone, 12 steps, 19 nickname, 20 avatar
  curl -X POST {at}/sandbox/phones/1/loseprofile       WeChat clears a risky nickname and avatar
  curl -X POST {at}/sandbox/phones/1/close             the person leaves WeChat, for good

The last three tell the keeper by message push, if that is set.

Cut WeChat off: every call hangs, or is refused (kind=refuse), until it is taken back.

  curl -d kind=hang {at}/sandbox/outage
  curl -X DELETE {at}/sandbox/outage

Faults of the next calls, oldest first; calls=0 lasts until cleared, without api= every call is meant.

  curl {at}/sandbox/faults                             what waits
  curl -d kind=busy -d calls=3 {at}/sandbox/faults     kinds: latency (delay=2s), busy (-1), quota (45011), 5xx,
                                                       errcode (errcode=40226), empty, html, truncated, cut, refuse, hang;
                                                       api: {apis}
  curl -X DELETE {at}/sandbox/faults                   all well again

Access tokens, quotas of a day (45009) and the IP list (40164; it guards the two token calls alone).

  curl -X DELETE {at}/sandbox/tokens                   every access token ends (42001)
  curl -d api=checksession -d calls=0 {at}/sandbox/quotas
  curl -X DELETE {at}/sandbox/quotas                   WeChat's own again, nothing used
  curl -d ip=203.0.113.5 {at}/sandbox/addresses        several ip= are allowed
  curl -X DELETE {at}/sandbox/addresses                everybody is allowed

Data pre-fetch and message push, as set at mp.weixin.qq.com; appid= names another app than the first.

  curl -d url=KEEPER/prefetch/ -d newkey=true {at}/sandbox/prefetch
  curl -d url=KEEPER/wechat/push/ -d token=TOKEN -d aeskey=ENCODINGAESKEY {at}/sandbox/push
  curl {at}/sandbox/push                               both settings; DELETE turns one off

Log in at a keeper, and send it a profile:

  curl -d "code=$(curl -s {at}/sandbox/phones/1/code)" KEEPER/login/
  curl -s "{at}/sandbox/phones/1/sealed" | sed '1s/{/{"token":"TOKEN",/' | curl -H 'Content-Type: application/json' -d @- KEEPER/getinfo/
`

func (w *WeChat) serveIndex(response http.ResponseWriter, request *http.Request) {
	response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	var names []string
	for api := range apis {
		names = append(names, string(api))
	}
	slices.Sort(names)
	strings.NewReplacer("{at}", "http://"+request.Host, "{kinds}", sealedKinds, "{apis}", strings.Join(names, ", ")).
		WriteString(response, indexText)
}

// phoneState is what the control tells about a phone. Session keys are not in it: nothing that leaves the program shows one.
type phoneState struct {
	Number       int          `json:"number"`
	Appid        app.Appid    `json:"appid"`
	OpenID       app.OpenID   `json:"openid"`
	UnionID      app.UnionID  `json:"unionid,omitempty"`
	Nickname     string       `json:"nickname"`
	Anonymous    bool         `json:"anonymous"`
	Blocked      bool         `json:"blocked"`
	Closed       bool         `json:"closed"`
	Platform     app.Platform `json:"platform"`
	Release      string       `json:"release"`
	Model        string       `json:"model,omitempty"`
	Referer      string       `json:"referer"`
	UserAgent    string       `json:"userAgent"`
	KeyMadeAt    time.Time    `json:"keyMadeAt,omitzero"`
	KeyAlive     bool         `json:"keyAlive"`
	CheckSession bool         `json:"checkSession"`
}

func (w *WeChat) servePhones(response http.ResponseWriter, _ *http.Request) {
	states := []phoneState{}
	for _, phone := range w.Phones() {
		states = append(states, describe(phone))
	}
	writeJSON(response, http.StatusOK, states)
}

func servePhone(phone *Phone, response http.ResponseWriter, _ *http.Request) {
	writeJSON(response, http.StatusOK, describe(phone))
}

func describe(phone *Phone) phoneState {
	person := phone.Person()
	return phoneState{
		Number:       phone.Number(),
		Appid:        phone.Appid(),
		OpenID:       phone.OpenID(),
		UnionID:      phone.UnionID(),
		Nickname:     person.Nickname,
		Anonymous:    person.Anonymous,
		Blocked:      phone.Blocked(),
		Closed:       phone.Closed(),
		Platform:     phone.device.Platform,
		Release:      phone.device.Release,
		Model:        phone.device.Model,
		Referer:      phone.device.Referer(phone.Appid()),
		UserAgent:    phone.device.UserAgent(),
		KeyMadeAt:    phone.keyMadeAt(),
		KeyAlive:     phone.keyAlive(),
		CheckSession: phone.CheckSession(),
	}
}
