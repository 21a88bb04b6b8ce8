package views

import (
	"maps"
	"slices"
	"strings"
	"time"

	"wxkeeper/app"
)

// BackEndCallsShown is how far back the calls of a back end are counted, in whole hours.
const BackEndCallsShown = 24 * time.Hour

// callsRefused counts the calls of back ends that were not answered.
const callsRefused = "refused"

// AllApps is what the form of new credentials says for every mini program.
const AllApps = "all"

// BackEndRow is one back end with what it asked for lately.
type BackEndRow struct {
	app.BackEnd
	Calls map[string]int64 // by what was asked, such as sign; refused: what was not answered
}

// NewBackEnd is the form of credentials to make, as it was filled in.
type NewBackEnd struct {
	Name  string
	All   bool // for every mini program
	Wrong Wrong
}

// BackEndSecretPage shows the secret of a back end, this once.
type BackEndSecretPage struct {
	Frame
	Name   string
	Secret app.BackEndSecret
}

func (r BackEndRow) calls() (n int64) {
	for _, one := range r.Calls {
		n += one
	}
	return n
}

// callsTold says what was asked for how often.
func (p IntegrationsPage) callsTold(r BackEndRow) string {
	var told []string
	for _, what := range slices.Sorted(maps.Keys(r.Calls)) {
		name := "/" + what + "/"
		if what == callsRefused {
			name = p.T("backend.calls.refused")
		}
		told = append(told, name+" "+p.Count(r.Calls[what]))
	}
	return strings.Join(told, " · ")
}

func (p IntegrationsPage) backEndApps(r BackEndRow) string {
	if r.AppID == 0 {
		return p.T("backend.apps.all")
	}
	return p.T("backend.apps.one")
}

func revokeAddress(r BackEndRow) string {
	return integrationsAddress + "/backends/" + r.Name + "/revoke"
}
