package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

func (d *Dashboard) accountPage(v *visit) error {
	page, err := d.ownAccount(v)
	if err != nil {
		return err
	}
	return v.page(views.Account(page))
}

func (d *Dashboard) ownAccount(v *visit) (views.AccountPage, error) {
	sessions, err := d.browserSessions(v, v.operator)
	if err != nil {
		return views.AccountPage{}, err
	}
	left, err := d.Accounts.RecoveryCodes(v.context(), v.session.present)
	return views.AccountPage{
		Frame: v.frame(v.text.T("nav.account"), ""), Sessions: sessions, RecoveryCodes: left,
		TOTPRequired: slices.Contains(d.TOTPRoles, v.operator.Role),
	}, err
}

// browserSessions lists where an operator is signed in.
func (d *Dashboard) browserSessions(v *visit, of app.Operator) ([]views.BrowserSession, error) {
	sessions, err := d.Accounts.Sessions(v.context(), of.Name)
	listed := make([]views.BrowserSession, len(sessions))
	for i, one := range sessions {
		listed[i] = views.BrowserSession{OperatorSession: one, Current: one.ID == v.session.present.Session.ID}
	}
	return listed, err
}

// changePassword gives the operator another password and says how many browsers were signed out by it.
func (d *Dashboard) changePassword(v *visit) error {
	form, err := v.form("old_password", "code", "password", "password_repeat")
	if err != nil {
		return err
	}
	if form["password"] != form["password_repeat"] {
		return d.accountAgain(v, http.StatusUnprocessableEntity, func(page *views.AccountPage) { page.Wrong = unequalPasswords })
	}
	before, err := d.Accounts.Sessions(v.context(), v.operator.Name)
	if err != nil {
		return err
	}
	proof := operator.Proof{Password: app.Secret(form["old_password"]), Code: form["code"]}
	err = d.Accounts.ChangeOwnPassword(v.context(), v.session.present, proof, app.Secret(form["password"]))
	if err != nil {
		return d.refusePassword(v, err)
	}
	text := v.text.T("account.password.changed")
	if others := len(before) - 1; others > 0 {
		text = v.text.T("account.password.ended", "n", others)
	}
	return v.done(text, "/admin/account")
}

func (d *Dashboard) refusePassword(v *visit, err error) error {
	failure := failureOf(err)
	switch failure.Kind {
	case app.Malformed:
		return d.accountAgain(v, http.StatusUnprocessableEntity, func(page *views.AccountPage) { page.Wrong = wrongWith(err) })
	case app.TooManyRequests:
		setRetryAfter(v.Context, failure)
		return d.accountAgain(v, http.StatusTooManyRequests, func(page *views.AccountPage) { page.Wait = failure.RetryAfter })
	}
	return err
}

// accountAgain shows the account with what was wrong.
func (d *Dashboard) accountAgain(v *visit, status int, say func(*views.AccountPage)) error {
	page, err := d.ownAccount(v)
	if err != nil {
		return err
	}
	page.Address = "/admin/account"
	say(&page)
	return v.pageWith(status, views.Account(page))
}

var unequalPasswords = views.Wrong{"password_repeat": "password.unequal"}

// accountMistakes says at which field an order about an account is wrong, and in which words.
var accountMistakes = []struct {
	cause       error
	field, text string
}{
	{operator.ErrName, "name", "operator.name.wrong"},
	{operator.ErrRole, "role", "operator.role.wrong"},
	{operator.ErrPasswordShort, "password", "password.short"},
	{operator.ErrPasswordLong, "password", "password.long"},
	{operator.ErrPasswordIsName, "password", "password.isname"},
	{operator.ErrPasswordCommon, "password", "password.common"},
	{operator.ErrPasswordWrong, "old_password", "password.old.wrong"},
	{operator.ErrCodeWrong, "code", "totp.code.wrong"},
}

// wrongWith says what is wrong with a form, by its fields.
func wrongWith(err error) views.Wrong {
	wrong := views.Wrong{}
	for _, mistake := range accountMistakes {
		if errors.Is(err, mistake.cause) {
			wrong[mistake.field] = mistake.text
		}
	}
	return wrong
}

// endOwnSession signs the operator out of one browser, which may be this one.
func (d *Dashboard) endOwnSession(v *visit) error {
	id, err := strconv.ParseInt(v.Param("session"), 10, 64)
	if err != nil {
		return app.Fail(app.NotFound, "")
	}
	session := app.OperatorSessionID(id)
	if session == v.session.present.Session.ID {
		return d.signOut(v)
	}
	err = d.Accounts.EndSession(v.context(), v.accountOrder(), v.operator.Name, session)
	if app.KindOf(err) == app.NotFound {
		return v.done(v.text.T("account.ended.before"), "/admin/account")
	}
	if err != nil {
		return err
	}
	return v.done(v.text.T("account.ended"), "/admin/account")
}

// endOtherSessions signs the operator out of all browsers but this one.
func (d *Dashboard) endOtherSessions(v *visit) error {
	ended, err := d.Accounts.EndSessions(v.context(), v.accountOrder(), v.operator.Name, v.session.present.Session.ID)
	if err != nil {
		return err
	}
	return v.done(v.text.T("account.others.ended", "n", ended), "/admin/account")
}

// accountOrder is an order of this operator about an account.
func (v *visit) accountOrder() operator.Order { return operator.Order{Operator: v.operator.Name} }

// done says what was done, on the page it leads to.
func (v *visit) done(text, address string) error {
	if err := v.say(views.ToneGood, text); err != nil {
		return err
	}
	return v.goTo(address)
}
