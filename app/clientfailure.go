package app

import (
	"regexp"
	"strings"
	"unicode"
)

// ClientFailure is a failure inside WeChat that a client tells of: nothing of it reached a server. Nobody vouches for it.
type ClientFailure struct {
	API     string // such as getPhoneNumber
	Errno   string // WeChat's number in the client, "": none
	Message string // errMsg
}

// AboutPhone says whether it is the phone number button that failed.
func (f ClientFailure) AboutPhone() bool {
	return strings.Contains(strings.ToLower(f.API), "phonenumber")
}

// ReportLength is how many characters of a client's message are kept.
const ReportLength = 200

// Reason says what the failure means to an operator, by the numbers and words that clients get. Whatever is not known is ReportOther.
func (f ClientFailure) Reason() Reason {
	api, text := strings.ToLower(f.API), strings.ToLower(f.Message)
	phone, payment := f.AboutPhone(), strings.Contains(api, "payment")
	switch {
	case f.Errno == "1400001":
		return ReportPhoneQuota
	case f.Errno == "112":
		return ReportPrivacyGuide
	case f.Errno == "104":
		return ReportPrivacyConsent
	case payment && (f.Errno == "-15005" || strings.Contains(text, "-15005")):
		return ReportPaymentUser
	case payment && (f.Errno == "-15006" || strings.Contains(text, "-15006")):
		return ReportPaymentApp
	case phone && strings.Contains(text, "no permission"):
		return ReportPhoneNotGranted
	case strings.Contains(text, "user deny"), strings.Contains(text, "user cancel"), strings.Contains(text, "auth deny"):
		return ReportDenied
	case strings.Contains(text, "domain list"):
		return ReportDomain
	case f.Errno == "600001", strings.Contains(text, "-202"), strings.Contains(text, "ssl"), strings.Contains(text, "certificate"):
		return ReportCertificate
	case strings.Contains(text, "timeout"), strings.Contains(text, "timed out"):
		return ReportTimeout
	}
	return ReportOther
}

var (
	apiForm   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._]{0,39}$`)
	errnoForm = regexp.MustCompile(`^-?[0-9]{1,10}$`)
	queryForm = regexp.MustCompile(`\?\S+`)
	longForm  = regexp.MustCompile(`[A-Za-z0-9_+/=-]{32,}|[0-9]{11,}`)
)

// CleanFailure makes a client's report fit to be kept: one line of at most ReportLength characters, without what addresses are asked with
// and without what could be a token, a key or a phone number. Malformed: api or errno have no such form.
func CleanFailure(failure ClientFailure) (ClientFailure, error) {
	switch {
	case !apiForm.MatchString(failure.API):
		return failure, FailField(Malformed, ReportOther, "api")
	case failure.Errno != "" && !errnoForm.MatchString(failure.Errno):
		return failure, FailField(Malformed, ReportOther, "errno")
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, failure.Message)
	text = longForm.ReplaceAllString(queryForm.ReplaceAllString(text, "?…"), "…")
	if letters := []rune(text); len(letters) > ReportLength {
		text = string(letters[:ReportLength])
	}
	failure.Message = strings.TrimSpace(text)
	return failure, nil
}
