package web

import (
	"strings"
	"testing"

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
