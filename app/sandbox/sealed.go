package sandbox

import (
	"crypto/aes"
	"crypto/rand"
	"fmt"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// SealedKind names a kind of sealed data by the call that gives it.
type SealedKind string

// The kinds of sealed data.
const (
	SealedUserInfo   SealedKind = "userinfo" // wx.getUserInfo: with openId
	SealedProfile    SealedKind = "profile"  // wx.getUserProfile: without openId
	SealedPhone      SealedKind = "phone"
	SealedRunData    SealedKind = "run"
	SealedShareInfo  SealedKind = "share" // openGId
	SealedGroupEnter SealedKind = "group" // opengid
)

// Sealed is sealed data as a phone hands it to the mini program, in the shape of a /getinfo/ body without its token. Only
// profiles have RawData and Signature.
type Sealed struct {
	EncryptedData string `json:"encryptedData"`
	IV            string `json:"iv"`
	RawData       string `json:"rawData,omitempty"`
	Signature     string `json:"signature,omitempty"`
}

// GetUserInfo is wx.getUserInfo: the profile sealed with openId and, where there is one, unionId.
func (p *Phone) GetUserInfo() Sealed { return p.Collect(SealedUserInfo) }

// GetUserProfile is wx.getUserProfile: the profile sealed without openId and unionId.
func (p *Phone) GetUserProfile() Sealed { return p.Collect(SealedProfile) }

// GetPhoneNumber is the button getPhoneNumber in its old form.
func (p *Phone) GetPhoneNumber() Sealed { return p.Collect(SealedPhone) }

// GetWeRunData is wx.getWeRunData: the steps of 31 days.
func (p *Phone) GetWeRunData() Sealed { return p.Collect(SealedRunData) }

// GetShareInfo is wx.getShareInfo: the group a card was shared to, spelled openGId.
func (p *Phone) GetShareInfo() Sealed { return p.Collect(SealedShareInfo) }

// GetGroupEnterInfo is wx.getGroupEnterInfo: the group the mini program was opened from, spelled opengid.
func (p *Phone) GetGroupEnterInfo() Sealed { return p.Collect(SealedGroupEnter) }

// Collect makes the call that gives the kind of sealed data. It panics if there is none.
func (p *Phone) Collect(kind SealedKind) Sealed {
	fill := payloads[kind]
	if fill == nil {
		panic(fmt.Sprintf("sandbox: no call gives sealed data of kind %q", kind))
	}
	key, content := p.collect(fill)
	encryptedData, iv := seal(key, compactJSON(content))
	sealed := Sealed{EncryptedData: encryptedData, IV: iv}
	if kind == SealedPhone {
		p.noteMade(sealed)
	}
	if visible, ok := content.(sealedProfile); ok {
		sealed.RawData = string(compactJSON(visible.profile))
		sealed.Signature = wechat.SignRawData(key, sealed.RawData)
	}
	return sealed
}

func (p *Phone) noteMade(sealed Sealed) {
	now := p.wechat.clock()
	defer p.lock()()
	p.wechat.noteMade(p.Appid(), sealed, now)
}

// collect picks key and content in one moment, as WeChat does.
func (p *Phone) collect(fill func(*account, watermark) any) (app.SessionKey, any) {
	now := p.wechat.clock()
	defer p.lock()()
	key := p.wechat.keyForSealing(p.account, now)
	return key, fill(p.account, watermark{now.Unix(), p.account.app.Appid})
}

func seal(key app.SessionKey, plaintext []byte) (encryptedData, ivText string) {
	var iv [aes.BlockSize]byte
	rand.Read(iv[:]) // never fails since Go 1.24: it ends the program instead
	encryptedData, ivText, err := wechat.Seal(key, iv[:], plaintext)
	if err != nil {
		panic(err) // only for a key or an iv of another size
	}
	return encryptedData, ivText
}
