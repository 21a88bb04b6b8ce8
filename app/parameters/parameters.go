// Package parameters reads the parameters of a call, and who it comes from, out of bytes that strangers sent. It knows neither HTTP nor
// storage, so that it can be fuzzed by itself.
package parameters

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"wxkeeper/app"
	"wxkeeper/app/member"
)

// Parameters are the parameters of one call by name. One that is absent, null or empty is "".
type Parameters map[string]string

// JSON reads the named members of exactly one object. Names count by case. A name given twice is refused: two readers
// would see two different requests.
func JSON(body []byte, names []string) (Parameters, error) {
	object, ok := member.Read(body)
	if !ok {
		return nil, malformed("body")
	}
	in, seen := Parameters{}, map[string]bool{}
	for quotedName, value := range object.Each() {
		name := string(member.Name(quotedName))
		if seen[name] {
			return nil, malformed("body")
		}
		seen[name] = true
		if !slices.Contains(names, name) {
			continue
		}
		if value[0] != '"' && value[0] != 'n' && !(numbers[name] && isNumber(value)) { // null is as good as absent
			return nil, malformed(name)
		}
		if name == "payload" && !member.Exact(value) {
			return nil, malformed(name)
		}
		in[name], _ = member.Text(value)
	}
	return in, nil
}

// numbers are the fields for which JSON has a type of its own: seconds, and what WeChat's client gives as numbers (wx.getUserInfo, errno).
var numbers = map[string]bool{"max_age": true, "gender": true, "errno": true}

func isNumber(value []byte) bool { return value[0] == '-' || value[0] >= '0' && value[0] <= '9' }

// Form reads the named fields of a form. A + that its sender did not escape arrives as a space; whoever reads base64
// knows how to repair that.
func Form(body []byte, names []string) (Parameters, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, malformed("body")
	}
	in := Parameters{}
	for name, given := range values {
		if !slices.Contains(names, name) {
			continue
		}
		if len(given) > 1 || !utf8.ValidString(given[0]) {
			return nil, malformed(name)
		}
		in[name] = given[0]
	}
	return in, nil
}

// BearerToken reads "Bearer {token}"; "" for anything else.
func BearerToken(authorization string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func malformed(field string) *app.Error { return app.FailField(app.Malformed, "", field) }
