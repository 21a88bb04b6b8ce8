package wechat

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/member"
)

// Kind is what a payload is about, told by its fields.
type Kind string

// The kinds of payload.
const (
	KindProfile Kind = "profile" // wx.getUserInfo, wx.getUserProfile
	KindPhone   Kind = "phone"   // getPhoneNumber, its form before codes
	KindRun     Kind = "run"     // wx.getWeRunData
	KindGroup   Kind = "group"   // wx.getShareInfo, wx.getGroupEnterInfo
	KindOther   Kind = "other"   // anything else, such as wx.authPrivateMessage
)

// Watermark is WeChat's note in a payload: whose data it is and when it was sealed.
type Watermark struct {
	Appid app.Appid
	At    time.Time // to the second, by WeChat's clock
}

// Payload is what sealed data held.
type Payload struct {
	Kind      Kind
	OpenID    app.OpenID  // "": none, as in most payloads since 2021
	UnionID   app.UnionID // "": none
	Watermark *Watermark  // nil: none that tells an appid and a time
	Profile   app.Profile // of KindProfile
	Phone     app.Phone   // of KindPhone

	object member.Object
}

// Object gives the opened object without openId and watermark. Everything else is kept byte for byte: unknown fields, the
// digits of numbers, the order.
func (p Payload) Object() json.RawMessage {
	rest := []byte{'{'}
	for quotedName, value := range p.object.Each() {
		if name := member.Name(quotedName); isOpenID(name) || isWatermark(name) {
			continue
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(append(append(rest, quotedName...), ':'), value...)
	}
	return append(rest, '}')
}

// CheckWatermark fails with MissingWatermark, or with AppidMismatch for data of another mini program. How old the data
// may be is the caller's rule.
func (p Payload) CheckWatermark(appid app.Appid) error {
	switch {
	case p.Watermark == nil:
		return MissingWatermark
	case p.Watermark.Appid != appid:
		return AppidMismatch
	}
	return nil
}

// CheckOpenID fails with OpenIDMismatch if the payload names a user other than the session's. Whoever sends sealed data
// chooses the iv, and by it every bit of the first block, where openId stands: nothing else catches that.
func (p Payload) CheckOpenID(openid app.OpenID) error {
	if p.OpenID != "" && p.OpenID != openid {
		return OpenIDMismatch
	}
	return nil
}

// readPayload reads the plaintext of sealed data. Unknown fields are kept and never an error. A known field of a type that
// cannot be read as what it stands for is BadJSON, as are two openIds or two watermarks, in whatever case they are spelled:
// the one that is checked must be the only one there is.
func readPayload(text []byte) (Payload, error) {
	object, ok := member.Read(text)
	if !ok {
		return Payload{}, BadJSON
	}
	payload := Payload{Kind: KindOther, object: object}
	watermarks := 0
	for quotedName, value := range object.Each() {
		name := member.Name(quotedName)
		if isWatermark(name) {
			watermarks++
			payload.Watermark = readWatermark(value)
		} else if !payload.readField(name, value) {
			return Payload{}, BadJSON
		}
	}
	if watermarks > 1 {
		return Payload{}, BadJSON
	}
	return payload, nil
}

func isOpenID(name []byte) bool    { return strings.EqualFold(string(name), "openId") }
func isWatermark(name []byte) bool { return strings.EqualFold(string(name), "watermark") }

func (p *Payload) readField(name, value []byte) (ok bool) {
	switch string(name) {
	case "unionId":
		return readText((*string)(&p.UnionID), value)
	case "nickName", "avatarUrl", "gender", "language", "city", "province", "country":
		return p.readProfileField(name, value)
	case "phoneNumber", "purePhoneNumber", "countryCode":
		return p.readPhoneField(name, value)
	case "stepInfoList":
		p.setKind(KindRun)
	case "openGId", "opengid", "group_openid", "open_single_roomid":
		p.setKind(KindGroup)
	default:
		return !isOpenID(name) || p.readOpenID(value)
	}
	return true
}

// setKind lets the first telling field decide, so that a payload has one kind whatever else it carries.
func (p *Payload) setKind(kind Kind) {
	if p.Kind == KindOther {
		p.Kind = kind
	}
}

// readOpenID wants text: a null or an empty openId would look like none to the check that rests on it.
func (p *Payload) readOpenID(value []byte) (ok bool) {
	if p.OpenID != "" || value[0] != '"' {
		return false
	}
	p.OpenID = app.OpenID(member.Unquote(value))
	return p.OpenID != ""
}

func (p *Payload) readProfileField(name, value []byte) (ok bool) {
	switch string(name) {
	case "nickName":
		p.setKind(KindProfile)
		return readText(&p.Profile.Nickname, value)
	case "avatarUrl":
		p.setKind(KindProfile)
		return readText(&p.Profile.AvatarURL, value)
	case "gender":
		return readGender(&p.Profile.Gender, value)
	case "language":
		return readText(&p.Profile.Language, value)
	case "city":
		return readText(&p.Profile.City, value)
	case "province":
		return readText(&p.Profile.Province, value)
	default:
		return readText(&p.Profile.Country, value)
	}
}

func (p *Payload) readPhoneField(name, value []byte) (ok bool) {
	switch string(name) {
	case "phoneNumber":
		p.setKind(KindPhone)
		return readText(&p.Phone.Number, value)
	case "purePhoneNumber":
		p.setKind(KindPhone)
		return readText(&p.Phone.PureNumber, value)
	default:
		return readText(&p.Phone.CountryCode, value)
	}
}

func readText(field *string, value []byte) (ok bool) {
	*field, ok = member.Text(value)
	return ok
}

// readGender takes 1 and 2 however they are written, and anything else for unknown.
func readGender(gender *int, value []byte) (ok bool) {
	text, ok := member.Text(value)
	number, err := strconv.ParseFloat(text, 64)
	if *gender = 0; err == nil && (number == 1 || number == 2) {
		*gender = int(number)
	}
	return ok
}

// lastSecond is the last one of the year 9999, behind which times can no longer be written as text.
const lastSecond = 253402300799

// readWatermark gives nil for what tells no appid or no time, so that it counts as missing.
func readWatermark(value []byte) *Watermark {
	if value[0] != '{' {
		return nil
	}
	var appid, timestamp string
	for quotedName, value := range member.Object(value).Each() {
		switch string(member.Name(quotedName)) {
		case "appid":
			appid, _ = member.Text(value)
		case "timestamp":
			timestamp, _ = member.Text(value)
		}
	}
	second, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || second <= 0 || second > lastSecond || appid == "" {
		return nil
	}
	return &Watermark{Appid: app.Appid(appid), At: time.Unix(second, 0)}
}
