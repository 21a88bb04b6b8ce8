package parameters

import (
	"strings"
	"testing"
)

func TestUpload(t *testing.T) {
	field := func(name, text string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + text + "\r\n"
	}
	file := func(text string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\nContent-Type: text/html\r\n\r\n" + text + "\r\n"
	}
	for name, test := range map[string]struct {
		body, token, file string
		fails             bool
	}{
		"both":           {field("token", "a") + file("p") + "--b--", "a", "p", false},
		"file first":     {file("p") + field("token", "a") + "--b--", "a", "p", false},
		"unknown fields": {field("x", "1") + field("x", "2") + file("p") + "--b--", "", "p", false},
		"no file":        {field("token", "a") + "--b--", "a", "", false},
		"two files":      {file("p") + file("q") + "--b--", "", "", true},
		"two tokens":     {field("token", "a") + field("token", "b") + "--b--", "", "", true},
		"cut off":        {file("p")[:60], "", "", true},
		"no end":         {field("token", "a") + file("p"), "", "", true},
		"long token":     {field("token", strings.Repeat("a", 5000)) + "--b--", "", "", true},
		"no UTF-8":       {field("token", "\xff") + "--b--", "", "", true},
		"many parts":     {strings.Repeat(field("x", ""), 30) + "--b--", "", "", true},
		"empty":          {"", "", "", true},
	} {
		in, content, err := Upload([]byte(test.body), "b", []string{"token"})
		if in["token"] != test.token || string(content) != test.file || (err != nil) != test.fails {
			t.Errorf("%s: %v, %q, %v", name, in, content, err)
		}
	}
}

func FuzzUpload(f *testing.F) {
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\n--b--"), "b")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		in, file, err := Upload(body, boundary, []string{"token"})
		if err == nil && (len(in) > 1 || len(file) > len(body)) {
			t.Errorf("%v, %d bytes", in, len(file))
		}
	})
}
