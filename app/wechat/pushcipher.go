package wechat

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"wxkeeper/app"
)

// What WeChat encrypts is 16 random bytes, the message's length in 4 bytes, the message, and the appid up to the end.
const (
	pushRandomBytes = 16
	pushHeadBytes   = pushRandomBytes + 4
	pushPadding     = 32 // its PKCS#7 counts in blocks of 32 bytes, although those of AES have 16
)

// Encrypt makes what stands as Encrypt in a message or a reply, and its msg_signature (消息加解密). It is for whoever plays WeChat:
// we ourselves answer a message with "success". It fails in plain mode.
func (p *Push) Encrypt(
	message []byte, random [pushRandomBytes]byte, timestamp, nonce string,
) (encrypt, msgSignature string, err error) {
	if p.keys.block == nil {
		return "", "", errors.New("message push in plain mode encrypts nothing")
	}
	plaintext := binary.BigEndian.AppendUint32(bytes.Clone(random[:]), uint32(len(message)))
	text := pad(append(append(plaintext, message...), p.appid...), pushPadding)
	cipher.NewCBCEncrypter(p.keys.block, p.keys.iv).CryptBlocks(text, text)
	encrypt = base64.StdEncoding.EncodeToString(text)
	return encrypt, hex.EncodeToString(sumSorted(p.keys.token.Reveal(), timestamp, nonce, encrypt)), nil
}

// decrypt opens Encrypt, whose signature has been checked: no padding that a stranger made comes here.
func (p *Push) decrypt(encrypt string) ([]byte, error) {
	ciphertext, err := base64.StdEncoding.DecodeString(encrypt)
	switch {
	case err != nil:
		return nil, PushBadBase64
	case !wholeBlocks(ciphertext):
		return nil, PushBadCiphertextLength
	}
	cipher.NewCBCDecrypter(p.keys.block, p.keys.iv).CryptBlocks(ciphertext, ciphertext)
	plaintext, ok := unpad(ciphertext, pushPadding)
	if !ok {
		return nil, PushBadPadding
	}
	return p.unpack(plaintext)
}

func (p *Push) unpack(plaintext []byte) ([]byte, error) {
	if len(plaintext) < pushHeadBytes {
		return nil, PushBadLength
	}
	length := uint64(binary.BigEndian.Uint32(plaintext[pushRandomBytes:]))
	rest := plaintext[pushHeadBytes:]
	if length > uint64(len(rest)) {
		return nil, PushBadLength
	}
	if app.Appid(rest[length:]) != p.appid {
		return nil, PushAppidMismatch
	}
	return rest[:length], nil
}
