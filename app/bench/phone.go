package bench

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// Person is somebody the server knows.
type Person struct {
	OpenID   app.OpenID
	Nickname string
	ID       app.UserID
	SeenAt   time.Time // last, before the run
}

// What every phone tells about itself.
const (
	userAgent = "Mozilla/5.0 (Linux; Android 13; PJW110 Build/UKQ1.230804.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 MicroMessenger/8.0.42.2460(0x28003258) WeChat/arm64 Weixin " +
		"NetType/5G Language/zh_CN ABI/arm64 MiniProgramEnv/android"
	avatarURL = "https://thirdwx.qlogo.cn/mmopen/vi_32/Q0j4TwGTfTKyXh1bLYlN2sPvR8aJzKic9wE3mUo5dBfHtVg7CiaqXn6kWrZeMySxAu/132"
)

// post is the bytes of a POST with a JSON body.
func post(path, appid string, body []byte) []byte {
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: %s\r\n"+
		"Referer: https://servicewechat.com/%s/12/page-frame.html\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		path, userAgent, appid, len(body))
	return append(request, body...)
}

// phone is somebody's mini program that has logged in.
type phone struct {
	person  Person
	key     app.SessionKey
	token   string
	user    string // as the server calls its owner
	changes int    // of the profile, so far
}

// nicknameEvery is how often a change of the profile changes the nickname too.
const nicknameEvery = 10

// getInfo is a request made beforehand, and what its answer must hold.
type getInfo struct {
	request    []byte
	name, city []byte
}

// change makes the request that tells the server the next change of this phone's profile. After ten of them the nickname is another.
func (p *phone) change(appid string, nicknames []string, now time.Time) (getInfo, error) {
	p.changes++
	if p.changes%nicknameEvery == 0 && len(nicknames) > 0 {
		p.person.Nickname = nicknames[mathrand.IntN(len(nicknames))]
	}
	city := "City " + strconv.Itoa(p.changes)
	payload, err := json.Marshal(profile{
		OpenID: p.person.OpenID, NickName: p.person.Nickname, Gender: 1, Language: "zh_CN", City: city, Province: "Guangdong",
		Country: "China", AvatarURL: avatarURL, Watermark: watermark{now.Unix(), appid},
	})
	if err != nil {
		return getInfo{}, err
	}
	iv := make([]byte, 16)
	rand.Read(iv)
	data, ivText, err := wechat.Seal(p.key, iv, payload)
	if err != nil {
		return getInfo{}, err
	}
	body := fmt.Appendf(nil, `{"token":%q,"iv":%q,"encryptedData":%q}`, p.token, ivText, data)
	return getInfo{
		request: post("/getinfo/", appid, body),
		name:    fmt.Appendf(nil, `"name":"%s"`, p.person.Nickname), city: fmt.Appendf(nil, `"city":"%s"`, city),
	}, nil
}

// profile is the payload of wx.getUserProfile.
type profile struct {
	OpenID    app.OpenID `json:"openId"`
	NickName  string     `json:"nickName"`
	Gender    int        `json:"gender"`
	Language  string     `json:"language"`
	City      string     `json:"city"`
	Province  string     `json:"province"`
	Country   string     `json:"country"`
	AvatarURL string     `json:"avatarUrl"`
	Watermark watermark  `json:"watermark"`
}

type watermark struct {
	Timestamp int64  `json:"timestamp"`
	Appid     string `json:"appid"`
}

var (
	good       = []byte(`"code":0`)
	userHeader = "X-Wxkeeper-User: "
)

// wantGood fails for an answer that is none to a good request.
func wantGood(got answer, err error, holding ...[]byte) error {
	if err == nil {
		err = wantStatus(got, 200)
	}
	if err != nil {
		return err
	}
	for _, part := range append(holding, good) {
		if !bytes.Contains(got.body, part) {
			return wrongBody{fmt.Sprintf("%s is missing in an answer of %d bytes", part, len(got.body))}
		}
	}
	return nil
}

// text finds a member of an answer that is a string without escapes, "" if there is none.
func text(body []byte, name string) string {
	_, rest, _ := bytes.Cut(body, []byte(`"`+name+`":"`))
	value, _, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		return ""
	}
	return string(value)
}

// tokenLength is that of a token's text at least: 256 bits in base64.
const tokenLength = 43

// login makes and checks a login. It gives the phone that has logged in.
func login(c *connection, appid string, person Person, version, number uint64) (*phone, error) {
	body := fmt.Appendf(nil, `{"code":%q}`, newCode(string(person.OpenID), version, number))
	got, err := c.exchange(post("/login/", appid, body))
	if err := wantGood(got, err); err != nil {
		return nil, err
	}
	p := &phone{person: person, token: text(got.body, "token"), user: text(got.body, "user")}
	if len(p.token) < tokenLength || p.user == "" {
		return nil, wrongBody{"a login without token or user"}
	}
	p.key, err = app.NewSessionKey(keyText(string(person.OpenID), version))
	return p, err
}

// verify is the step of a back end that asks whom a token stands for.
func (p *phone) verify() step {
	request := []byte("GET /verify/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + p.token + "\r\n\r\n")
	want := []byte(userHeader + p.user + "\r\n")
	return func(c *connection) error {
		got, err := c.exchange(request)
		if err == nil {
			err = wantStatus(got, 204)
		}
		if err == nil && !bytes.Contains(got.header, want) {
			err = wrongBody{"a token verified as somebody else's"}
		}
		return err
	}
}

// session is the step of a client that asks how things stand.
func (p *phone) session(appid string) step {
	request := post("/session/", appid, fmt.Appendf(nil, `{"token":%q}`, p.token))
	user, next := fmt.Appendf(nil, `"user":"%s"`, p.user), []byte(`"next":"ok"`)
	return func(c *connection) error {
		got, err := c.exchange(request)
		return wantGood(got, err, user, next)
	}
}

func (g getInfo) do(c *connection) error {
	got, err := c.exchange(g.request)
	return wantGood(got, err, g.name, g.city)
}
