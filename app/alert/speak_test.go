package alert

import (
	"encoding/json"
	"strings"
	"testing"

	"wxkeeper/app/outgoing"
)

// FuzzRead: whatever a chat's robot answers, a message arrived only where the status is good and a number that tells of it is 0.
func FuzzRead(f *testing.F) {
	for _, body := range []string{
		`{"errcode":0,"errmsg":"ok"}`, `{"errcode":93000}`, `{"StatusCode":0,"StatusMessage":"success","code":0}`, `{"code":19001}`, `{"code":null}`,
		`{"errcode":"0"}`, `{"errcode":1e400}`, `{"Errcode":310000,"code":0}`, `[0]`, `null`, `ok`, "",
	} {
		f.Add(200, []byte(body))
	}
	f.Add(302, []byte(`{"errcode":0}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		good := status >= 200 && status < 300
		switch failure := read(outgoing.Answer{Status: status, Body: body}); {
		case failure == nil && !(good && saysZero(body)):
			t.Errorf("HTTP %d %q is taken for an arrival", status, body)
		case failure != nil && good == (failure.Problem == outgoing.ProblemStatus):
			t.Errorf("HTTP %d is %s", status, failure.Problem)
		case failure != nil && (failure.Problem == outgoing.ProblemErrcode) != (failure.Errcode != 0):
			t.Errorf("%q is %s with errcode %d", body, failure.Problem, failure.Errcode)
		}
	})
}

// saysZero says whether an object has a member of 0 among those that tell of arrival, whatever its case.
func saysZero(body []byte) bool {
	var object map[string]json.RawMessage
	_ = json.Unmarshal(body, &object)
	for name, value := range object {
		for _, known := range []string{"errcode", "code", "StatusCode"} {
			var number *int
			if strings.EqualFold(name, known) && json.Unmarshal(value, &number) == nil && number != nil && *number == 0 {
				return true
			}
		}
	}
	return false
}
