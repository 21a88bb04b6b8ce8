package wechat_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// testSecret has letters that change when escaped, so that both forms of it can be looked for.
const testSecret = app.Secret("s3cret/of+the&app=")

const goodAnswer = `{"session_key":"tiihtNczf5v6AKRyjwEUhQ==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE"}`

func newClient(t testing.TB, options wechat.Options) *wechat.Client {
	t.Helper()
	if options.BaseURL == "" {
		options.BaseURL = "https://api.weixin.qq.com"
	}
	options.Appid, options.Secret = testAppid, testSecret
	client, err := wechat.NewClient(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// standIn is a WeChat that gives every call the same answer, over real HTTP.
func standIn(t *testing.T, answer http.HandlerFunc) *wechat.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return newClient(t, wechat.Options{BaseURL: server.URL})
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, body)
	}
}

// failure wants err to be an *Error that tells no secret, however it is written down.
func failure(t testing.TB, err error) *wechat.Error {
	t.Helper()
	failed, ok := errors.AsType[*wechat.Error](err)
	if !ok {
		t.Fatalf("error %v (%T) is no *wechat.Error", err, err)
	}
	var log strings.Builder
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).Error("failed", "err", err, "fields", *failed)
	}
	wantNoSecret(t, log.String()+fmt.Sprintf("%v %+v %#v %q %+v", err, err, err, err, *failed))
	return failed
}

func wantNoSecret(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []app.Secret{testSecret, testAccessToken, testSignature} {
		shown := secret.Reveal()
		for _, form := range []string{shown, url.QueryEscape(shown), url.PathEscape(shown), strings.Trim(quote(shown), `"`)} {
			if strings.Contains(text, form) {
				t.Errorf("%q stands in %s", form, text)
			}
		}
	}
}

func TestLogin(t *testing.T) {
	for name, test := range map[string]struct {
		answer  string
		unionID app.UnionID
	}{
		"plain":                   {goodAnswer, ""},
		"unionid":                 {strings.Replace(goodAnswer, "{", `{"unionid":"u1",`, 1), "u1"},
		"errcode 0":               {strings.Replace(goodAnswer, "{", `{"errcode":0,"errmsg":"ok",`, 1), ""},
		"errcode null":            {strings.Replace(goodAnswer, "{", `{"errcode":null,`, 1), ""},
		"errcode 0 as text":       {strings.Replace(goodAnswer, "{", `{"errcode":"0",`, 1), ""},
		"expires_in of long ago":  {strings.Replace(goodAnswer, "{", `{"expires_in":7200,`, 1), ""},
		"fields nobody knows":     {strings.Replace(goodAnswer, "{", `{"x":[{"openid":"no"}],"OPENID":1,`, 1), ""},
		"unusable unionid":        {strings.Replace(goodAnswer, "{", `{"unionid":{"a":"b"},`, 1), ""},
		"unionid null":            {strings.Replace(goodAnswer, "{", `{"unionid":null,`, 1), ""},
		"unionid with a line end": {strings.Replace(goodAnswer, "{", `{"unionid":"u\n1",`, 1), ""},
		"spaces around":           {"\r\n " + goodAnswer + " \n", ""},
		"bytes that are no UTF-8": {strings.Replace(goodAnswer, "{", "{\"errmsg\":\"\xc7\xeb\",", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			login, err := standIn(t, text(test.answer)).Code2Session(t.Context(), "c1")
			if err != nil {
				t.Fatal(err)
			}
			if login.AskedAt.Before(before) || login.AskedAt.After(time.Now()) {
				t.Errorf("asked at %v", login.AskedAt)
			}
			want := wechat.Login{OpenID: "oGZUI0egBJY1zhBYw2KhdUfwVJJE", SessionKey: testKey(), UnionID: test.unionID, Tries: 1}
			if diff := cmp.Diff(want, login, cmpopts.IgnoreFields(wechat.Login{}, "AskedAt")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if shown := fmt.Sprintf("%v %+v %#v", login, login, login); strings.Contains(shown, testKeyText) {
				t.Errorf("the session key stands in %s", shown)
			}
		})
	}
}

func TestAnswersThatAreNoLogin(t *testing.T) {
	const key = `"session_key":"tiihtNczf5v6AKRyjwEUhQ=="`
	for name, test := range map[string]struct {
		answer string
		want   wechat.Error
	}{
		"empty":                    {"", wechat.Error{Problem: wechat.ProblemEmpty}},
		"blank":                    {" \r\n", wechat.Error{Problem: wechat.ProblemEmpty}},
		"page":                     {"<html>502</html>", wechat.Error{Problem: wechat.ProblemNotJSON}},
		"half":                     {goodAnswer[:40], wechat.Error{Problem: wechat.ProblemNotJSON}},
		"list":                     {"[" + goodAnswer + "]", wechat.Error{Problem: wechat.ProblemNotJSON}},
		"null":                     {"null", wechat.Error{Problem: wechat.ProblemNotJSON}},
		"XML":                      {"<xml><errcode>0</errcode></xml>", wechat.Error{Problem: wechat.ProblemNotJSON}},
		"nothing in it":            {"{}", wechat.Error{Problem: wechat.ProblemMissingField, Field: "openid"}},
		"errcode 0 alone":          {`{"errcode":0}`, wechat.Error{Problem: wechat.ProblemMissingField, Field: "openid"}},
		"openid empty":             {`{"openid":"",` + key + `}`, wechat.Error{Problem: wechat.ProblemMissingField, Field: "openid"}},
		"openid null":              {`{"openid":null,` + key + `}`, wechat.Error{Problem: wechat.ProblemMissingField, Field: "openid"}},
		"openid a list":            {`{"openid":["o1"],` + key + `}`, wechat.Error{Problem: wechat.ProblemMissingField, Field: "openid"}},
		"openid in another case":   {`{"OpenID":"o1",` + key + `}`, wechat.Error{Problem: wechat.ProblemMissingField, Field: "openid"}},
		"openid with a space":      {`{"openid":"o 1",` + key + `}`, wechat.Error{Problem: wechat.ProblemBadField, Field: "openid"}},
		"openid not UTF-8":         {"{\"openid\":\"o\xff\"," + key + `}`, wechat.Error{Problem: wechat.ProblemBadField, Field: "openid"}},
		"openid endless":           {`{"openid":"` + strings.Repeat("o", 129) + `",` + key + `}`, wechat.Error{Problem: wechat.ProblemBadField, Field: "openid"}},
		"no session_key":           {`{"openid":"o1"}`, wechat.Error{Problem: wechat.ProblemMissingField, Field: "session_key"}},
		"session_key of 15 bytes":  {`{"openid":"o1","session_key":"AAAAAAAAAAAAAAAAAAAA"}`, wechat.Error{Problem: wechat.ProblemBadField, Field: "session_key"}},
		"session_key a number":     {`{"openid":"o1","session_key":1}`, wechat.Error{Problem: wechat.ProblemBadField, Field: "session_key"}},
		"errcode a word":           {`{"errcode":"ok",` + goodAnswer[1:], wechat.Error{Problem: wechat.ProblemBadField, Field: "errcode"}},
		"errcode a list":           {`{"errcode":[0],` + goodAnswer[1:], wechat.Error{Problem: wechat.ProblemBadField, Field: "errcode"}},
		"errcode too large":        {`{"errcode":99999999999999999999}`, wechat.Error{Problem: wechat.ProblemBadField, Field: "errcode"}},
		"65537 bytes":              {`{"errmsg":"` + strings.Repeat("x", 65537-len(`{"errmsg":"`)), wechat.Error{Problem: wechat.ProblemTooLarge}},
		"errcode":                  {`{"errcode":40029,"errmsg":"invalid code"}`, wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 40029, Message: "invalid code"}},
		"errcode as text":          {`{"errcode":"40163"}`, wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 40163}},
		"errcode beside an openid": {`{"errcode":40226,` + goodAnswer[1:], wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 40226}},
		"errmsg a number":          {`{"errcode":1,"errmsg":2}`, wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 1, Message: "2"}},
		"errmsg an object":         {`{"errcode":1,"errmsg":{}}`, wechat.Error{Problem: wechat.ProblemErrcode, Errcode: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := standIn(t, text(test.answer)).Code2Session(t.Context(), "c1")
			test.want.API, test.want.Tries = "jscode2session", 1
			if diff := cmp.Diff(&test.want, failure(t, err), cmpopts.IgnoreUnexported(wechat.Error{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswerOf64KiBIsRead(t *testing.T) {
	answer := goodAnswer + strings.Repeat(" ", 64<<10-len(goodAnswer))
	if _, err := standIn(t, text(answer)).Code2Session(t.Context(), "c1"); err != nil {
		t.Error(err)
	}
}

func TestErrmsg(t *testing.T) {
	const rid = "61a0b1c2-2d3e4f50-6a7b8c9d"
	for name, test := range map[string]struct {
		errmsg                string
		message, rid, address string
	}{
		"rid":              {"invalid code rid: " + rid, "invalid code", rid, ""},
		"rid, comma":       {"invalid code, rid: " + rid, "invalid code", rid, ""},
		"rid alone":        {"rid: " + rid, "", rid, ""},
		"hints":            {"invalid code, hints: [ req_id: JjI2s9Iqe-u.h_! ]", "invalid code", "JjI2s9Iqe-u.h_!", ""},
		"hint without id":  {"invalid code hint: [JAi0x08521444]", "invalid code", "JAi0x08521444", ""},
		"no rid":           {"system error", "system error", "", ""},
		"a word with rid":  {"hybrid: x", "hybrid: x", "", ""},
		"rid too long":     {"x rid: " + strings.Repeat("a", 65), "xa", strings.Repeat("a", 64), ""},
		"rid of odd bytes": {"x rid: <script>", "x rid: <script>", "", ""},
		"address": {"invalid ip 203.0.113.5 ipv6 ::ffff:203.0.113.5, not in whitelist rid: " + rid,
			"invalid ip 203.0.113.5 ipv6 ::ffff:203.0.113.5, not in whitelist", rid, "203.0.113.5"},
		"address of six":    {"invalid ip 2001:db8::1, not in whitelist", "invalid ip 2001:db8::1, not in whitelist", "", "2001:db8::1"},
		"address mapped":    {"invalid ipv6 ::ffff:203.0.113.5, no", "invalid ipv6 ::ffff:203.0.113.5, no", "", "203.0.113.5"},
		"address with zone": {"ip fe80::1%<b>", "ip fe80::1%<b>", "", "fe80::1"},
		"no address":        {"invalid ip 203.0.113.555", "invalid ip 203.0.113.555", "", ""},
		"control letters":   {"a\r\nb\x00c\u0085d\t", "a  b c d", "", ""},
		"secret":            {"secret " + testSecret.Reveal() + " wrong", "secret [secret] wrong", "", ""},
		"secret escaped":    {"GET /?secret=" + url.QueryEscape(testSecret.Reveal()), "GET /?secret=[secret]", "", ""},
		"long":              {strings.Repeat("密", 100), strings.Repeat("密", 66) + "…", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := fmt.Sprintf(`{"errcode":40164,"errmsg":%s}`, quote(test.errmsg))
			_, err := standIn(t, text(answer)).Code2Session(t.Context(), "c1")
			want := &wechat.Error{API: "jscode2session", Problem: wechat.ProblemErrcode, Errcode: 40164, Tries: 1,
				Message: test.message, Rid: test.rid, Address: test.address}
			if diff := cmp.Diff(want, failure(t, err), cmpopts.IgnoreUnexported(wechat.Error{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRidThatIsTheSecret(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	server := httptest.NewServer(text(`{"errcode":40125,"errmsg":"invalid appsecret rid: ` + secret + `"}`))
	defer server.Close()
	client, err := wechat.NewClient(wechat.Options{BaseURL: server.URL, Appid: testAppid, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Code2Session(t.Context(), "c1")
	if shown := fmt.Sprintf("%+v", *failure(t, err)); strings.Contains(shown, secret) {
		t.Errorf("the secret stands in %s", shown)
	}
}

func TestEveryQueryValueIsEscaped(t *testing.T) {
	for _, code := range []string{"c1", "x&appid=evil", "the code is a mock one", "a+b%26c#d?e=f;g", "密\x00\r\nHost: evil", ""} {
		asked := make(chan *http.Request, 1)
		client := standIn(t, func(w http.ResponseWriter, r *http.Request) {
			asked <- r.Clone(r.Context())
			io.WriteString(w, goodAnswer)
		})
		if _, err := client.Code2Session(t.Context(), code); err != nil {
			t.Fatalf("%q: %v", code, err)
		}
		request := <-asked
		want := url.Values{"appid": {string(testAppid)}, "secret": {testSecret.Reveal()},
			"js_code": {code}, "grant_type": {"authorization_code"}}
		if diff := cmp.Diff(want, request.URL.Query()); diff != "" {
			t.Errorf("%q: query (-want +got):\n%s", code, diff)
		}
		if request.Method != "GET" || request.URL.Path != "/sns/jscode2session" || request.ContentLength != 0 || request.TransferEncoding != nil {
			t.Errorf("%q: %s %s with a body of %d", code, request.Method, request.URL.Path, request.ContentLength)
		}
		if encoding := request.Header.Get("Accept-Encoding"); encoding != "" {
			t.Errorf("an answer packed as %s may be larger than what the limit counts", encoding)
		}
	}
}

func TestBaseURLMayHaveAPath(t *testing.T) {
	paths := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		io.WriteString(w, goodAnswer)
	}))
	defer server.Close()
	client := newClient(t, wechat.Options{BaseURL: server.URL + "/wechat/"})
	if _, err := client.Code2Session(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	if path := <-paths; path != "/wechat/sns/jscode2session" {
		t.Errorf("path %s", path)
	}
}

func TestNewClientRefuses(t *testing.T) {
	good := wechat.Options{BaseURL: "https://api.weixin.qq.com", Appid: testAppid, Secret: testSecret}
	if _, err := wechat.NewClient(good); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"", "api.weixin.qq.com", "ftp://api.weixin.qq.com", "https://", "https:///x", "://", "http://a b",
		"https://user:pw@host", "https://host?x=1", "http://host:port"} {
		options := good
		options.BaseURL = base
		if _, err := wechat.NewClient(options); err == nil {
			t.Errorf("address %q was accepted", base)
		}
	}
	for _, options := range []wechat.Options{
		{BaseURL: good.BaseURL, Secret: testSecret},
		{BaseURL: good.BaseURL, Appid: testAppid},
	} {
		if _, err := wechat.NewClient(options); err == nil {
			t.Errorf("%+v was accepted", options)
		}
	}
}

func TestClientShowsNoSecret(t *testing.T) {
	client := newClient(t, wechat.Options{})
	wantNoSecret(t, fmt.Sprintf("%v %+v %#v", client, client, client))
}
