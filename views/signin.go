package views

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// SignInPage asks who somebody is.
type SignInPage struct {
	Frame
	Name      string // as it was typed
	Next      string // address to go on to
	Wrong     bool   // name or password was
	Wait      time.Duration
	Expired   bool // they were signed in before
	SignedOut bool // they have just signed out
	Nobody    bool // there is no operator yet
	Kept      KeptForm
	Lost      bool // a form was sent that could not be kept
}

// KeptForm is a form that was sent too late, when its sender was signed in no more. The zero value is none.
type KeptForm struct {
	Path   string // where it was sent
	Fields string // as they were sent, encoded
}

// notice is the one thing to say first.
func (p SignInPage) notice() Alert {
	switch {
	case p.Wait > 0:
		return Alert{Tone: ToneWarn, Text: p.T("signin.wait", "duration", p.wait(p.Wait))}
	case p.Wrong:
		return Alert{Tone: ToneBad, Text: p.T("signin.wrong")}
	case p.Lost:
		return Alert{Tone: ToneWarn, Text: p.T("signin.lost")}
	case p.Expired:
		return Alert{Tone: ToneWarn, Text: p.T("signin.expired")}
	case p.SignedOut:
		return Alert{Tone: ToneGood, Text: p.T("signin.out")}
	}
	return Alert{}
}

// wait writes how long to wait, not shorter than it is: in minutes where it is more than one.
func (f Frame) wait(d time.Duration) string {
	unit := time.Second
	if d > time.Minute {
		unit = time.Minute
	}
	return f.Duration((d + unit - 1).Truncate(unit))
}

// ContinuePage asks somebody who has just signed in whether the form that was kept shall be sent.
type ContinuePage struct {
	Frame
	Route  string // as the route table writes it: messages named after it say what the form does
	Path   string // where the form goes
	Fields url.Values
	Next   string // where to go without sending it
}

// fact is something said in words.
type fact struct{ Name, Value string }

// facts are the fields of the form in words. What operators never see, such as the filter behind "all that match", stands as
// it is.
func (p ContinuePage) facts() []fact {
	var facts []fact
	for _, name := range p.names() {
		values := p.Fields[name]
		given := strings.Join(values, ", ")
		switch {
		case name == "reason_text" || given == "":
		case name == "reason":
			facts = append(facts, fact{p.T("reason.label"), p.JoinReason(given, p.Fields.Get("reason_text"))})
		case name == "role":
			facts = append(facts, fact{p.T("account.role"), p.T("role." + given)})
		case name == "user":
			facts = append(facts, fact{p.T("nav.users"), p.T("continue.users", "n", len(values))})
		case name == "all":
			facts = append(facts, fact{p.T("nav.users"), p.T("continue.all")})
		default:
			facts = append(facts, fact{name, shorten(given)})
		}
	}
	return facts
}

// names lists the fields, in the same order each time.
func (p ContinuePage) names() []string { return slices.Sorted(maps.Keys(p.Fields)) }

// longestFact is how many characters of a value are shown.
const longestFact = 120

func shorten(text string) string {
	letters := []rune(text)
	if len(letters) <= longestFact {
		return text
	}
	return string(letters[:longestFact]) + "…"
}
