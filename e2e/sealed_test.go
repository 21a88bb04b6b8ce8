package e2e

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"time"
)

// sealed is what wx.getUserInfo and its relatives give the mini program.
type sealed struct {
	encryptedData, iv, rawData, signature string
}

func (s sealed) fields(token string) fields {
	in := fields{"token": token, "encryptedData": s.encryptedData, "iv": s.iv}
	if s.rawData != "" {
		in["rawData"], in["signature"] = s.rawData, s.signature
	}
	return in
}

// userInfo is wx.getUserInfo under the live key.
func (p *person) userInfo() sealed { return p.userInfoUnder(p.key(0)) }

func (p *person) userInfoUnder(key string) sealed {
	visible := p.visible()
	rawData := jsonOf(visible)
	visible["openId"], visible["unionId"] = p.openid, p.unionid
	s := seal(key, marked(visible, appid, time.Now()))
	s.rawData, s.signature = rawData, sign(rawData, key)
	return s
}

// phoneNumber is the button getPhoneNumber in its old form.
func (p *person) phoneNumber() sealed {
	return seal(p.key(0), marked(map[string]any{
		"phoneNumber": p.phone, "purePhoneNumber": p.phone, "countryCode": "86",
	}, appid, time.Now()))
}

// visible is the profile without ids and watermark.
func (p *person) visible() map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]any{
		"nickName": p.nickname, "avatarUrl": "https://thirdwx.qlogo.cn/mmopen/vi_32/picture/132", "gender": 2,
		"language": "zh_CN", "city": "广州", "province": "广东", "country": "中国",
	}
}

func marked(object map[string]any, appid string, at time.Time) map[string]any {
	object = maps.Clone(object)
	object["watermark"] = map[string]any{"appid": appid, "timestamp": at.Unix()}
	return object
}

func jsonOf(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // what is sealed here always encodes
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

// seal encrypts an object as WeChat does: AES-128-CBC with PKCS#7 padding.
func seal(key string, object map[string]any) sealed { return sealText(key, jsonOf(object)) }

func sealText(key, plain string) sealed {
	var iv [aes.BlockSize]byte
	_, _ = rand.Read(iv[:]) // never fails
	return sealWith(key, iv, plain)
}

func sealWith(key string, iv [aes.BlockSize]byte, plain string) sealed {
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		panic(err) // keys are made here
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append([]byte(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(padded, padded)
	return sealed{
		encryptedData: base64.StdEncoding.EncodeToString(padded),
		iv:            base64.StdEncoding.EncodeToString(iv[:]),
	}
}

// sign makes the signature of rawData.
func sign(rawData, key string) string {
	sum := sha1.Sum([]byte(rawData + key))
	return hex.EncodeToString(sum[:])
}
