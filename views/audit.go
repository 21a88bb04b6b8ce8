package views

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wxkeeper/app"
)

// AuditPage is the log of what operators did.
type AuditPage struct {
	Frame
	Asked   AuditQuery
	Rows    []app.AuditRow
	Users   map[app.UserID]app.User // those of the rows that there still are
	Unknown bool                    // the user asked for is not there
	Next    int64                   // where the next page begins; 0: this is the last
	Stopped bool                    // enough was read before the page was full
	Check   AuditCheck
}

// AuditQuery is what is asked for in the address of the log, still as it was written.
type AuditQuery struct {
	Operator string
	Action   string
	User     string // number
	From     string // times, the second one excluded
	To       string
	Size     int
	Cursor   int64
}

// Filters are the filters asked for, by the names of their parameters.
func (q AuditQuery) Filters() map[string]string {
	filters := map[string]string{"operator": q.Operator, "action": q.Action, "user": q.User, "from": q.From, "to": q.To}
	maps.DeleteFunc(filters, func(_, value string) bool { return value == "" })
	return filters
}

func (q AuditQuery) filtered() bool { return len(q.Filters()) > 0 }

const auditAddress = "/admin/audit"

// AuditList is rows of the log in a table.
type AuditList struct {
	Rows    []app.AuditRow
	Users   map[app.UserID]app.User
	OneUser bool // all rows are about one user, who is named above the table
}

// actions are what operators do, in the groups people choose from.
var actions = []struct {
	group   string
	actions []app.Action
}{
	{"users", []app.Action{
		app.ActionCheck, app.ActionRelogin, app.ActionReloginMany, app.ActionReloginAll, app.ActionReset, app.ActionEndDevice, app.ActionDisable,
		app.ActionEnable, app.ActionRevealPhone, app.ActionExport, app.ActionImport, app.ActionErase,
	}},
	{"house", []app.Action{app.ActionCancelJob, app.ActionPauseCheck, app.ActionResumeCheck, app.ActionSettle, app.ActionExportAudit,
		app.ActionCheckAudit, app.ActionRestore, app.ActionRotateKey, app.ActionReencrypt, app.ActionAddBackEnd, app.ActionRevokeBackEnd,
		app.ActionAddApp, app.ActionChangeApp, app.ActionSetAppSecret, app.ActionSetAppPush, app.ActionDisableApp, app.ActionEnableApp}},
	{"robots", []app.Action{
		app.ActionAddRobot, app.ActionTestRobot, app.ActionDisableRobot, app.ActionEnableRobot, app.ActionRemoveRobot,
	}},
	{"webhooks", []app.Action{
		app.ActionAddWebhook, app.ActionTestWebhook, app.ActionRotateWebhook, app.ActionDisableWebhook, app.ActionEnableWebhook,
		app.ActionRemoveWebhook, app.ActionReplayDelivery,
	}},
	{"operators", []app.Action{
		app.ActionSignIn, app.ActionSignOut, app.ActionAddOperator, app.ActionSetRole, app.ActionSetPassword, app.ActionDisableOperator,
		app.ActionEnableOperator, app.ActionEndSessions, app.ActionTurnOnTOTP, app.ActionTurnOffTOTP, app.ActionResetTOTP, app.ActionNewRecovery,
		app.ActionUseRecovery, app.ActionPasswordGuessed, app.ActionCodeGuessed,
	}},
}

// ActionKnown says whether an action is one of those that operators do.
func ActionKnown(action app.Action) bool {
	for _, group := range actions {
		if slices.Contains(group.actions, action) {
			return true
		}
	}
	return false
}

// Action says in a few words what an operator did. One nobody has words for is its id.
func (t Text) Action(action app.Action) string {
	if words := t.words("action." + string(action)); words != "" {
		return words
	}
	return string(action)
}

func (t Text) actionGroups() []optionGroup {
	var groups []optionGroup
	for _, group := range actions {
		options := optionGroup{Text: t.T("audit.group." + group.group)}
		for _, action := range group.actions {
			options.Options = append(options.Options, Option{string(action), t.Action(action)})
		}
		groups = append(groups, options)
	}
	return groups
}

// Actor names who did something: an operator, or one of those who are not people.
func (t Text) Actor(operator string) string {
	if words := t.words("actor." + operator); words != "" {
		return words
	}
	return operator
}

// auditDetail is what came of an action, in words, and where more of it is; both may be empty.
func (f Frame) auditDetail(row app.AuditRow) (words, address string) {
	switch row.Action {
	case app.ActionReloginMany, app.ActionCancelJob:
		return f.bulkDetail(row)
	case app.ActionExport, app.ActionExportAudit:
		return f.exportDetail(row), ""
	case app.ActionSettle:
		reason, problem, _ := strings.Cut(row.Detail, " ")
		return strings.TrimSpace(f.Reason(app.Reason(reason)) + " " + problem), ""
	case app.ActionSignIn, app.ActionSignOut:
		if row.Detail != "" {
			return f.T("audit.from", "address", row.Detail), ""
		}
	case app.ActionAddOperator, app.ActionSetRole:
		return f.rolesInWords(row.Detail), ""
	}
	return row.Detail, ""
}

// bulkDetail says of a bulk job whom it was about.
func (f Frame) bulkDetail(row app.AuditRow) (words, address string) {
	var detail struct {
		Job    int64           `json:"job,string"`
		Users  int             `json:"users"`
		Filter *app.UserFilter `json:"filter"`
	}
	if json.Unmarshal([]byte(row.Detail), &detail) != nil {
		return row.Detail, ""
	}
	id := "audit.bulk"
	if row.Action == app.ActionCancelJob {
		id = "audit.cancelled"
	}
	words = f.T(id, "n", detail.Users)
	if detail.Filter != nil {
		words += " · " + f.userFilterInWords(*detail.Filter)
	}
	return words, JobAddress(app.BulkJobID(detail.Job))
}

// exportDetail says what an export held: of one user nothing more is told.
func (f Frame) exportDetail(row app.AuditRow) string {
	var detail struct {
		Filter   app.UserFilter    `json:"filter"`
		Searched bool              `json:"searched"`
		Asked    map[string]string `json:"asked"`
	}
	if json.Unmarshal([]byte(row.Detail), &detail) != nil {
		return row.Detail
	}
	if row.Action == app.ActionExportAudit {
		return f.auditFilterInWords(detail.Asked)
	}
	words := f.userFilterInWords(detail.Filter)
	if detail.Searched {
		words += " · " + f.T("audit.exported.searched")
	}
	return words
}

// auditFilterInWords says which rows of the log a filter means.
func (t Text) auditFilterInWords(asked map[string]string) string {
	var parts []string
	for _, one := range []struct{ name, label, value string }{
		{"action", "audit.action", t.Action(app.Action(asked["action"]))}, {"operator", "audit.operator", asked["operator"]}, {"user", "audit.user", asked["user"]},
		{"from", "filter.from", spaced(asked["from"])}, {"to", "filter.to", spaced(asked["to"])},
	} {
		if asked[one.name] != "" {
			parts = append(parts, t.T(one.label)+" "+one.value)
		}
	}
	if len(parts) == 0 {
		return t.T("audit.exported.all")
	}
	return strings.Join(parts, " · ")
}

// rolesInWords is the detail of a role given, which is "name: role" or "name: role → role".
func (f Frame) rolesInWords(detail string) string {
	at := strings.LastIndex(detail, ": ")
	if at < 0 {
		return detail
	}
	roles := strings.Split(detail[at+2:], " → ")
	for i, role := range roles {
		if words := f.words("role." + role); words != "" {
			roles[i] = words
		}
	}
	return detail[:at] + f.T("audit.joint") + strings.Join(roles, " → ")
}

func (p AuditPage) chips() []Chip {
	var chips []Chip
	add := func(label, value, parameter string) {
		if value != "" {
			chips = append(chips, Chip{Label: label, Value: value, Remove: p.With(parameter, "")})
		}
	}
	add(p.T("audit.operator"), p.Asked.Operator, "operator")
	if p.Asked.Action != "" {
		add(p.T("audit.action"), p.Action(app.Action(p.Asked.Action)), "action")
	}
	add(p.T("audit.user"), p.Asked.User, "user")
	add(p.T("filter.from"), spaced(p.Asked.From), "from")
	add(p.T("filter.to"), spaced(p.Asked.To), "to")
	return chips
}

// csv is the log as a file, under the same filters.
func (p AuditPage) csv() string {
	_, query, _ := strings.Cut(p.With("size", ""), "?")
	return auditAddress + ".csv?" + query
}

func (p AuditPage) older() string {
	if p.Next == 0 {
		return ""
	}
	return p.With(CursorParameter, strconv.FormatInt(p.Next, 10))
}

// newer leads to the first page: the log by cursors goes one way.
func (p AuditPage) newer() string {
	if p.Asked.Cursor == 0 {
		return ""
	}
	return p.With()
}

func (f Frame) auditColumns(list AuditList) []Column {
	columns := []Column{{Text: f.T("audit.action")}, {Text: f.T("audit.operator")}, {Text: f.T("audit.why")}, {Text: f.T("eventline.at")}}
	if !list.OneUser {
		columns = slices.Insert(columns, 1, Column{Text: f.T("audit.user")})
	}
	return columns
}
