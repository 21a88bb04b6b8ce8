package diagnosis

import (
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

// FactName says what a fact is.
type FactName string

// The facts told to developers.
const (
	FactUser          FactName = "user_number"
	FactWindowFrom    FactName = "from"
	FactWindowTo      FactName = "to"
	FactKeyState      FactName = "key_state"
	FactUsers         FactName = "users"
	FactFailures      FactName = "failures"
	FactAt            FactName = "at"
	FactSupportCode   FactName = "support_code"
	FactReason        FactName = "reason"
	FactNotes         FactName = "notes"
	FactErrcode       FactName = "errcode"
	FactRid           FactName = "rid"
	FactVersion       FactName = "version"
	FactPlatform      FactName = "platform"
	FactModel         FactName = "model"
	FactWeChatVersion FactName = "wechat_version"
	FactField         FactName = "field"
	FactProblem       FactName = "problem"
	FactKind          FactName = "kind"
	FactAPI           FactName = "api"
	FactErrno         FactName = "errno"
	FactClientAppid   FactName = "client_appid"
	FactOurAppid      FactName = "our_appid"
	FactFingerprint   FactName = "fingerprint"
	FactKeyObtained   FactName = "key_obtained_at"
	FactSealed        FactName = "sealed_at"
)

// Fact is one line of what developers need to know. A time is in At, anything else in Text.
type Fact struct {
	Name FactName
	Text string
	At   time.Time
}

// eventsTold is how many events developers are told about.
const eventsTold = 3

// Facts are what to send to the developers of the mini program: first of the complaint, then of each event, which begins with its
// time. There is no openid, no phone number, no name and no address among them.
func (d Diagnosis) Facts() []Fact {
	var f facts
	if d.User != nil {
		f.text(FactUser, d.User.Number.String())
	}
	f.time(FactWindowFrom, d.Window.From)
	f.time(FactWindowTo, d.Window.To)
	f.text(FactKeyState, string(d.Key.State))
	f.number(FactUsers, int64(d.Users))
	f.number(FactFailures, d.Failures)
	for _, event := range d.Evidence[:min(len(d.Evidence), eventsTold)] {
		f.event(event)
	}
	return f
}

// facts gathers what is known and leaves out what is not.
type facts []Fact

func (f *facts) text(name FactName, text string) {
	if text != "" {
		*f = append(*f, Fact{Name: name, Text: text})
	}
}

func (f *facts) number(name FactName, n int64) {
	if n != 0 {
		f.text(name, strconv.FormatInt(n, 10))
	}
}

func (f *facts) time(name FactName, at time.Time) {
	if !at.IsZero() {
		*f = append(*f, Fact{Name: name, At: at})
	}
}

func (f *facts) event(event app.Event) {
	f.time(FactAt, event.At())
	f.text(FactSupportCode, string(event.RequestID))
	f.text(FactReason, string(event.Reason))
	f.text(FactNotes, strings.Join(namesOf(event.Detail.Notes), " "))
	f.number(FactErrcode, int64(event.Errcode))
	f.text(FactRid, event.Rid)
	f.text(FactVersion, event.Client.Version)
	f.text(FactPlatform, string(event.Client.Platform))
	f.text(FactModel, event.Client.Model)
	f.text(FactWeChatVersion, event.Client.WeChatVersion)
	f.text(FactField, event.Detail.Field)
	f.text(FactProblem, event.Detail.Problem)
	f.text(FactKind, event.Detail.Kind)
	f.text(FactAPI, event.Detail.API)
	f.text(FactErrno, event.Detail.Errno)
	f.text(FactClientAppid, string(event.Detail.OtherAppid))
	f.text(FactOurAppid, string(event.Detail.OurAppid))
	if event.Fingerprint != (app.Fingerprint{}) {
		f.text(FactFingerprint, event.Fingerprint.String())
	}
	f.time(FactKeyObtained, event.Detail.KeyObtainedAt)
	f.time(FactSealed, event.Detail.SealedAt)
}
