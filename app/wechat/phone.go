package wechat

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/member"
)

// Names of the calls, as Error.API tells them.
const (
	apiPhoneNumber   = "getuserphonenumber"
	apiEncryptedData = "checkencryptedmsg"
)

// PhoneNumber trades the code of a phone number button for its user's number (手机号快速验证, getPhoneNumber), and tells when the user gave
// it. WeChat refuses a code that another user than openid got. The call is made once, whatever comes of it: a code is good once, and each
// success costs the mini program's owner money. Only where WeChat refuses the access token it is made again with another one. It counts as a
// waiting login and returns within twice the client's timeout. Every error is an *Error.
func (c *Client) PhoneNumber(ctx context.Context, code string, openid app.OpenID) (app.Phone, time.Time, error) {
	if !c.waiting.TryAcquire(1) {
		return app.Phone{}, time.Time{}, &Error{API: apiPhoneNumber, Problem: ProblemWaitingFull}
	}
	defer c.waiting.Release(1)
	answer, failure := c.callWithToken(ctx, request{
		api:     apiPhoneNumber,
		path:    "/wxa/business/" + apiPhoneNumber,
		body:    jsonOf(map[string]string{"code": code, "openid": string(openid)}),
		secrets: []app.Secret{app.Secret(code)},
		once:    true,
	})
	if failure != nil {
		return app.Phone{}, time.Time{}, failure
	}
	payload, failure := answer.phoneInfo(c.credentials.appid)
	if failure != nil {
		return app.Phone{}, time.Time{}, answer.unusable(failure)
	}
	return payload.Phone, payload.Watermark.At, nil
}

// phoneInfo reads the number, which WeChat tells in the form in which it also seals it.
func (a answer) phoneInfo(appid app.Appid) (Payload, *Error) {
	info, _ := a.field("phone_info")
	if info == nil {
		return Payload{}, &Error{Problem: ProblemMissingField, Field: "phone_info"}
	}
	payload, err := readPayload(info)
	switch {
	case err != nil || payload.Phone.PureNumber == "":
		return payload, &Error{Problem: ProblemBadField, Field: "phone_info"}
	case payload.CheckWatermark(appid) != nil:
		return payload, &Error{Problem: ProblemBadField, Field: "watermark"}
	}
	return payload, nil
}

// DataHash says of what WeChat wants the SHA-256 to recognise what it sealed. Its documentation says "encrypted data", which may be either.
type DataHash string

// The two readings, and not to ask at all.
const (
	HashNothing DataHash = ""
	HashText    DataHash = "text"  // of the base64 text
	HashBytes   DataHash = "bytes" // of the bytes that it stands for
)

// Of gives the hash as WeChat wants it, lower-case hex.
func (h DataHash) Of(data Sealed) string {
	hashed := data.Ciphertext
	if h == HashText {
		hashed = []byte(base64.StdEncoding.EncodeToString(data.Ciphertext))
	}
	sum := sha256.Sum256(hashed)
	return hex.EncodeToString(sum[:])
}

// MadeEncryptedData asks WeChat whether it made sealed data of a phone number within the last three days (检查加密信息,
// checkEncryptedData): nothing else tells it from what somebody forged who has the session key. The call is safe to repeat. Every error is
// an *Error.
func (c *Client) MadeEncryptedData(ctx context.Context, data Sealed, hash DataHash) (bool, error) {
	answer, failure := c.callWithToken(ctx, request{
		api:  apiEncryptedData,
		path: "/wxa/business/" + apiEncryptedData,
		body: jsonOf(map[string]string{"encrypted_msg_hash": hash.Of(data)}),
	})
	switch {
	case failure != nil && failure.Errcode == ErrcodeDataUnknown:
		return false, nil
	case failure != nil:
		return false, failure
	}
	for _, name := range []string{"vaild", "valid"} { // the first is how WeChat spells it
		if verdict, found := answer.field(name); found {
			return string(verdict) == "true" || string(verdict) == "1", nil
		}
	}
	return false, answer.unusable(&Error{Problem: ProblemMissingField, Field: "vaild"})
}

// field finds a member of an answer.
func (a answer) field(name string) (value []byte, found bool) {
	for quotedName, value := range a.object.Each() {
		if string(member.Name(quotedName)) == name {
			return value, true
		}
	}
	return nil, false
}

func jsonOf(fields map[string]string) []byte {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts can always be written
	}
	return text
}

// OtherAppsCode says whether WeChat refused the code of a phone number button because another mini program got it. It says so with the
// errcode that elsewhere means our own appid is wrong (getPhoneNumber, errcode 40013).
func (e *Error) OtherAppsCode() bool {
	return e.API == apiPhoneNumber && e.Errcode == ErrcodeAppidInvalid
}
