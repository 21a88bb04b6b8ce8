package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
)

const emptyCall = "" // a body with nothing in it

// TestBadBodies sends what must not reach the keeper: the server has none, and would answer 500.
func TestBadBodies(t *testing.T) {
	tests := []struct {
		name, kind, body string
		want             app.Kind
	}{
		{"nothing", "", emptyCall, app.MissingParameter},
		{"nothing as json", "json", emptyCall, app.MissingParameter},
		{"nothing as form", "form", emptyCall, app.MissingParameter},
		{"no fields", "json", `{}`, app.MissingParameter},
		{"no token", "json", `{"iv":"b","encryptedData":"c"}`, app.MissingParameter},
		{"no iv", "json", `{"token":"a","encryptedData":"c"}`, app.MissingParameter},
		{"no encryptedData", "json", `{"token":"a","iv":"b"}`, app.MissingParameter},
		{"null", "json", `{"token":null,"iv":"b","encryptedData":"c"}`, app.MissingParameter},
		{"empty", "json", `{"token":"a","iv":"","encryptedData":"c"}`, app.MissingParameter},
		{"other case", "json", `{"Token":"a","iv":"b","encryptedData":"c"}`, app.MissingParameter},
		{"missing beside an unknown field of any type", "json", `{"token":"a","iv":"b","other":{"x":[1]}}`, app.MissingParameter},
		{"shape before missing", "json", `{"token":1}`, app.Malformed},
		{"number", "json", `{"token":"a","iv":1,"encryptedData":"c"}`, app.Malformed},
		{"truth", "json", `{"token":true,"iv":"b","encryptedData":"c"}`, app.Malformed},
		{"list", "json", `{"token":["a"],"iv":"b","encryptedData":"c"}`, app.Malformed},
		{"object", "json", `{"token":{"a":"a"},"iv":"b","encryptedData":"c"}`, app.Malformed},
		{"optional of a wrong type", "json", `{"token":"a","iv":"b","encryptedData":"c","rawData":{}}`, app.Malformed},
		{"known name twice", "json", `{"token":"a","token":"a","iv":"b","encryptedData":"c"}`, app.Malformed},
		{"known name twice, once escaped", "json", `{"token":"a","\u0074oken":"x","iv":"b","encryptedData":"c"}`, app.Malformed},
		{"unknown name twice", "json", `{"x":1,"x":2,"token":"a","iv":"b","encryptedData":"c"}`, app.Malformed},
		{"two objects", "json", `{"token":"a","iv":"b","encryptedData":"c"}{}`, app.Malformed},
		{"something after it", "json", `{"token":"a","iv":"b","encryptedData":"c"} x`, app.Malformed},
		{"a list of them", "json", `[{"token":"a","iv":"b","encryptedData":"c"}]`, app.Malformed},
		{"a text", "json", `"token"`, app.Malformed},
		{"null alone", "json", `null`, app.Malformed},
		{"space alone", "json", ` `, app.Malformed},
		{"cut off", "json", `{"token":"a","iv":"b`, app.Malformed},
		{"comma at the end", "json", `{"token":"a",}`, app.Malformed},
		{"comment", "json", `{/**/}`, app.Malformed},
		{"single quotes", "json", `{'token':'a'}`, app.Malformed},
		{"byte order mark", "json", "\xef\xbb\xbf{}", app.Malformed},
		{"invalid UTF-8", "json", "{\"token\":\"\xff\"}", app.Malformed},
		{"raw NUL", "json", "{\"token\":\"\x00\"}", app.Malformed},
		{"deep nesting", "json", `{"x":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`, app.Malformed},
		{"deep nesting, cut off", "json", strings.Repeat(`{"x":`, 10_000), app.Malformed},
		{"form as json", "json", `token=a&iv=b&encryptedData=c`, app.Malformed},
		{"form without a token", "form", `iv=b&encryptedData=c`, app.MissingParameter},
		{"form with an empty token", "form", `token=&iv=b&encryptedData=c`, app.MissingParameter},
		{"form with a bare name", "form", `token&iv=b&encryptedData=c`, app.MissingParameter},
		{"json as form", "form", `{"token":"a"}`, app.MissingParameter},
		{"form, known name twice", "form", `token=a&token=b&iv=b&encryptedData=c`, app.Malformed},
		{"form, bad escape", "form", `token=%zz&iv=b&encryptedData=c`, app.Malformed},
		{"form, cut escape", "form", `token=a&iv=b&encryptedData=%2`, app.Malformed},
		{"form, semicolon", "form", `token=a;iv=b&encryptedData=c`, app.Malformed},
		{"form, invalid UTF-8", "form", "token=%ff&iv=b&encryptedData=c", app.Malformed},
		{"form, raw invalid UTF-8", "form", "token=\xff&iv=b&encryptedData=c", app.Malformed},
		{"no type", "", `{"token":"a"}`, app.UnsupportedContentType},
		{"plain text", "text/plain", `{"token":"a"}`, app.UnsupportedContentType},
		{"multipart", "multipart/form-data; boundary=x", "--x--", app.UnsupportedContentType},
		{"xml", "application/xml", "<token/>", app.UnsupportedContentType},
		{"almost json", "application/jsonx", "{}", app.UnsupportedContentType},
		{"unreadable type", "application/json/x", "{}", app.UnsupportedContentType},
		{"64 KiB and one", "json", `{"x":"` + strings.Repeat("a", bodyBytes-7) + `"}`, app.BodyTooLarge},
		{"1 MB", "json", `{"x":"` + strings.Repeat("a", 1<<20) + `"}`, app.BodyTooLarge},
		{"1 MB of form", "form", "token=" + strings.Repeat("a", 1<<20), app.BodyTooLarge},
		{"1 MB of upload", "multipart/form-data; boundary=x", strings.Repeat("a", 1<<20), app.UnsupportedContentType},
		{"64 KiB exactly", "json", `{"x":"` + strings.Repeat("a", bodyBytes-8) + `"}`, app.MissingParameter},
		{"with a charset", "application/json; charset=utf-8", `{}`, app.MissingParameter},
		{"in capitals", "Application/JSON", `{}`, app.MissingParameter},
		{"with an odd parameter", "application/json; charset", `{}`, app.MissingParameter},
	}
	s, log := newServer()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, path := range []string{"/getinfo", "/getinfo/"} {
				wantFailure(t, ask(t, s, request{method: "POST", path: path, kind: test.kind, body: test.body}), test.want)
			}
		})
	}
	if log.String() != "" {
		t.Errorf("bad input is no matter for the log: %s", log)
	}
}

func TestCompressedBody(t *testing.T) {
	s, _ := newServer()
	for _, path := range []string{"/login/", "/getinfo/", "/session/", "/logout/"} {
		r := request{method: "POST", path: path, kind: "json", body: "\x1f\x8b\x08", header: map[string]string{"Content-Encoding": "gzip"}}
		wantFailure(t, ask(t, s, r), app.UnsupportedContentType)
	}
}

var getInfoNames = []string{"token", "iv", "encryptedData"}

func TestParseJSON(t *testing.T) {
	tests := []struct {
		name, body string
		want       fields
	}{
		{"all", `{"token":"a","iv":"b","encryptedData":"c"}`, fields{"token": "a", "iv": "b", "encryptedData": "c"}},
		{"spaces around", " \r\n{ \"token\" : \"a\" } \n", fields{"token": "a"}},
		{"null is empty", `{"token":null}`, fields{"token": ""}},
		{"unknown ignored", `{"x":{"token":"b"},"y":[{"iv":1,"iv":2}],"token":"a"}`, fields{"token": "a"}},
		{"nested deep, but no deeper than JSON readers go", `{"x":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `,"token":"a"}`, fields{"token": "a"}},
		{"escapes", `{"token":"\u4f60\ud83d\ude00\n"}`, fields{"token": "你😀\n"}},
		{"NUL is a value", `{"token":"a\u0000b"}`, fields{"token": "a\x00b"}},
		{"a lone surrogate is a value", `{"token":"\ud800"}`, fields{"token": "\ufffd"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseJSON([]byte(test.body), getInfoNames)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

func TestParseForm(t *testing.T) {
	tests := []struct {
		name, body string
		want       fields
	}{
		{"all", "token=a&iv=b&encryptedData=c", fields{"token": "a", "iv": "b", "encryptedData": "c"}},
		{"escaped", "iv=a%2Bb%2F%3D&token=%E4%BD%A0", fields{"iv": "a+b/=", "token": "你"}},
		{"a raw + is a space", "iv=a+b/==", fields{"iv": "a b/=="}},
		{"unknown ignored, also twice", "x=1&x=2&y=%ff&token=a", fields{"token": "a"}},
		{"NUL is a value", "token=a%00b", fields{"token": "a\x00b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseForm([]byte(test.body), getInfoNames)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

func TestBearerToken(t *testing.T) {
	tests := []struct{ header, want string }{
		{"Bearer abc", "abc"},
		{"bearer abc", "abc"},
		{"BEARER   abc  ", "abc"},
		{"Bearer", ""},
		{"Bearer ", ""},
		{"Basic abc", ""},
		{"Bearerabc", ""},
		{"abc", ""},
		{"", ""},
	}
	for _, test := range tests {
		if got := bearerToken(test.header); got != test.want {
			t.Errorf("%q: %q, want %q", test.header, got, test.want)
		}
	}
}

// FuzzParseJSON compares with the standard library: whatever is accepted there as an object of strings by exact names, and
// says nothing twice, reads the same here.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"token":"a","iv":"b","encryptedData":"c"}`, `{"token":null}`, `{"token":"\ud800"}`, `{"token":"a","token":"b"}`,
		`{"x":[[[[]]]]}`, `[]`, `{}x`, "\xef\xbb\xbf{}", "{\"token\":\"\xff\"}", `{"token":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseJSON(body, getInfoNames)
		if err != nil {
			if app.KindOf(err) != app.Malformed {
				t.Errorf("%v", err)
			}
			return
		}
		var whole map[string]json.RawMessage
		if json.Unmarshal(body, &whole) != nil || whole == nil {
			t.Fatalf("accepted what is no object: %q", body)
		}
		for name, value := range got {
			var text string
			if json.Unmarshal(whole[name], &text) != nil || text != value || !utf8.ValidString(value) {
				t.Errorf("%s: %q from %s", name, value, whole[name])
			}
		}
	})
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"token=a&iv=b", "token=%zz", "token=a;iv=b", "token=a&token=b", "%00=+", "token=%ff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseForm(body, getInfoNames)
		if err != nil {
			if app.KindOf(err) != app.Malformed {
				t.Errorf("%v", err)
			}
			return
		}
		values, _ := url.ParseQuery(string(body))
		for name, value := range got {
			if len(values[name]) != 1 || values[name][0] != value || !utf8.ValidString(value) {
				t.Errorf("%s: %q from %q", name, value, values[name])
			}
		}
	})
}

func FuzzBearerToken(f *testing.F) {
	f.Add("Bearer abc")
	f.Add("bearer \t x y ")
	f.Fuzz(func(t *testing.T, header string) {
		if token := bearerToken(header); token != "" && (!strings.HasSuffix(strings.TrimSpace(header), token) || token != strings.TrimSpace(token)) {
			t.Errorf("%q from %q", token, header)
		}
	})
}
