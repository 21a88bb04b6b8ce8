package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

// read calls an API with GET and reads its JSON.
func (w *world) read(t *testing.T, path string, query url.Values) map[string]any {
	t.Helper()
	_, body := get(t, w.url+path+"?"+query.Encode())
	return object(t, body)
}

// post calls an API with a body.
func (w *world) post(t *testing.T, path, body string) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return object(t, answered)
}

func object(t *testing.T, body []byte) (answer map[string]any) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&answer); err != nil {
		t.Fatalf("not JSON: %q", body)
	}
	return answer
}

func refusedWith(t *testing.T, answer map[string]any, errcode int) {
	t.Helper()
	if answer["errcode"] != float64(errcode) || len(answer) != 2 {
		t.Errorf("got %v, want errcode %d and errmsg alone", answer, errcode)
	}
	if message, _ := answer["errmsg"].(string); !ridForm.MatchString(message) || strings.HasPrefix(message, "refused") {
		t.Errorf("errmsg %q", message)
	}
}

func (w *world) tokenBody(forced bool) map[string]any {
	registered := w.Apps()[0]
	return map[string]any{
		"grant_type":    "client_credential",
		"appid":         string(registered.Appid),
		"secret":        registered.Secret.Reveal(),
		"force_refresh": forced,
	}
}

func (w *world) askStable(t *testing.T, forced bool) map[string]any {
	t.Helper()
	body, err := json.Marshal(w.tokenBody(forced))
	if err != nil {
		t.Fatal(err)
	}
	return w.post(t, "/cgi-bin/stable_token", string(body))
}

func (w *world) askClassic(t *testing.T) map[string]any {
	t.Helper()
	query := w.goodQuery("")
	query.Set("grant_type", "client_credential")
	return w.read(t, "/cgi-bin/token", query)
}

func tokenOf(t *testing.T, answer map[string]any, seconds int) string {
	t.Helper()
	token, _ := answer["access_token"].(string)
	if token == "" || len(token) > 512 || answer["expires_in"] != float64(seconds) || len(answer) != 2 {
		t.Fatalf("got %v, want a token for %d s", answer, seconds)
	}
	return token
}

// verdict is what WeChat says of an access token: 40097, since the call lacks everything else, for a good one.
func (w *world) verdict(t *testing.T, token string) int {
	t.Helper()
	answer := w.read(t, "/wxa/checksession", url.Values{"access_token": {token}})
	return int(answer["errcode"].(float64))
}

func (w *world) wantVerdict(t *testing.T, token string, errcode int) {
	t.Helper()
	if got := w.verdict(t, token); got != errcode {
		t.Errorf("WeChat says %d of the token, want %d", got, errcode)
	}
}

const tokenIsGood = wechat.ErrcodeParameterBad

func TestAStableTokenStaysTheSameUntilShortlyBeforeItsEnd(t *testing.T) {
	w := newWorld(t)
	first := tokenOf(t, w.askStable(t, false), 7200)
	w.clock.Advance(sandbox.TokenLife - sandbox.TokenOverlap)
	if again := tokenOf(t, w.askStable(t, false), 300); again != first {
		t.Error("another token before its time")
	}
	w.clock.Advance(time.Second)
	second := tokenOf(t, w.askStable(t, false), 7200)
	if second == first {
		t.Error("the same token in its last minutes")
	}
	w.wantVerdict(t, first, tokenIsGood)
	w.clock.Advance(sandbox.TokenOverlap)
	w.wantVerdict(t, first, wechat.ErrcodeTokenExpired)
	w.wantVerdict(t, second, tokenIsGood)
}

func TestAClassicTokenEndsTheOneBefore(t *testing.T) {
	w := newWorld(t)
	stable := tokenOf(t, w.askStable(t, false), 7200)
	first, second := tokenOf(t, w.askClassic(t), 7200), tokenOf(t, w.askClassic(t), 7200)
	w.wantVerdict(t, first, tokenIsGood)
	w.clock.Advance(sandbox.TokenOverlap)
	w.wantVerdict(t, first, wechat.ErrcodeTokenNotLatest)
	w.wantVerdict(t, second, tokenIsGood)
	w.wantVerdict(t, stable, tokenIsGood)
	w.clock.Advance(sandbox.TokenLife)
	w.wantVerdict(t, second, wechat.ErrcodeTokenExpired)
}

func TestAForcedRefresh(t *testing.T) {
	w := newWorld(t)
	first := tokenOf(t, w.askStable(t, false), 7200)
	second := tokenOf(t, w.askStable(t, true), 7200)
	if second == first {
		t.Fatal("nothing was refreshed")
	}
	w.wantVerdict(t, first, wechat.ErrcodeTokenNotLatest)
	w.clock.Advance(sandbox.ForcedRefreshPause - time.Second)
	if tokenOf(t, w.askStable(t, true), 7171) != second {
		t.Error("refreshed again too soon")
	}
	for range sandbox.ForcedRefreshesADay - 1 {
		w.clock.Advance(sandbox.ForcedRefreshPause)
		tokenOf(t, w.askStable(t, true), 7200)
	}
	w.clock.Advance(sandbox.ForcedRefreshPause)
	refusedWith(t, w.askStable(t, true), wechat.ErrcodeDayQuota)
	tokenOf(t, w.askStable(t, false), 7170)
	w.clock.Advance(24 * time.Hour)
	tokenOf(t, w.askStable(t, true), 7200)
}

func TestWhatIsWrongWithATokenIsTold(t *testing.T) {
	w := newWorld(t)
	good := tokenOf(t, w.askStable(t, false), 7200)
	w.wantVerdict(t, "", 41001)
	w.wantVerdict(t, "token", wechat.ErrcodeTokenInvalid)
	w.wantVerdict(t, good[:len(good)-1]+"!", wechat.ErrcodeTokenInvalid)
	w.wantVerdict(t, good+"A", wechat.ErrcodeTokenNotLatest)
	w.ExpireTokens()
	w.wantVerdict(t, good, wechat.ErrcodeTokenExpired)
	renewed := tokenOf(t, w.askStable(t, false), 7200)
	w.wantVerdict(t, renewed, tokenIsGood)
	w.clock.Advance(24*time.Hour + sandbox.TokenLife)
	tokenOf(t, w.askStable(t, false), 7200)
	w.wantVerdict(t, renewed, wechat.ErrcodeTokenNotLatest)
}

func TestEveryErrcodeOfTheTokenCalls(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		field, value string
		errcode      int
	}{
		"no appid":      {"appid", "", wechat.ErrcodeAppidMissing},
		"no secret":     {"secret", "", wechat.ErrcodeSecretMissing},
		"grant type":    {"grant_type", "authorization_code", wechat.ErrcodeGrantType},
		"unknown appid": {"appid", "wxffffffffffffffff", wechat.ErrcodeAppidInvalid},
		"wrong secret":  {"secret", "0", wechat.ErrcodeSecretWrong},
	} {
		t.Run(name, func(t *testing.T) {
			asked := w.tokenBody(false)
			asked[test.field] = test.value
			body, err := json.Marshal(asked)
			if err != nil {
				t.Fatal(err)
			}
			refusedWith(t, w.post(t, "/cgi-bin/stable_token", string(body)), test.errcode)
			query := w.goodQuery("")
			query.Set("grant_type", "client_credential")
			query.Set(test.field, test.value)
			refusedWith(t, w.read(t, "/cgi-bin/token", query), test.errcode)
		})
	}
	refusedWith(t, w.read(t, "/cgi-bin/stable_token", nil), wechat.ErrcodeMethodWrong)
	refusedWith(t, w.post(t, "/cgi-bin/token", ""), 43001)
	refusedWith(t, w.post(t, "/cgi-bin/stable_token", ""), wechat.ErrcodeBodyEmpty)
	refusedWith(t, w.post(t, "/cgi-bin/stable_token", "grant_type=client_credential"), wechat.ErrcodeBodyMalformed)
	refusedWith(t, w.post(t, "/cgi-bin/stable_token", `{"force_refresh":"yes"}`), wechat.ErrcodeBodyMalformed)
	refusedWith(t, w.post(t, "/cgi-bin/stable_token", strings.Repeat(" ", 64<<10)+"{}"), wechat.ErrcodeBodyMalformed)
}

func TestTheIPListGuardsTheTokenCalls(t *testing.T) {
	w := newWorld(t)
	w.AllowAddresses(netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("2001:db8::1"))
	for _, answer := range []map[string]any{w.askStable(t, false), w.askClassic(t)} {
		refusedWith(t, answer, wechat.ErrcodeAddressNotAllowed)
	}
	failure := wantFailure(t, w.client.CheckSession(t.Context(), w.phone.OpenID(), w.phone.SessionKey()))
	if failure.Errcode != wechat.ErrcodeAddressNotAllowed || failure.Address != "127.0.0.1" {
		t.Errorf("failure %v, address %q", failure, failure.Address)
	}
	w.login(t, w.phone)
	w.AllowAddresses(netip.MustParseAddr("::ffff:127.0.0.1"))
	tokenOf(t, w.askStable(t, false), 7200)
	w.AllowAddresses()
	tokenOf(t, w.askClassic(t), 7200)
}

func TestQuotasOfTheTokenCalls(t *testing.T) {
	w := newWorld(t)
	for range sandbox.TokensPerDay {
		w.askClassic(t)
	}
	refusedWith(t, w.askClassic(t), wechat.ErrcodeDayQuota)
	w.clock.Advance(6*time.Hour - time.Second) // it is 18:00 in China
	refusedWith(t, w.askClassic(t), wechat.ErrcodeDayQuota)
	w.clock.Advance(time.Second)
	tokenOf(t, w.askClassic(t), 7200)
}

func TestStableTokensHaveAQuotaOfAMinute(t *testing.T) {
	w := newWorld(t)
	body, err := json.Marshal(w.tokenBody(false))
	if err != nil {
		t.Fatal(err)
	}
	for range sandbox.StableTokensPerMinute {
		serve(w.WeChat, httptest.NewRequest(http.MethodPost, "/cgi-bin/stable_token", bytes.NewReader(body)))
	}
	refusedWith(t, w.askStable(t, false), wechat.ErrcodeMinuteQuota)
	w.clock.Advance(time.Minute)
	tokenOf(t, w.askStable(t, false), 7140)
}

func TestQuotasOfADayCanBeSet(t *testing.T) {
	w := newWorld(t)
	w.login(t, w.phone)
	for api, call := range map[sandbox.API]func() error{
		sandbox.APICode2Session: func() error {
			_, err := w.client.Code2Session(t.Context(), w.phone.Login())
			return err
		},
		sandbox.APIStableToken: func() error {
			fresh := w.clientOf(t, w.Apps()[0]) // has no token yet
			return fresh.CheckSession(t.Context(), w.phone.OpenID(), w.phone.SessionKey())
		},
		sandbox.APICheckSession: func() error {
			return w.client.CheckSession(t.Context(), w.phone.OpenID(), w.phone.SessionKey())
		},
		sandbox.APIResetUserSessionKey: func() error {
			_, _, err := w.client.ResetUserSessionKey(t.Context(), w.phone.OpenID(), w.phone.SessionKey())
			return err
		},
	} {
		if err := w.SetDayQuota(api, 0); err != nil {
			t.Fatal(err)
		}
		if failure := wantFailure(t, call()); failure.Errcode != wechat.ErrcodeDayQuota {
			t.Errorf("%s: %v", api, failure)
		}
		w.ResetQuotas()
		if err := call(); err != nil {
			t.Errorf("%s after the reset: %v", api, err)
		}
	}
	if w.SetDayQuota("nothing", 1) == nil || w.SetDayQuota(sandbox.APIToken, -1) == nil {
		t.Error("an unknown API or a negative number was taken")
	}
}

// wantFailure wants an error of the client.
func wantFailure(t *testing.T, err error) *wechat.Error {
	t.Helper()
	failure, ok := err.(*wechat.Error)
	if !ok {
		t.Fatalf("got %v, want a failure", err)
	}
	return failure
}
