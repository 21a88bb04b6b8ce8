package wechat

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"wxkeeper/app"
	"wxkeeper/app/member"
)

// readAnswer takes an answer by its content: WeChat sends JSON as text/plain, errors with status 200, and sometimes nothing.
func (r request) readAnswer(body []byte) (member.Object, *Error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, &Error{Problem: ProblemEmpty}
	}
	object, ok := member.Read(bytes.ToValidUTF8(body, []byte("\uFFFD"))) // errmsg has been seen in GBK
	if !ok {
		return nil, &Error{Problem: ProblemNotJSON}
	}
	return object, r.readErrcode(object)
}

// readErrcode fails unless errcode is 0 or, as in most good answers, absent.
func (r request) readErrcode(o member.Object) *Error {
	code, errmsg := "", ""
	for quotedName, value := range o.Each() {
		switch string(member.Name(quotedName)) {
		case "errcode":
			var ok bool
			if code, ok = member.Text(value); !ok {
				return &Error{Problem: ProblemBadField, Field: "errcode"}
			}
		case "errmsg":
			errmsg, _ = member.Text(value)
		}
	}
	if code == "" || code == "0" {
		return nil
	}
	number, err := strconv.Atoi(code)
	if err != nil {
		return &Error{Problem: ProblemBadField, Field: "errcode"}
	}
	return r.refusal(number, errmsg)
}

func (r request) refusal(errcode int, errmsg string) *Error {
	message, rid := cutRid(errmsg)
	failure := &Error{Problem: ProblemErrcode, Errcode: errcode, Message: r.clean(message), Rid: r.redact(rid)}
	failure.again = errcode == ErrcodeBusy
	if errcode == ErrcodeAddressNotAllowed {
		failure.Address = findAddress(errmsg)
	}
	return failure
}

// ridForm is how WeChat's id of an answer stands in errmsg: "… rid: 5f8e…", before 2020 "… hints: [ req_id: JjI2s9… ]".
var ridForm = regexp.MustCompile(`[\s,]*\b(?:rid: ?|hints?: ?\[ ?(?:req_id: ?)?)([0-9A-Za-z._!-]{1,64})(?: ?\])?`)

func cutRid(errmsg string) (message, rid string) {
	found := ridForm.FindStringSubmatchIndex(errmsg)
	if found == nil {
		return errmsg, ""
	}
	return errmsg[:found[0]] + errmsg[found[1]:], errmsg[found[2]:found[3]]
}

// findAddress finds ours in "invalid ip 203.0.113.5 ipv6 ::ffff:203.0.113.5, not in whitelist".
func findAddress(errmsg string) string {
	for word := range strings.FieldsSeq(errmsg) {
		if address, err := netip.ParseAddr(strings.Trim(word, ",;")); err == nil {
			return address.Unmap().WithZone("").String()
		}
	}
	return ""
}

// messageLimit is how many bytes of a foreign text an Error keeps.
const messageLimit = 200

// clean makes a foreign text fit to be logged and shown.
func (r request) clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, r.redact(text))
	if len(text) > messageLimit {
		text = strings.ToValidUTF8(text[:messageLimit], "") + "…"
	}
	return strings.TrimSpace(text)
}

// redact hides the secrets of the call, which a proxy, or WeChat itself, may send back to us.
func (r request) redact(text string) string {
	for _, secret := range r.secrets {
		shown, hidden := secret.Reveal(), secret.String()
		quoted, _ := json.Marshal(shown) // a text: it cannot fail
		text = strings.NewReplacer(
			shown, hidden, url.QueryEscape(shown), hidden, strings.Trim(string(quoted), `"`), hidden).Replace(text)
	}
	return text
}

// login reads the answer of code2Session.
func (a answer) login() (Login, *Error) {
	login := Login{AskedAt: a.askedAt, Tries: a.tries}
	var openid, key string
	for quotedName, value := range a.object.Each() {
		switch string(member.Name(quotedName)) {
		case "openid":
			openid, _ = member.Text(value)
		case "session_key":
			key, _ = member.Text(value)
		case "unionid":
			login.UnionID = readUnionID(value)
		}
	}
	var failure *Error
	if login.OpenID, failure = readOpenID(openid); failure != nil {
		return Login{}, failure
	}
	if login.SessionKey, failure = readSessionKey(key); failure != nil {
		return Login{}, failure
	}
	return login, nil
}

// idForm is what any id of WeChat's consists of; today's openids are 28 letters, digits, - and _.
var idForm = regexp.MustCompile(`^[!-~]{1,128}$`)

func readOpenID(text string) (app.OpenID, *Error) {
	switch {
	case text == "":
		return "", &Error{Problem: ProblemMissingField, Field: "openid"}
	case !idForm.MatchString(text):
		return "", &Error{Problem: ProblemBadField, Field: "openid"}
	}
	return app.OpenID(text), nil
}

func readSessionKey(text string) (app.SessionKey, *Error) {
	if text == "" {
		return app.SessionKey{}, &Error{Problem: ProblemMissingField, Field: "session_key"}
	}
	key, err := app.NewSessionKey(text)
	if err != nil {
		return app.SessionKey{}, &Error{Problem: ProblemBadField, Field: "session_key"}
	}
	return key, nil
}

// readUnionID takes an unusable unionid for none: a login does not depend on it.
func readUnionID(value []byte) app.UnionID {
	text, _ := member.Text(value)
	if !idForm.MatchString(text) {
		return ""
	}
	return app.UnionID(text)
}
