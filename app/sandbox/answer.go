package sandbox

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// Errcodes only a caller's bug meets (全局返回码).
const (
	errcodeInvalidURL   = 40066
	errcodeTokenMissing = 41001
	errcodeNeedsGET     = 43001
)

// errmsgs are the words WeChat was seen to use. Nobody should read them, only keep the rid.
var errmsgs = map[int]string{
	wechat.ErrcodeBusy:          "system error",
	wechat.ErrcodeDataUnknown:   "encrypted data not found",
	wechat.ErrcodeGrantType:     "invalid grant_type",
	wechat.ErrcodeAppidInvalid:  "invalid appid",
	wechat.ErrcodeCodeInvalid:   "invalid code",
	wechat.ErrcodeSecretWrong:   "invalid appsecret",
	wechat.ErrcodeCodeUsed:      "code been used",
	wechat.ErrcodeUserBlocked:   "code blocked",
	wechat.ErrcodeAppidMissing:  "appid missing",
	wechat.ErrcodeSecretMissing: "appsecret missing",
	wechat.ErrcodeCodeMissing:   "missing code",
	wechat.ErrcodeMinuteQuota:   "api minute-quota reach limit  mustslower  retry next minute",
	wechat.ErrcodeDayQuota:      "reach max api daily quota limit",
	wechat.ErrcodeTokenNotLatest: "invalid credential, access_token is invalid or not latest, " +
		"could get access_token by getStableAccessToken",
	wechat.ErrcodeTokenInvalid:    "invalid access_token",
	wechat.ErrcodeTokenExpired:    "access_token expired",
	wechat.ErrcodeOpenIDUnknown:   "invalid openid",
	wechat.ErrcodeParameterBad:    "invalid args",
	wechat.ErrcodeMethodWrong:     "require POST method",
	wechat.ErrcodeBodyEmpty:       "empty post data",
	wechat.ErrcodeBodyMalformed:   "data format error",
	wechat.ErrcodeNoSessionKey:    "session_key is not existd or expired",
	wechat.ErrcodeSignatureMethod: "invalid sig_method",
	wechat.ErrcodeSignatureWrong:  "invalid signature",
	errcodeInvalidURL:             "invalid url",
	errcodeTokenMissing:           "access_token missing",
	errcodeNeedsGET:               "require GET method",
}

// answer is WeChat's JSON. A failure carries errcode and errmsg alone; a success carries errcode 0 in newer calls only.
type answer struct {
	SessionKey  string      `json:"session_key,omitempty"`
	OpenID      app.OpenID  `json:"openid,omitempty"`
	UnionID     app.UnionID `json:"unionid,omitempty"`
	AccessToken string      `json:"access_token,omitempty"`
	ExpiresIn   int         `json:"expires_in,omitempty"`
	PhoneInfo   any         `json:"phone_info,omitempty"`
	Valid       *bool       `json:"vaild,omitempty"` // as WeChat spells it
	CreateTime  int64       `json:"create_time,omitempty"`
	Errcode     *int        `json:"errcode,omitempty"`
	Errmsg      string      `json:"errmsg,omitempty"`
}

func succeed() answer { return answer{Errcode: new(0), Errmsg: "ok"} }

func (w *WeChat) refuse(errcode int) answer {
	return w.refuseWith(errcode, cmp.Or(errmsgs[errcode], "refused"))
}

func (w *WeChat) refuseWith(errcode int, errmsg string) answer {
	return answer{Errcode: &errcode, Errmsg: errmsg + ", rid: " + w.rid()}
}

// rid is WeChat's id of an answer: the second it was given, then noise.
func (w *WeChat) rid() string {
	var noise [8]byte
	rand.Read(noise[:]) // never fails since Go 1.24: it ends the program instead
	high, low := binary.BigEndian.Uint32(noise[:]), binary.BigEndian.Uint32(noise[4:])
	return fmt.Sprintf("%08x-%08x-%08x", w.clock().Unix(), high, low)
}

// write sends the answer as WeChat does: JSON that calls itself text/plain, with HTTP 200 whatever it says.
func (a answer) write(response http.ResponseWriter) {
	response.Header().Set("Content-Type", "text/plain")
	response.Write(compactJSON(a))
}

// compactJSON writes JSON as WeChat does: on one line, nothing escaped for HTML.
func compactJSON(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // only values of this package get here, and all of them can be written
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
