package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/views"
)

// userOrder is an order about the user of the address, with the form it came in.
type userOrder struct {
	keeper.Order
	user app.User
	act  views.UserAct
	form fields

	device app.SessionID // of views.ActDevice
}

// userOrder reads who is meant and why.
func (d *Dashboard) userOrder(v *visit, act views.UserAct) (userOrder, error) {
	user, err := d.userOf(v)
	if err != nil {
		return userOrder{}, err
	}
	form, err := v.form("reason", "reason_text", "confirmation", "back")
	return userOrder{Order: v.order(form), user: user, act: act, form: form}, err
}

// number is the user number of whom the order is about.
func (o userOrder) number() app.UserNumber { return o.user.Number }

// tell says what came of an order, on the page that the form stood on.
func (v *visit) tell(o userOrder, tone views.Tone, text string) error {
	if err := v.say(tone, text); err != nil {
		return err
	}
	return v.goTo(o.back())
}

// back is the page of the user that the form stood on.
func (o userOrder) back() string {
	own := views.UserAddress(o.number())
	if address := o.form["back"]; strings.HasPrefix(address, own+"/") {
		return address
	}
	if o.act == views.ActDevice {
		return views.UserTabAddress(o.number(), views.UserDevices)
	}
	return own
}

// mistaken shows the form again if the order was refused for what was typed. Any other failure is not its business.
func (d *Dashboard) mistaken(v *visit, o userOrder, err error) error {
	var failure *app.Error
	if !errors.As(err, &failure) || failure.Field != "reason" {
		return err
	}
	mistake := views.UserMistake{ReasonError: v.text.T("user.reason.missing")}
	if failure.Kind == app.Malformed {
		mistake.ReasonError = v.text.T("user.reason.long")
	}
	return d.askAgain(v, o, mistake)
}

// askAgain shows the form again with what was typed and what is wrong with it.
func (d *Dashboard) askAgain(v *visit, o userOrder, mistake views.UserMistake) error {
	mistake.Act, mistake.Device, mistake.Chosen, mistake.Words = o.act, o.device, o.form["reason"], o.form["reason_text"]
	if o.act == views.ActDevice {
		p, err := d.devicesOf(v, o.user)
		if err != nil {
			return err
		}
		p.Mistake = mistake
		return v.pageWith(http.StatusUnprocessableEntity, p.View())
	}
	p, err := d.profileOf(v, o.user)
	if err != nil {
		return err
	}
	p.Mistake = mistake
	return v.pageWith(http.StatusUnprocessableEntity, p.View())
}

// checkUser asks WeChat about the user's key. The button asks for no reason: its own words are the one that is recorded.
func (d *Dashboard) checkUser(v *visit) error {
	o, err := d.userOrder(v, views.ActCheck)
	if err != nil {
		return err
	}
	if o.Reason == "" {
		o.Reason = v.text.T("user.check")
	}
	verdict, err := d.Keeper.CheckNow(v.context(), o.Order, o.number())
	switch {
	case app.KindOf(err) == app.NotFound:
		return v.tell(o, views.ToneWarn, v.text.T("user.check.nokey"))
	case err != nil:
		return d.mistaken(v, o, err)
	case verdict.State == app.KeyConfirmed:
		return v.tell(o, views.ToneGood, v.text.T("user.check.confirmed"))
	case verdict.State == app.KeyDead:
		return v.tell(o, views.ToneWarn, v.text.T("user.check.dead", "cause", v.cause(verdict)))
	}
	return v.tell(o, views.ToneWarn, v.text.T("user.check.failed", "cause", v.cause(verdict)))
}

func (v *visit) cause(verdict keeper.Verdict) string {
	return v.text.Cause(verdict.Errcode, verdict.Problem, "")
}

func (d *Dashboard) reloginUser(v *visit) error {
	o, err := d.userOrder(v, views.ActRelogin)
	if err != nil {
		return err
	}
	devices, err := d.Keeper.ForceRelogin(v.context(), o.Order, o.number())
	switch {
	case err != nil:
		return d.mistaken(v, o, err)
	case devices == 0:
		return v.tell(o, views.ToneInfo, v.text.T("user.relogin.none"))
	}
	return v.tell(o, views.ToneGood, v.text.T("user.relogin.done", "n", devices))
}

func (d *Dashboard) resetUser(v *visit) error {
	o, err := d.userOrder(v, views.ActReset)
	if err != nil {
		return err
	}
	verdict, err := d.Keeper.Reset(v.context(), o.Order, o.number())
	var failure *app.Error
	switch {
	case app.KindOf(err) == app.NotFound:
		return v.tell(o, views.ToneWarn, v.text.T("user.reset.nokey"))
	case errors.As(err, &failure) && failure.Kind == app.TooManyRequests:
		return v.tell(o, views.ToneWarn, v.text.T("user.reset.often", "duration", views.Frame{Text: v.text}.Duration(failure.RetryAfter)))
	case err != nil:
		return d.mistaken(v, o, err)
	case verdict.Reason == app.KeyReset:
		return v.tell(o, views.ToneGood, v.text.T("user.reset.done"))
	case verdict.Errcode == 0:
		return v.tell(o, views.ToneWarn, v.text.T("user.reset.failed", "cause", v.cause(verdict)))
	}
	return v.tell(o, views.ToneWarn, v.text.T("user.reset.refused", "cause", v.cause(verdict)))
}

func (d *Dashboard) disableUser(v *visit) error {
	return d.settleUser(v, views.ActDisable, d.Keeper.Disable)
}

func (d *Dashboard) enableUser(v *visit) error {
	return d.settleUser(v, views.ActEnable, d.Keeper.Enable)
}

// settleUser disables or enables a user.
func (d *Dashboard) settleUser(
	v *visit, act views.UserAct, settle func(context.Context, keeper.Order, app.UserNumber) error,
) error {
	o, err := d.userOrder(v, act)
	if err != nil {
		return err
	}
	err = settle(v.context(), o.Order, o.number())
	id := "user." + string(act)
	switch {
	case app.KindOf(err) == app.AlreadyExists:
		return v.tell(o, views.ToneInfo, v.text.T(id+".already"))
	case err != nil:
		return d.mistaken(v, o, err)
	}
	return v.tell(o, views.ToneGood, v.text.T(id+".done"))
}

// revealPhone shows the number on the page that answers, and nowhere else: it stands in no address and no session.
func (d *Dashboard) revealPhone(v *visit) error {
	o, err := d.userOrder(v, views.ActPhone)
	if err != nil {
		return err
	}
	phone, err := d.Keeper.RevealPhone(v.context(), o.Order, o.number())
	switch {
	case app.KindOf(err) == app.NotFound:
		return v.tell(o, views.ToneInfo, v.text.T("user.phone.none"))
	case err != nil:
		return d.mistaken(v, o, err)
	}
	p, err := d.profileOf(v, o.user)
	if err != nil {
		return err
	}
	p.Revealed = phone
	return v.page(p.View())
}

func (d *Dashboard) endDevice(v *visit) error {
	o, err := d.userOrder(v, views.ActDevice)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(v.Param("device"), 10, 64)
	if err != nil {
		return app.Fail(app.NotFound, "")
	}
	o.device = app.SessionID(id)
	err = d.Keeper.EndDevice(v.context(), o.Order, o.number(), o.device)
	switch {
	case app.KindOf(err) == app.NotFound:
		return v.tell(o, views.ToneInfo, v.text.T("user.device.gone"))
	case err != nil:
		return d.mistaken(v, o, err)
	}
	return v.tell(o, views.ToneGood, v.text.T("user.device.done"))
}

// eraseUser deletes a user whose number was typed once more.
func (d *Dashboard) eraseUser(v *visit) error {
	o, err := d.userOrder(v, views.ActErase)
	if err != nil {
		return err
	}
	mistake := views.UserMistake{}
	if strings.TrimSpace(o.form["confirmation"]) != o.number().String() {
		mistake.TypedError = v.text.T("user.erase.typed")
	}
	if o.Reason == "" {
		mistake.ReasonError = v.text.T("user.reason.missing")
	}
	if mistake != (views.UserMistake{}) {
		return d.askAgain(v, o, mistake)
	}
	if err := d.Keeper.Erase(v.context(), o.Order, o.number()); err != nil {
		return d.mistaken(v, o, err)
	}
	return v.done(v.text.T("user.erase.done", "number", o.number().String()), usersPath)
}
