package views

import (
	"strconv"

	"github.com/a-h/templ"

	"wxkeeper/app"
)

// AppsPage lists the mini programs of the server, with a form to add one.
type AppsPage struct {
	Frame
	Rows     []AppRow
	New      NewApp
	Unproven bool // whoever adds one is asked for their password
}

// AppRow is one mini program in the list, with its numbers of today.
type AppRow struct {
	AppLink
	State          AppState
	Users          int64
	Login, Opening Ratio
	DeadKeys       int64
}

// Ratio is how many of how many succeeded.
type Ratio struct{ OK, Total int64 }

// AppState says whether a mini program is served.
type AppState string

// The states of a mini program.
const (
	AppServed   AppState = "served"
	AppDisabled AppState = "disabled"
	AppNoSecret AppState = "nosecret" // its AppSecret is not known
)

// NewApp is the form of a mini program to add, as it was filled in.
type NewApp struct {
	Appid, Name string
	Policy      app.TokenPolicy
	Wrong       Wrong
}

// AppPage is one mini program with what can be changed of it.
type AppPage struct {
	Frame
	App     AppLink
	Default bool // its credentials stand in the server's settings
	State   AppState
	Policy  app.TokenPolicy
	API     string // where the mini program reaches us
	Push    bool   // WeChat's message push is set up
	Wrong   Wrong
	Trial   *AppTrial // nil: it was not tried
	// Unproven: whoever gives it secrets is asked for their password.
	Unproven bool
}

// AppTrial is what WeChat said of the credentials. Nil: it takes them.
type AppTrial struct{ Login, Calls *AppRefusal }

// AppRefusal is why WeChat did not take the credentials for something.
type AppRefusal struct {
	Errcode int
	Problem string // where there is no errcode
	Address string // our own, as WeChat saw it
}

const appsAddress = "/admin/apps"

func appAddress(appid app.Appid) string { return appsAddress + "/" + string(appid) }

func (f Frame) appState(state AppState) Badge {
	text := f.T("apps.state." + string(state))
	switch state {
	case AppServed:
		return Badge{Tone: ToneGood, Icon: "circle-check", Text: text}
	case AppDisabled:
		return Badge{Tone: ToneFaint, Icon: "ban", Text: text}
	}
	return Badge{Tone: ToneBad, Icon: "circle-x", Text: text}
}

func (f Frame) ratio(r Ratio) string {
	if r.Total == 0 {
		return "–"
	}
	return f.Percent(r.OK, r.Total) + " · " + f.Count(r.Total)
}

func (f Frame) policies() []Option {
	var options []Option
	for _, policy := range []app.TokenPolicy{app.PolicyServer, app.PolicyFixed, app.PolicyFollowKey} {
		name := string(policy)
		if policy == app.PolicyServer {
			name = "server"
		}
		options = append(options, Option{Value: string(policy), Text: f.T("apps.policy." + name)})
	}
	return options
}

// trialOf says what came of one call, and what to do about it.
func (f Frame) trialOf(call string, refusal *AppRefusal) Alert {
	title := f.T("apps.try." + call)
	if refusal == nil {
		return Alert{Tone: ToneGood, Title: title, Text: f.T("apps.try.ok")}
	}
	text := f.Cause(refusal.Errcode, refusal.Problem, refusal.Address)
	if do := f.words("errcode." + strconv.Itoa(refusal.Errcode) + ".do"); do != "" {
		text += f.T("apps.try.joint") + do
	}
	return Alert{Tone: ToneBad, Title: title, Text: text}
}

// plain keeps browsers from remembering or correcting what is typed.
var plain = templ.Attributes{"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": "128"}

func (f Frame) mayChangeApps() bool { return f.Operator.Role.Allows(app.RoleAdmin) }
