package app

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable says whether a text is what people can read and write: at most so many characters, each printable.
func Printable(text string, most int) bool {
	return utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) })
}
