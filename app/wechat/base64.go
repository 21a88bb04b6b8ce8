package wechat

import (
	"encoding/base64"
	"errors"
	"strings"
)

// decodeBase64 decodes standard base64. Text that is not goes to otherwise, and counts as repaired if that succeeds.
func decodeBase64(text string, otherwise func(string) ([]byte, error)) (bytes []byte, repaired bool, err error) {
	if !strings.ContainsAny(text, "\r\n") { // which Go's decoder would skip
		if bytes, err = base64.StdEncoding.DecodeString(text); err == nil {
			return bytes, false, nil
		}
	}
	bytes, err = otherwise(text)
	return bytes, err == nil, err
}

var errNotBase64 = errors.New("not base64")

func refuseBase64(string) ([]byte, error) { return nil, errNotBase64 }

// repairBase64 decodes text that suffered on its way. A space was a '+', but not where only padding can stand.
func repairBase64(text string) ([]byte, error) {
	digits, padding, _ := strings.Cut(text, "=")
	if strings.Trim(padding, "= \t\r\n\v\f") != "" {
		return nil, errNotBase64
	}
	return base64.RawStdEncoding.DecodeString(strings.Map(repairDigit, digits))
}

func repairDigit(digit rune) rune {
	switch digit {
	case ' ', '-':
		return '+'
	case '_':
		return '/'
	case '\t', '\r', '\n', '\v', '\f':
		return -1
	}
	return digit
}
