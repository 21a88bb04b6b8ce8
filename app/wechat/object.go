package wechat

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"
)

// object is the text of one JSON object, known to be valid. It is read with a walk of our own, since encoding/json takes
// openGId for opengid, lets the last of two openIds win without a word, and costs several times as much.
type object []byte

func readObject(text []byte) (object, bool) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, false
	}
	text = bytes.TrimSpace(text)
	return text, text[0] == '{'
}

// members lists names, still quoted, and values, as they stand and in their order. Both are only lent.
func (o object) members() iter.Seq2[[]byte, []byte] {
	return func(yield func(quotedName, value []byte) bool) {
		if len(o) == 0 { // of a zero Payload
			return
		}
		for i := o.skip(1); o[i] != '}'; i = o.skip(i) {
			nameEnd := o.stringEnd(i)
			valueStart := o.skip(nameEnd)
			valueEnd := o.valueEnd(valueStart)
			if !yield(o[i:nameEnd], o[valueStart:valueEnd]) {
				return
			}
			i = valueEnd
		}
	}
}

// skip gives the place of the next byte that is neither space nor separator.
func (o object) skip(i int) int {
	for strings.IndexByte(" \t\r\n,:", o[i]) >= 0 {
		i++
	}
	return i
}

// stringEnd gives the place behind the string that begins at i.
func (o object) stringEnd(i int) int {
	for i++; o[i] != '"'; i++ {
		if o[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd gives the place behind the value that begins at i.
func (o object) valueEnd(i int) int {
	switch o[i] {
	case '"':
		return o.stringEnd(i)
	case '{', '[':
		return o.nestEnd(i)
	}
	for strings.IndexByte(" \t\r\n,}", o[i]) < 0 {
		i++
	}
	return i
}

func (o object) nestEnd(i int) int {
	for depth := 0; ; {
		switch o[i] {
		case '"':
			i = o.stringEnd(i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

func unquoteName(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	return []byte(unquote(quoted))
}

func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // quoted is valid: it cannot fail
	return text
}

// textOf reads a string, or a number as it is written: WeChat gives countryCode as either. null counts as "".
func textOf(value []byte) (text string, ok bool) {
	switch value[0] {
	case '"':
		return unquote(value), true
	case 'n':
		return "", true
	case '{', '[', 't', 'f':
		return "", false
	}
	return string(value), true
}
