package app_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"wxkeeper/app"
)

// The failures are those of words.md 7.
func TestClientFailuresHaveReasons(t *testing.T) {
	for failure, want := range map[app.ClientFailure]app.Reason{
		{API: "getPhoneNumber", Errno: "1400001", Message: "getPhoneNumber:fail jsapi has no permission"}:  app.ReportPhoneQuota,
		{API: "getPhoneNumber", Message: "getPhoneNumber:fail no permission"}:                              app.ReportPhoneNotGranted,
		{API: "getPhoneNumber", Message: "getPhoneNumber:fail user deny"}:                                  app.ReportDenied,
		{API: "chooseAvatar", Errno: "112", Message: "api scope is not declared in the privacy agreement"}: app.ReportPrivacyGuide,
		{API: "getUserProfile", Errno: "104", Message: "user did not agree"}:                               app.ReportPrivacyConsent,
		{API: "request", Message: "request:fail url not in domain list"}:                                   app.ReportDomain,
		{API: "request", Errno: "600001", Message: "request:fail errcode:-202 cronet_error_code"}:          app.ReportCertificate,
		{API: "request", Message: "request:fail ssl hand shake error"}:                                     app.ReportCertificate,
		{API: "request", Message: "request:fail timeout"}:                                                  app.ReportTimeout,
		{API: "requestVirtualPayment", Errno: "-15005"}:                                                    app.ReportPaymentUser,
		{API: "requestVirtualPayment", Message: "fail -15006"}:                                             app.ReportPaymentApp,
		{API: "login", Message: "login:fail"}:                                                              app.ReportOther,
	} {
		if got := failure.Reason(); got != want {
			t.Errorf("%+v: %s, want %s", failure, got, want)
		}
	}
}

func TestReportsAreCleaned(t *testing.T) {
	token := app.NewToken().Reveal()
	for message, want := range map[string]string{
		"request:fail\r\ntimeout":                        "request:fail  timeout",
		"fail https://a.example/x?token=" + token + " y": "fail https://a.example/x?… y",
		"bearer " + token:                                "bearer …",
		"phone 13800001234":                              "phone …",
		strings.Repeat("明", 201):                         strings.Repeat("明", 200),
		"a\u202eb":                                       "a b",
	} {
		got, err := app.CleanFailure(app.ClientFailure{API: "request", Message: message})
		if err != nil || got.Message != want {
			t.Errorf("%q: %q, %v", message, got.Message, err)
		}
	}
	for _, bad := range []app.ClientFailure{
		{API: ""}, {API: "a b"}, {API: strings.Repeat("a", 41)}, {API: "1a"}, {API: "request", Errno: "x"}, {API: "request", Errno: "12345678901"},
	} {
		if _, err := app.CleanFailure(bad); app.KindOf(err) != app.Malformed {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func FuzzCleanFailure(f *testing.F) {
	f.Add("request", "600001", "request:fail https://a.example/?x=1")
	f.Fuzz(func(t *testing.T, api, errno, message string) {
		got, err := app.CleanFailure(app.ClientFailure{API: api, Errno: errno, Message: message})
		if err == nil && (utf8.RuneCountInString(got.Message) > app.ReportLength || strings.ContainsAny(got.Message, "\r\n\x00")) {
			t.Errorf("%q", got.Message)
		}
	})
}
