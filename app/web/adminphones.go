package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/views"
)

const (
	phonesPath        = "/admin/phones"
	phonesListed      = 100
	phoneEventsListed = 15
)

func (d *Dashboard) phonesPage(v *visit) error {
	page, err := d.phonesWith(v, "", false)
	if err != nil {
		return err
	}
	return v.page(views.Phones(page))
}

// phonesWith lists the phones, with what was typed to find another.
func (d *Dashboard) phonesWith(v *visit, number string, wrong bool) (page views.PhonesPage, err error) {
	phones, err := d.Phones.all(v.context())
	if err != nil {
		return page, err
	}
	page.Total, page.Number, page.Wrong = len(phones), number, wrong
	for _, phone := range phones[:min(len(phones), phonesListed)] {
		row, err := d.phoneRow(v, phone)
		if err != nil {
			return page, err
		}
		page.Phones = append(page.Phones, row)
	}
	if page.Trouble, err = d.Phones.troubles(v.context()); err != nil {
		return page, err
	}
	page.Frame = v.frame(v.text.T("nav.phones"), views.SectionPhones)
	return page, nil
}

// phoneRow finds who the owner of a phone is here, and how their key is.
func (d *Dashboard) phoneRow(v *visit, phone phoneState) (views.PhoneRow, error) {
	row := views.PhoneRow{Phone: phone.view(d.Phones.token(phone.Number) != "")}
	user, err := d.Store.Read().UserByOpenID(v.context(), d.Keeper.AppID(), phone.OpenID)
	if app.KindOf(err) == app.NotFound {
		return row, nil
	}
	if err != nil {
		return row, err
	}
	keys, err := d.Store.Read().KeysOfUser(v.context(), user.ID)
	if len(keys) > 0 && keys[0].Current() {
		row.Fresh = keys[0].Freshness(v.now(), d.Keeper.Settings().KeyAging)
	}
	row.User = user
	return row, err
}

// phoneOf finds the phone of the address. NotFound: there is none.
func (d *Dashboard) phoneOf(v *visit) (phoneState, error) {
	number, err := strconv.Atoi(v.Param("phone"))
	if err != nil {
		return phoneState{}, app.Fail(app.NotFound, "")
	}
	return d.Phones.one(v.context(), number)
}

func (d *Dashboard) phonePage(v *visit) error {
	phone, err := d.phoneOf(v)
	if err != nil {
		return err
	}
	row, err := d.phoneRow(v, phone)
	if err != nil {
		return err
	}
	page := views.PhonePage{PhoneRow: row, Exchanges: d.Phones.exchanges(phone.Number)}
	if row.User.ID != 0 {
		if page.Events, err = d.Store.Read().EventsOf(v.context(), row.User.LastEvent, phoneEventsListed); err != nil {
			return err
		}
	}
	page.Frame = v.frame(v.text.T("phones.title", "number", strconv.Itoa(phone.Number), "name", phone.Nickname), views.SectionPhones)
	return v.page(views.PlayPhone(page))
}

// playPhone does what a button says: to a phone, to WeChat as a whole, or to find the phone of any user.
func (d *Dashboard) playPhone(v *visit) error {
	switch v.Param("phone") {
	case "wechat":
		return d.playWeChat(v)
	case "user":
		return d.openPhone(v)
	}
	phone, err := d.phoneOf(v)
	if err != nil {
		return err
	}
	act := v.Param("act")
	if order, found := phoneOrders[act]; found {
		return d.orderPhone(v, phone, act, order)
	}
	send := d.programActs()[act]
	if send == nil {
		return app.Fail(app.NotFound, "")
	}
	if d.Phones.token(phone.Number) == "" && needsToken[act] {
		return v.refuse("phones.tokenless", phoneAddress(phone.Number))
	}
	if err := send(v.context(), phone, v.now()); err != nil {
		return err
	}
	return v.done(v.text.T("phones.sent"), phoneAddress(phone.Number))
}

// programActs are what the mini program does, by the name of its button.
func (d *Dashboard) programActs() map[string]func(context.Context, phoneState, time.Time) error {
	kind := func(kind string) func(context.Context, phoneState, time.Time) error {
		return func(ctx context.Context, phone phoneState, now time.Time) error {
			return d.Phones.sendKind(ctx, phone, now, kind)
		}
	}
	login := func(times int) func(context.Context, phoneState, time.Time) error {
		return func(ctx context.Context, phone phoneState, now time.Time) error {
			return d.Phones.login(ctx, phone, now, times)
		}
	}
	return map[string]func(context.Context, phoneState, time.Time) error{
		"launch": login(1), "twice": login(2), "userinfo": kind("userinfo"), "phone": kind("phone"), "run": kind("run"),
		"race": d.Phones.collectFirst, "session": d.Phones.session, "logout": d.Phones.logout,
	}
}

var needsToken = map[string]bool{"userinfo": true, "phone": true, "run": true, "session": true, "logout": true}

func phoneAddress(number int) string { return fmt.Sprintf("%s/%d", phonesPath, number) }

// orderPhone does something to a phone at WeChat. A second device is shown at once.
func (d *Dashboard) orderPhone(v *visit, phone phoneState, act string, order controlOrder) error {
	after := phone
	err := d.Phones.control(v.context(), order.method, phonePath(phone.Number)+order.path, order.form, &after)
	switch {
	case errors.Is(err, errUnheard):
		return v.refuse("phones.unheard", phoneAddress(phone.Number))
	case errors.Is(err, errEnoughPhones):
		return v.refuse("phones.enough", phoneAddress(phone.Number))
	case err != nil:
		return err
	}
	return v.done(v.text.T("phones.did."+act), phoneAddress(after.Number))
}

func (d *Dashboard) playWeChat(v *visit) error {
	act := v.Param("act")
	if err := d.Phones.weChat(v.context(), act); err != nil {
		return err
	}
	return v.done(v.text.T("phones.did."+act), phonesPath)
}

// openPhone finds the phone of a user, who gets one where there is none.
func (d *Dashboard) openPhone(v *visit) error {
	if v.Param("act") != "open" {
		return app.Fail(app.NotFound, "")
	}
	form, err := v.form("number")
	if err != nil {
		return err
	}
	phone, err := d.phoneOfUser(v.context(), strings.TrimSpace(form["number"]))
	switch {
	case app.KindOf(err) == app.NotFound:
		page, err := d.phonesWith(v, form["number"], true)
		if err != nil {
			return err
		}
		return v.pageWith(http.StatusUnprocessableEntity, views.Phones(page))
	case errors.Is(err, errEnoughPhones):
		return v.refuse("phones.enough", phonesPath)
	case err != nil:
		return err
	}
	return v.goTo(phoneAddress(phone.Number))
}

func (d *Dashboard) phoneOfUser(ctx context.Context, text string) (phone phoneState, err error) {
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return phone, app.Fail(app.NotFound, "")
	}
	user, err := d.Store.Read().UserByNumber(ctx, d.Keeper.AppID(), app.UserNumber(number))
	if err != nil {
		return phone, err
	}
	err = d.Phones.control(ctx, http.MethodPost, emulatorPhones, url.Values{"openid": {string(user.OpenID)}}, &phone)
	return phone, err
}
