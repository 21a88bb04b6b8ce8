package views

import (
	"fmt"
	"strings"

	"wxkeeper/app"
)

// OperatorsPage lists who may use the dashboard, with a form to add somebody.
type OperatorsPage struct {
	Frame
	Total     int
	Operators []OperatorRow
	More      string // where the next page begins; empty: this is the last
	Later     bool   // this is not the first page
	New       NewOperator
	Unproven  bool // whoever adds somebody has to prove who they are
}

// OperatorRow is one account in the list.
type OperatorRow struct {
	app.Operator
	Sessions int // browsers in which it is signed in now
}

// NewOperator is the form of an account to add, as it was filled in.
type NewOperator struct {
	Name  string
	Role  app.Role
	Wrong Wrong
}

// OperatorPage is one account.
type OperatorPage struct {
	Frame
	Account  app.Operator
	Sessions []BrowserSession
	Wrong    Wrong // why the role cannot be changed, or the account not be disabled
}

// self says whether the page is about the operator who looks at it.
func (p OperatorPage) self() bool { return p.Account.ID == p.Operator.ID }

// effect is what a confirmation says, with a warning for one's own account.
func (p OperatorPage) effect(id string, pairs ...any) string {
	text := p.T(id, append(pairs, "name", p.Account.Name)...)
	if p.self() {
		text += p.T("operator.self.effect")
	}
	return text
}

func (p OperatorPage) address(act string) string {
	return operatorAddress(p.Account.ID) + act
}

func operatorAddress(id app.OperatorID) string { return fmt.Sprintf("/admin/operators/%d", id) }

// passwordCommand is what the owner of the server types to give somebody another password.
func passwordCommand(name string) string { return operatorCommand("passwd", name) }

func operatorCommand(act, name string) string {
	word := shellWord(name)
	if strings.HasPrefix(name, "-") {
		word = "-- " + word
	}
	return "wxkeeper operator " + act + " " + word
}

// shellWord quotes a text for a shell, where it needs to be.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-@", r)
	}
	if strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func (f Frame) accountState(of app.Operator) Badge {
	if of.Disabled() {
		return Badge{Tone: ToneFaint, Icon: "ban", Text: f.T("operator.disabled")}
	}
	return Badge{Tone: ToneGood, Icon: "circle-check", Text: f.T("operator.enabled")}
}

func (p OperatorsPage) firstPage() string {
	if !p.Later {
		return ""
	}
	return p.With()
}

func (p OperatorsPage) nextPage() string {
	if p.More == "" {
		return ""
	}
	return p.With(CursorParameter, p.More)
}
