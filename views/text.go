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
// separators; the one called n also chooses between one and many. A message that does not exist shows as ⟦its id⟧.
func (t Text) T(id string, pairs ...any) string {
	spoken := texts[t.language()]
	if len(pairs) == 0 {
		if text, found := spoken.plain[id]; found {
			return text
		}
	}
	config := i18n.LocalizeConfig{MessageID: id}
	config.TemplateData, config.PluralCount = t.placeholders(pairs)
	text, err := spoken.localizer.Localize(&config)
	if err != nil {
		return "⟦" + id + "⟧"
	}
	return text
}

// Has says whether a message exists.
func (t Text) Has(id string) bool { return texts[t.language()].known[id] }

func (t Text) language() Language {
	if t.Language == English {
		return English
	}
	return Chinese
}

func (t Text) placeholders(pairs []any) (data map[string]any, plural any) {
	data = make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name := fmt.Sprint(pairs[i])
		number, isNumber := integer(pairs[i+1])
		switch {
		case isNumber:
			data[name] = t.Count(number)
		default:
			data[name] = pairs[i+1]
		}
		if isNumber && name == "n" {
			plural = number
		}
	}
	return data, plural
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

// spoken is one language, loaded. Most messages have no places to fill, and a page has hundreds of them.
type spoken struct {
	localizer *i18n.Localizer
	plain     map[string]string
	known     map[string]bool
}

var texts = loadTexts()

// loadTexts panics on a broken message file: it is part of the program, and every test would see it.
func loadTexts() map[Language]spoken {
	bundle := i18n.NewBundle(language.MustParse(string(Chinese)))
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	plain := map[Language]map[string]string{Chinese: {}, English: {}}
	ids := map[Language]map[string]bool{Chinese: {}, English: {}}
	files, err := messageFiles.ReadDir("messages")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		loaded, err := bundle.LoadMessageFileFS(messageFiles, "messages/"+file.Name())
		if err != nil {
			panic(err)
		}
		for _, message := range loaded.Messages {
			ids[Language(loaded.Tag.String())][message.ID] = true
			if message.One == "" && !hasPlaces(message.Other) {
				plain[Language(loaded.Tag.String())][message.ID] = message.Other
			}
		}
	}
	all := map[Language]spoken{}
	for _, known := range Languages() {
		all[known] = spoken{i18n.NewLocalizer(bundle, string(known)), plain[known], ids[known]}
	}
	return all
}

func hasPlaces(text string) bool { return strings.Contains(text, "{{") }
