package views

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxkeeper/static"
)

// readMessages is all messages of a language: for each id the places in its text. The same id may not stand in two files.
func readMessages(t *testing.T, language Language) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("messages/*." + string(language) + ".json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no messages in %s: %v", language, err)
	}
	places := map[string][]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var messages map[string]any
		if err := json.Unmarshal(content, &messages); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, message := range messages {
			if _, twice := places[id]; twice {
				t.Errorf("%s: %s stands in another file too", name, id)
			}
			places[id] = placesOf(t, language, id, message)
		}
	}
	return places
}

var filled = regexp.MustCompile(`\{\{\s*\.(\w+)\s*\}\}`)

func placesOf(t *testing.T, language Language, id string, message any) []string {
	forms := map[string]any{}
	switch m := message.(type) {
	case string:
		forms["other"] = m
	case map[string]any:
		forms = m
		if _, found := m["other"]; !found {
			t.Errorf("%s in %s has no form called other", id, language)
		}
		if _, found := m["one"]; found != (language == English) {
			t.Errorf("%s in %s: English counts one and other, Chinese other only", id, language)
		}
	default:
		t.Fatalf("%s is neither a text nor forms of one", id)
	}
	all := map[string]bool{}
	for _, form := range forms {
		text := fmt.Sprint(form)
		if text == "" {
			t.Errorf("%s in %s is empty", id, language)
		}
		for _, found := range filled.FindAllStringSubmatch(text, -1) {
			all[found[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func TestLanguagesSayTheSame(t *testing.T) {
	chinese, english := readMessages(t, Chinese), readMessages(t, English)
	for id, places := range chinese {
		if other, found := english[id]; !found {
			t.Errorf("%s is missing in English", id)
		} else if !slices.Equal(places, other) {
			t.Errorf("%s has the places %v in Chinese and %v in English", id, places, other)
		}
	}
	for id := range english {
		if _, found := chinese[id]; !found {
			t.Errorf("%s is missing in Chinese", id)
		}
	}
}

var (
	spokenID   = regexp.MustCompile(`\bT\("([^"]+)"\s*[,)]`)
	spokenStem = regexp.MustCompile(`\bT\("([^"]+)"\s*\+`)
	quoted     = regexp.MustCompile(`"([a-z][\w.]*\.[\w.]*)"`)
)

// sources are the texts of what speaks: pages, and the handlers that say what came of an action.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.templ", "*.go", "../app/web/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") || name == "icons.go" {
				continue
			}
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(content)
		}
	}
	return all
}

func TestEveryMessageSpokenExists(t *testing.T) {
	messages := readMessages(t, Chinese)
	for name, source := range sources(t) {
		for _, found := range spokenID.FindAllStringSubmatch(source, -1) {
			if _, exists := messages[found[1]]; !exists {
				t.Errorf("%s speaks of %s, which is no message", name, found[1])
			}
		}
		for _, found := range spokenStem.FindAllStringSubmatch(source, -1) {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(messages)), func(id string) bool { return strings.HasPrefix(id, found[1]) }) {
				t.Errorf("%s speaks of %s…, with which no message begins", name, found[1])
			}
		}
	}
}

// An id counts as spoken where it stands in quotes, or the beginning of it up to one of its dots.
func TestEveryMessageIsSpoken(t *testing.T) {
	spoken := map[string]bool{}
	for _, source := range sources(t) {
		for _, found := range quoted.FindAllStringSubmatch(source, -1) {
			spoken[strings.TrimSuffix(found[1], ".")] = true
		}
	}
	for id := range readMessages(t, Chinese) {
		beginning := id
		for beginning != "" && !spoken[beginning] {
			beginning = beginning[:max(strings.LastIndex(beginning, "."), 0)]
		}
		if beginning == "" {
			t.Errorf("nothing says %s", id)
		}
	}
}

var (
	iconName  = regexp.MustCompile(`\bIcon(?:\(|:\s*)"([^"]+)"`)
	assetName = regexp.MustCompile(`static\.Path\("([^"]+)"\)`)
)

func TestEveryIconAndFileExists(t *testing.T) {
	for name, source := range sources(t) {
		for _, found := range iconName.FindAllStringSubmatch(source, -1) {
			if icons[found[1]] == "" {
				t.Errorf("%s shows the icon %s: run npm run build", name, found[1])
			}
		}
		for _, found := range assetName.FindAllStringSubmatch(source, -1) {
			if static.Path(found[1]) == "" {
				t.Errorf("%s loads %s, which is not there", name, found[1])
			}
		}
	}
}

func TestT(t *testing.T) {
	chinese, english := Text{}, Text{English}
	for got, want := range map[string]string{
		chinese.T("nav.users"):                         "用户",
		english.T("nav.users"):                         "Users",
		chinese.T("time.ago", "n", 3):                  "3 分钟前",
		english.T("time.ago", "n", 1):                  "1 minute ago",
		english.T("time.ago", "n", 2):                  "2 minutes ago",
		english.T("select.all", "n", int64(12345)):     "Take all 12,345 that match",
		chinese.T("frame.app", "appid", "<b>"):         "小程序 <b>",
		chinese.T("no.such.message"):                   "⟦no.such.message⟧",
		chinese.T("time.ago"):                          "⟦n⟧ 分钟前",
		Text{"fr"}.T("nav.users"):                      "用户",
		chinese.JoinReason("login", ""):                "用户反馈登录异常",
		chinese.JoinReason("login", " 工单 12 "):         "用户反馈登录异常：工单 12",
		english.JoinReason("other", "asked by phone"):  "asked by phone",
		english.JoinReason("other", " "):               "",
		chinese.JoinReason("", "工单 12"):                "工单 12",
		chinese.JoinReason("whatever was sent", ""):    "whatever was sent",
		chinese.Percent(0, 0) + chinese.Percent(3, 3):  "–100%",
		chinese.Percent(99999, 100000):                 "99.9%",
		chinese.Short(12345) + chinese.Short(1284567):  "1.2 万128 万",
		english.Short(1999) + english.Short(1_250_000): "1.9K1.2M",
		chinese.Short(9999) + chinese.Count(-1234567):  "9,999-1,234,567",
		english.Count(0) + english.Count(-123):         "0-123",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMatchLanguage(t *testing.T) {
	for _, test := range []struct {
		chosen, accepted string
		want             Language
	}{
		{"", "", Chinese},
		{"", "en-GB,en;q=0.9", English},
		{"", "zh-TW,zh;q=0.9,en;q=0.8", Chinese},
		{"", "fr-FR,fr;q=0.9", Chinese},
		{"", "de,en;q=0.5,zh;q=0.3", English},
		{"zh-CN", "en", Chinese},
		{"en", "zh-CN", English},
		{"klingon", "en", English},
		{"", "\x00;;;q=", Chinese},
	} {
		if got := MatchLanguage(test.chosen, test.accepted); got != test.want {
			t.Errorf("chosen %q, accepted %q: %s, want %s", test.chosen, test.accepted, got, test.want)
		}
	}
}

func BenchmarkT(b *testing.B) {
	english := Text{English}
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			english.T("nav.users")
		}
	})
	b.Run("with a place", func(b *testing.B) {
		for b.Loop() {
			english.T("time.ago", "n", 3)
		}
	})
}
