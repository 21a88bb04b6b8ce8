package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

const (
	operatorsPath = "/admin/operators"

	operatorsShown = 100 // on one page
)

func (d *Dashboard) operatorsPage(v *visit) error {
	page, err := d.operatorsFrom(v, v.QueryParam(views.CursorParameter))
	if err != nil {
		return err
	}
	return v.page(views.Operators(page))
}

// operatorsFrom lists the accounts whose names follow another.
func (d *Dashboard) operatorsFrom(v *visit, after string) (page views.OperatorsPage, err error) {
	if page.Total, err = d.Store.Read().Operators(v.context()); err != nil {
		return page, err
	}
	listed, err := d.Accounts.List(v.context(), after, operatorsShown+1)
	if err != nil {
		return page, err
	}
	sessions, err := d.Accounts.SessionCounts(v.context())
	if err != nil {
		return page, err
	}
	if len(listed) > operatorsShown {
		listed = listed[:operatorsShown]
		page.More = listed[operatorsShown-1].Name
	}
	for _, one := range listed {
		page.Operators = append(page.Operators, views.OperatorRow{Operator: one, Sessions: sessions[one.ID]})
	}
	page.Later, page.New.Role = after != "", app.RoleViewer
	page.Unproven = !d.Accounts.Proven(v.session.present)
	page.Frame = v.frame(v.text.T("nav.operators"), views.SectionOperators)
	return page, nil
}

// addOperator makes an account. What is wrong with the form is said at its fields.
func (d *Dashboard) addOperator(v *visit) error {
	form, err := v.form("name", "role", "password", "password_repeat")
	if err != nil {
		return err
	}
	added := views.NewOperator{Name: strings.TrimSpace(form["name"]), Role: app.Role(form["role"]), Wrong: unequalPasswords}
	if form["password"] == form["password_repeat"] {
		err = d.Accounts.Add(v.context(), v.accountOrder(), added.Name, added.Role, app.Secret(form["password"]))
		switch app.KindOf(err) {
		case app.AlreadyExists:
			added.Wrong = views.Wrong{"name": "operator.name.taken"}
		case app.Malformed:
			added.Wrong = wrongWith(err)
		default:
			if err != nil {
				return err
			}
			text := v.text.T("operator.added", "name", added.Name, "role", v.text.T("role."+form["role"]))
			return v.done(text, operatorsPath)
		}
	}
	page, err := d.operatorsFrom(v, "")
	if err != nil {
		return err
	}
	page.New, page.Address, page.Unproven = added, operatorsPath, false
	return v.pageWith(http.StatusUnprocessableEntity, views.Operators(page))
}

func (d *Dashboard) operatorPage(v *visit) error {
	account, err := d.account(v)
	if err != nil {
		return err
	}
	return d.showOperator(v, http.StatusOK, account, nil)
}

// account is the account in the path.
func (d *Dashboard) account(v *visit) (app.Operator, error) {
	id, err := strconv.ParseInt(v.Param("operator"), 10, 64)
	if err != nil {
		return app.Operator{}, app.Fail(app.NotFound, "")
	}
	return d.Store.Read().OperatorByID(v.context(), app.OperatorID(id))
}

func (d *Dashboard) showOperator(v *visit, status int, account app.Operator, wrong views.Wrong) error {
	sessions, err := d.browserSessions(v, account)
	if err != nil {
		return err
	}
	page := views.OperatorPage{
		Frame: v.frame(account.Name, views.SectionOperators), Account: account, Sessions: sessions, Wrong: wrong,
	}
	page.Address = operatorPath(account)
	return v.pageWith(status, views.Operator(page))
}

func operatorPath(account app.Operator) string {
	return fmt.Sprintf("%s/%d", operatorsPath, account.ID)
}

func (d *Dashboard) setOperatorRole(v *visit) error {
	form, err := v.form("role")
	if err != nil {
		return err
	}
	role := app.Role(form["role"])
	return d.changeAccount(v, "role", func(account app.Operator) (string, error) {
		err := d.Accounts.SetRole(v.context(), v.accountOrder(), account.Name, role)
		return v.text.T("operator.role.changed", "name", account.Name, "role", v.text.T("role."+string(role))), err
	})
}

func (d *Dashboard) disableOperator(v *visit) error {
	return d.changeAccount(v, "name", func(account app.Operator) (string, error) {
		err := d.Accounts.Disable(v.context(), v.accountOrder(), account.Name)
		return v.text.T("operator.disabled.done", "name", account.Name), err
	})
}

func (d *Dashboard) enableOperator(v *visit) error {
	return d.changeAccount(v, "name", func(account app.Operator) (string, error) {
		err := d.Accounts.Enable(v.context(), v.accountOrder(), account.Name)
		return v.text.T("operator.enabled.done", "name", account.Name), err
	})
}

func (d *Dashboard) endOperatorSessions(v *visit) error {
	return d.changeAccount(v, "name", func(account app.Operator) (string, error) {
		ended, err := d.Accounts.EndSessions(v.context(), v.accountOrder(), account.Name, 0)
		return v.text.T("operator.sessions.ended", "name", account.Name, "n", ended), err
	})
}

// changeAccount does something to the account in the path and says so. What must not be done is said on its page, at a field. All
// that ends the account's sessions ends those of whoever does it to themselves.
func (d *Dashboard) changeAccount(v *visit, field string, work func(app.Operator) (said string, err error)) error {
	account, err := d.account(v)
	if err != nil {
		return err
	}
	said, err := work(account)
	switch {
	case errors.Is(err, operator.ErrLastAdmin):
		return d.showOperator(v, http.StatusUnprocessableEntity, account, views.Wrong{field: "operator.lastadmin"})
	case errors.Is(err, operator.ErrRole):
		return d.showOperator(v, http.StatusUnprocessableEntity, account, wrongWith(err))
	case err != nil:
		return err
	}
	if _, err := d.Accounts.Peek(v.context(), v.session.cookie); app.KindOf(err) == app.InvalidToken {
		return v.leave()
	}
	return v.done(said, operatorPath(account))
}
