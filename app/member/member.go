// Package member walks the members of a JSON object in bytes that strangers sent, without copying what nobody wants.
package member

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Object is the text of one JSON object, known to be valid. It is read with a walk of our own, since encoding/json takes
// openGId for opengid, lets the last of two openIds win without a word, and costs several times as much.
type Object []byte

// Read takes a text that is exactly one JSON object in UTF-8.
func Read(text []byte) (Object, bool) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, false
	}
	text = bytes.TrimSpace(text)
	return text, text[0] == '{'
}

// Each lists names, still quoted, and values, as they stand and in their order. Both are only lent.
func (o Object) Each() iter.Seq2[[]byte, []byte] {
	return func(yield func(quotedName, value []byte) bool) {
		if len(o) == 0 { // the zero Object
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
func (o Object) skip(i int) int {
	for strings.IndexByte(" \t\r\n,:", o[i]) >= 0 {
		i++
	}
	return i
}

// stringEnd gives the place behind the string that begins at i.
func (o Object) stringEnd(i int) int {
	for i++; o[i] != '"'; i++ {
		if o[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd gives the place behind the value that begins at i.
func (o Object) valueEnd(i int) int {
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

func (o Object) nestEnd(i int) int {
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

// Name gives a name without its quotes. It is only lent.
func Name(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	return []byte(Unquote(quoted))
}

// Unquote gives what a valid string stands for.
func Unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // quoted is valid: it cannot fail
	return text
}

// Exact says whether every escape of a valid string stands for a character. Half of a surrogate pair stands for none, and becomes
// another character when it is read: what has to be the same bytes on both sides must not hold one.
func Exact(quoted []byte) bool {
	for i := bytes.IndexByte(quoted, '\\'); i >= 0 && i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		i++
		if quoted[i] != 'u' || !utf16.IsSurrogate(unit(quoted[i+1:])) {
			continue
		}
		if !bytes.HasPrefix(quoted[i+5:], []byte(`\u`)) || utf16.DecodeRune(unit(quoted[i+1:]), unit(quoted[i+7:])) == utf8.RuneError {
			return false
		}
		i += 10
	}
	return true
}

// unit reads the four hex digits of an escape.
func unit(digits []byte) rune {
	value, _ := strconv.ParseUint(string(digits[:4]), 16, 16) // the string is valid: it cannot fail
	return rune(value)
}

// Text reads a string, or a number as it is written: WeChat gives countryCode as either. null counts as "".
func Text(value []byte) (text string, ok bool) {
	switch value[0] {
	case '"':
		return Unquote(value), true
	case 'n':
		return "", true
	case '{', '[', 't', 'f':
		return "", false
	}
	return string(value), true
}
