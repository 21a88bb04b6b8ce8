package views

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Language is one of the languages that pages speak. The zero value means Chinese.
type Language string

// The languages of pages.
const (
	Chinese Language = "zh-CN"
	English Language = "en"
)

// Languages lists the languages, the default first.
func Languages() []Language { return []Language{Chinese, English} }

var languageMatcher = language.NewMatcher([]language.Tag{language.MustParse(string(Chinese)), language.English})

// MatchLanguage picks the language of a request: what the operator chose (a cookie's value, or empty), else what the browser
// asks for. Whatever neither settles is Chinese.
func MatchLanguage(chosen, acceptLanguage string) Language {
	for _, known := range Languages() {
		if chosen == string(known) {
			return known
		}
	}
	_, index := language.MatchStrings(languageMatcher, acceptLanguage)
	return Languages()[index]
}

// Text speaks one language.
type Text struct {
	Language Language
}

// T is the text of a message, with its {{.name}} places filled from pairs of name and value. Integers are written with
// separators; the one called n also chooses between one and many. A message that does not exist shows as ⟦its id⟧, a place
// without a value likewise.
func (t Text) T(id string, pairs ...any) string {
	message, found := texts[t.language()][id]
	if !found {
		return "⟦" + id + "⟧"
	}
	phrase := message.other
	if message.one != nil && isOne(pairs) {
		phrase = message.one
	}
	if len(pairs) == 0 && phrase.plain() {
		return phrase[0].text
	}
	var text strings.Builder
	for _, piece := range phrase {
		text.WriteString(piece.text)
		if piece.place != "" {
			text.WriteString(t.value(piece.place, pairs))
		}
	}
	return text.String()
}

// Has says whether a message exists.
func (t Text) Has(id string) bool {
	_, found := texts[t.language()][id]
	return found
}

func (t Text) language() Language {
	if t.Language == English {
		return English
	}
	return Chinese
}

func isOne(pairs []any) bool {
	value, _ := named(pairs, "n")
	n, isNumber := integer(value)
	return isNumber && n == 1
}

func named(pairs []any, name string) (value any, found bool) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1], true
		}
	}
	return nil, false
}

func (t Text) value(place string, pairs []any) string {
	value, found := named(pairs, place)
	if !found {
		return "⟦" + place + "⟧"
	}
	if number, isNumber := integer(value); isNumber {
		return t.Count(number)
	}
	return fmt.Sprint(value)
}

func integer(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

// Count writes a number with separators: 12,345.
func (t Text) Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for at := len(digits) - 3; at > first; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// Short writes a number for charts and narrow places, rounded to three digits: 1.2 万 or 12K.
func (t Text) Short(n int64) string {
	units := []shortUnit{{1e8, " 亿"}, {1e4, " 万"}}
	if t.language() == English {
		units = []shortUnit{{1e9, "B"}, {1e6, "M"}, {1e3, "K"}}
	}
	for _, unit := range units {
		if n >= unit.size {
			return strconv.FormatFloat(shortened(float64(n)/float64(unit.size)), 'f', -1, 64) + unit.name
		}
	}
	return t.Count(n)
}

type shortUnit struct {
	size int64
	name string
}

// shortened keeps one decimal of small numbers and never rounds up to what is not reached.
func shortened(value float64) float64 {
	if value >= 100 {
		return float64(int64(value))
	}
	return float64(int64(value*10)) / 10
}

// Percent writes part of whole with one decimal: 98.7%. Only all of it is 100%. Nothing of nothing is a dash.
func (t Text) Percent(part, whole int64) string {
	switch {
	case whole <= 0:
		return "–"
	case part >= whole:
		return "100%"
	}
	return strconv.FormatFloat(float64(part*1000/whole)/10, 'f', 1, 64) + "%"
}

//go:embed messages/*.json
var messageFiles embed.FS

// message is what is said of one and of many. One is nil where a language makes no difference, as Chinese.
type message struct{ one, other phrase }

// phrase is a text cut at its places.
type phrase []piece

// piece is a stretch of text and the place after it, "" at the end of the phrase.
type piece struct{ text, place string }

// plain says whether it has no places, as most have: a page has hundreds of them.
func (p phrase) plain() bool { return len(p) == 1 && p[0].place == "" }

var texts = loadTexts()

// loadTexts panics on a broken message file: it is part of the program, and every test would see it.
func loadTexts() map[Language]map[string]message {
	bundle := i18n.NewBundle(language.MustParse(string(Chinese)))
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	all := map[Language]map[string]message{Chinese: {}, English: {}}
	files, err := messageFiles.ReadDir("messages")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		loaded, err := bundle.LoadMessageFileFS(messageFiles, "messages/"+file.Name())
		if err != nil {
			panic(err)
		}
		for _, one := range loaded.Messages {
			all[Language(loaded.Tag.String())][one.ID] = message{one: cut(one.One), other: cut(one.Other)}
		}
	}
	return all
}

// cut cuts a text at its places, {{.name}} each.
func cut(text string) phrase {
	var pieces phrase
	for text != "" {
		before, rest, found := strings.Cut(text, "{{.")
		place, after, closed := strings.Cut(rest, "}}")
		if found && !closed {
			panic("a place that does not end: " + text)
		}
		pieces = append(pieces, piece{before, place})
		text = after
	}
	return pieces
}
