package wechat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"

	"wxkeeper/app"
)

// OpenProblem is the check that sealed data, or the payload in it, did not pass. It is an error of its own, to be asked for
// with errors.Is; its text is a stable id. Checks run in the order of the list. Clients are never told which one failed:
// CBC has no integrity, and whoever learns why data did not open can forge some.
type OpenProblem string

// The checks.
const (
	BadSessionKey       OpenProblem = "bad_session_key"       // the key is not base64 of 16 bytes
	BadIV               OpenProblem = "bad_iv"                // iv is not base64 of 16 bytes
	BadBase64           OpenProblem = "bad_base64"            // encryptedData is not base64
	BadCiphertextLength OpenProblem = "bad_ciphertext_length" // encryptedData is empty or no multiple of 16 bytes
	BadPadding          OpenProblem = "bad_padding"           // no PKCS#7 padding: most likely another key
	BadJSON             OpenProblem = "bad_json"              // not one JSON object in UTF-8, or one that no WeChat makes
	MissingWatermark    OpenProblem = "missing_watermark"     // no watermark that tells appid and time
	AppidMismatch       OpenProblem = "appid_mismatch"        // sealed for another mini program
	OpenIDMismatch      OpenProblem = "openid_mismatch"       // sealed for another user
)

// Error gives the id.
func (p OpenProblem) Error() string { return string(p) }

// FormatError says which parameter is not even the text of sealed data. The client may know: nothing was opened yet.
type FormatError struct {
	Field   string // encryptedData or iv
	Problem OpenProblem
}

// Error describes the failure for the log.
func (e *FormatError) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Problem) }

// Unwrap gives the problem.
func (e *FormatError) Unwrap() error { return e.Problem }

// Sealed is sealed data in bytes: what a mini program sends as encryptedData and iv.
type Sealed struct {
	Ciphertext []byte
	IV         []byte
	Repaired   bool // the text had suffered on the way and was repaired
}

// ReadSealed reads encryptedData and iv as clients send them. It repairs what transport is known to do to base64: '+' that
// became a space, the URL-safe alphabet, missing padding, line breaks and tabs. The error is a *FormatError.
func ReadSealed(encryptedData, iv string) (Sealed, error) {
	return readSealed(encryptedData, iv, repairBase64)
}

// DecodeSealed is ReadSealed without any repair.
func DecodeSealed(encryptedData, iv string) (Sealed, error) {
	return readSealed(encryptedData, iv, refuseBase64)
}

func readSealed(encryptedData, iv string, otherwise func(string) ([]byte, error)) (Sealed, error) {
	ivBytes, ivRepaired, err := decodeBase64(iv, otherwise)
	if err != nil || len(ivBytes) != aes.BlockSize {
		return Sealed{}, &FormatError{Field: "iv", Problem: BadIV}
	}
	ciphertext, repaired, err := decodeBase64(encryptedData, otherwise)
	if err != nil {
		return Sealed{}, &FormatError{Field: "encryptedData", Problem: BadBase64}
	}
	if !wholeBlocks(ciphertext) {
		return Sealed{}, &FormatError{Field: "encryptedData", Problem: BadCiphertextLength}
	}
	return Sealed{Ciphertext: ciphertext, IV: ivBytes, Repaired: ivRepaired || repaired}, nil
}

func wholeBlocks(ciphertext []byte) bool {
	return len(ciphertext) > 0 && len(ciphertext)%aes.BlockSize == 0
}

// Open opens the data with one key: AES-128-CBC, the whole PKCS#7 padding, one JSON object in UTF-8 (开放数据校验与解密). The
// error is an OpenProblem: BadSessionKey, BadPadding or BadJSON, and for a Sealed not made by ReadSealed also BadIV or
// BadCiphertextLength. About 1 wrong key in 255 passes the padding; the JSON stops it. What the payload says about itself is
// not checked yet: see Payload.Check.
func (s Sealed) Open(key app.SessionKey) (Payload, error) {
	block, err := newBlock(key)
	switch {
	case err != nil:
		return Payload{}, err
	case len(s.IV) != aes.BlockSize:
		return Payload{}, BadIV
	case !wholeBlocks(s.Ciphertext):
		return Payload{}, BadCiphertextLength
	}
	plaintext := make([]byte, len(s.Ciphertext))
	cipher.NewCBCDecrypter(block, s.IV).CryptBlocks(plaintext, s.Ciphertext)
	text, ok := unpad(plaintext, aes.BlockSize)
	if !ok {
		return Payload{}, BadPadding
	}
	return readPayload(text)
}

// Seal is the reverse of Open, for whoever plays WeChat: it seals any plaintext under a key and an iv of 16 bytes. It fails
// with BadSessionKey or BadIV.
func Seal(key app.SessionKey, iv []byte, plaintext []byte) (encryptedData, ivText string, err error) {
	block, err := newBlock(key)
	if err != nil {
		return "", "", err
	}
	if len(iv) != aes.BlockSize {
		return "", "", BadIV
	}
	text := pad(plaintext, aes.BlockSize)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text), base64.StdEncoding.EncodeToString(iv), nil
}

func newBlock(key app.SessionKey) (cipher.Block, error) {
	bytes, err := key.Bytes()
	if err != nil {
		return nil, BadSessionKey
	}
	return aes.NewCipher(bytes)
}

// unpad removes PKCS#7 padding (RFC 5652, section 6.3) and checks every byte of it: looking at the last one alone lets
// noise through, or slices out of range.
func unpad(text []byte, blockSize int) ([]byte, bool) {
	last := text[len(text)-1]
	run := int(last)
	if run == 0 || run > min(blockSize, len(text)) {
		return nil, false
	}
	rest, padding := text[:len(text)-run], text[len(text)-run:]
	return rest, bytes.Count(padding, []byte{last}) == run
}

func pad(plaintext []byte, blockSize int) []byte {
	run := blockSize - len(plaintext)%blockSize
	return append(bytes.Clone(plaintext), bytes.Repeat([]byte{byte(run)}, run)...)
}
