package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// PhoneCode is the code that the phone number button gives a mini program (手机号快速验证, bindgetphonenumber): good for five minutes and
// once. No wx.login is needed for it, and no session key has a part in it.
func (p *Phone) PhoneCode() string {
	now := p.wechat.clock()
	defer p.lock()()
	return p.wechat.phoneCodes.mint(p, phoneCodeText(), now)
}

// phoneCodeText looks like WeChat's: 64 hex digits.
func phoneCodeText() string {
	var noise [32]byte
	rand.Read(noise[:]) // never fails since Go 1.24: it ends the program instead
	return hex.EncodeToString(noise[:])
}

// phoneNumber is getPhoneNumber. A refused call leaves its code as it was. WeChat does not tell which errcode the code of another user gets;
// here it is 40003, the one of an openid that does not fit.
func (w *WeChat) phoneNumber(request *http.Request) answer {
	var asked struct {
		Code   string     `json:"code"`
		OpenID app.OpenID `json:"openid"`
	}
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	token, errcode := w.businessCall(APIPhoneNumber, request, now, &asked)
	if errcode != 0 {
		return w.refuse(errcode)
	}
	found := w.phoneCodes.find(asked.Code, now)
	switch {
	case asked.Code == "":
		return w.refuse(wechat.ErrcodeParameterBad)
	case found == nil || found.used || found.phone.account.closed:
		return w.refuse(wechat.ErrcodeCodeInvalid)
	case found.phone.account.app.Appid != token.appid:
		return w.refuse(wechat.ErrcodeAppidInvalid)
	case asked.OpenID != "" && asked.OpenID != found.phone.account.openID:
		return w.refuse(wechat.ErrcodeOpenIDUnknown)
	}
	found.used = true
	told := succeed()
	told.PhoneInfo = phoneNumberInfo(found.phone.account, watermark{found.madeAt.Unix(), token.appid})
	return told
}

// businessCall checks what all calls with an access token and a JSON body have in common, and reads the body.
func (w *WeChat) businessCall(api API, request *http.Request, now time.Time, into any) (*accessToken, int) {
	token, errcode := w.tokens.find(request.URL.Query().Get("access_token"), now)
	if errcode == 0 {
		errcode = w.quotas.spend(api, token.appid, now)
	}
	if errcode != 0 {
		return nil, errcode
	}
	if request.ContentLength == 0 {
		return nil, wechat.ErrcodeBodyEmpty
	}
	if err := json.NewDecoder(request.Body).Decode(into); err != nil {
		return nil, wechat.ErrcodeBodyMalformed
	}
	return token, 0
}

// MadeDataKept is how long WeChat knows what it sealed (checkEncryptedData).
const MadeDataKept = 72 * time.Hour

// maxMadeData bounds how much of what was sealed is remembered; the oldest is forgotten first.
const maxMadeData = 100_000

// madeData is one phone number that was sealed, by its two hashes.
type madeData struct {
	appid  app.Appid
	hashes [2]string
	at     time.Time
}

// noteMade remembers sealed data of a phone number: only about such data WeChat can be asked.
func (w *WeChat) noteMade(appid app.Appid, sealed Sealed, now time.Time) {
	data, err := wechat.DecodeSealed(sealed.EncryptedData, sealed.IV)
	if err != nil {
		panic(err) // it was sealed a moment ago
	}
	for len(w.made) > 0 && (len(w.made) >= maxMadeData || now.Sub(w.made[0].at) >= MadeDataKept) {
		w.made = w.made[1:]
	}
	w.made = append(w.made, madeData{appid, [2]string{wechat.HashText.Of(data), wechat.HashBytes.Of(data)}, now})
}

// encryptedData is checkEncryptedData. Its documentation leaves open what is hashed; here both readings are known.
func (w *WeChat) encryptedData(request *http.Request) answer {
	var asked struct {
		Hash string `json:"encrypted_msg_hash"`
	}
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	token, errcode := w.businessCall(APIEncryptedData, request, now, &asked)
	switch {
	case errcode != 0:
		return w.refuse(errcode)
	case asked.Hash == "":
		return w.refuse(wechat.ErrcodeParameterBad)
	}
	for _, made := range w.made {
		known := asked.Hash == made.hashes[0] || asked.Hash == made.hashes[1]
		if known && made.appid == token.appid && now.Sub(made.at) < MadeDataKept {
			told := succeed()
			told.Valid, told.CreateTime = new(true), made.at.Unix()
			return told
		}
	}
	return w.refuse(wechat.ErrcodeDataUnknown)
}
