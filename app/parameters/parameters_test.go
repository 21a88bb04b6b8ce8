package parameters

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
)

var getInfoNames = []string{"token", "iv", "encryptedData"}

func TestJSON(t *testing.T) {
	tests := []struct {
		name, body string
		want       Parameters
	}{
		{"all", `{"token":"a","iv":"b","encryptedData":"c"}`, Parameters{"token": "a", "iv": "b", "encryptedData": "c"}},
		{"spaces around", " \r\n{ \"token\" : \"a\" } \n", Parameters{"token": "a"}},
		{"null is empty", `{"token":null}`, Parameters{"token": ""}},
		{"unknown ignored", `{"x":{"token":"b"},"y":[{"iv":1,"iv":2}],"token":"a"}`, Parameters{"token": "a"}},
		{"nested deep, but no deeper than JSON readers go", `{"x":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `,"token":"a"}`, Parameters{"token": "a"}},
		{"escapes", `{"token":"\u4f60\ud83d\ude00\n"}`, Parameters{"token": "你😀\n"}},
		{"NUL is a value", `{"token":"a\u0000b"}`, Parameters{"token": "a\x00b"}},
		{"a lone surrogate is a value", `{"token":"\ud800"}`, Parameters{"token": "\ufffd"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := JSON([]byte(test.body), getInfoNames)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

func TestForm(t *testing.T) {
	tests := []struct {
		name, body string
		want       Parameters
	}{
		{"all", "token=a&iv=b&encryptedData=c", Parameters{"token": "a", "iv": "b", "encryptedData": "c"}},
		{"escaped", "iv=a%2Bb%2F%3D&token=%E4%BD%A0", Parameters{"iv": "a+b/=", "token": "你"}},
		{"a raw + is a space", "iv=a+b/==", Parameters{"iv": "a b/=="}},
		{"unknown ignored, also twice", "x=1&x=2&y=%ff&token=a", Parameters{"token": "a"}},
		{"NUL is a value", "token=a%00b", Parameters{"token": "a\x00b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Form([]byte(test.body), getInfoNames)
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
		if got := BearerToken(test.header); got != test.want {
			t.Errorf("%q: %q, want %q", test.header, got, test.want)
		}
	}
}

// FuzzJSON compares with the standard library: whatever is accepted there as an object of strings by exact names, and
// says nothing twice, reads the same here.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"token":"a","iv":"b","encryptedData":"c"}`, `{"token":null}`, `{"token":"\ud800"}`, `{"token":"a","token":"b"}`,
		`{"x":[[[[]]]]}`, `[]`, `{}x`, "\xef\xbb\xbf{}", "{\"token\":\"\xff\"}", `{"token":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := JSON(body, getInfoNames)
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

func FuzzForm(f *testing.F) {
	for _, seed := range []string{"token=a&iv=b", "token=%zz", "token=a;iv=b", "token=a&token=b", "%00=+", "token=%ff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Form(body, getInfoNames)
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
		if token := BearerToken(header); token != "" && (!strings.HasSuffix(strings.TrimSpace(header), token) || token != strings.TrimSpace(token)) {
			t.Errorf("%q from %q", token, header)
		}
	})
}
