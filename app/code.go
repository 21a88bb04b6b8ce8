package app

import "regexp"

// MockCode is what the developer tools give for a code while the project has no AppID. WeChat knows nothing of it.
const MockCode = "the code is a mock one"

// codeForm is what a code may consist of: RFC 3986's unreserved characters.
var codeForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,128}$`)

// CheckCode refuses what cannot be a code of wx.login. The developer tools' mock code is InvalidCode with a reason of its
// own, since only the sandbox accepts it; any other odd text is Malformed.
func CheckCode(code string) error {
	switch {
	case code == MockCode:
		return Fail(InvalidCode, LoginCodeMock)
	case !codeForm.MatchString(code):
		return FailField(Malformed, LoginCodeMalformed, "code")
	}
	return nil
}
