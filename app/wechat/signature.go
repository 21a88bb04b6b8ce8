package wechat

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"

	"wxkeeper/app"
)

// SignRawData signs the rawData of wx.getUserInfo as WeChat does (开放数据校验与解密): lower-case hex of SHA-1 over the text as it
// arrived, followed by the text of the session key.
func SignRawData(key app.SessionKey, rawData string) string {
	sum := sumRawData(key, rawData)
	return hex.EncodeToString(sum[:])
}

// CheckRawData says whether the key signed rawData. It covers the visible fields only, so it proves which key was in force
// and nothing about encryptedData. The signature may be in either case; the comparison takes the same time for any.
func CheckRawData(key app.SessionKey, rawData, signature string) bool {
	sum := sumRawData(key, rawData)
	return fitsHex(signature, sum[:])
}

// fitsHex compares a signature as it came, in either case, in the same time for any.
func fitsHex(signature string, sum []byte) bool {
	given, err := hex.DecodeString(signature)
	return err == nil && subtle.ConstantTimeCompare(given, sum) == 1
}

// sumSorted is the hash of message push (消息推送): SHA-1 over the parts in their order as texts.
func sumSorted(parts ...string) []byte {
	sum := sha1.Sum([]byte(strings.Join(slices.Sorted(slices.Values(parts)), "")))
	return sum[:]
}

func sumRawData(key app.SessionKey, rawData string) [sha1.Size]byte {
	return sha1.Sum([]byte(rawData + key.Reveal()))
}

// SignLogin signs a server call that proves possession of a session key (用户登录态签名): lower-case hex of HMAC-SHA256 over the
// exact body, or over nothing for a GET. It is keyed with the text of the session key, not with the bytes it stands for;
// WeChat answers ErrcodeSignatureWrong to the latter.
func SignLogin(key app.SessionKey, message []byte) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(message)
	return hex.EncodeToString(mac.Sum(nil))
}
