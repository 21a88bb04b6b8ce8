package web

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/views"
)

// visit is one request to the dashboard: who makes it, and in which language they read.
type visit struct {
	echo.Context
	dashboard *Dashboard
	caller    app.Caller
	text      views.Text
	session   adminSession // of the operator; none while nobody has signed in
	operator  app.Operator
}

const visitKey = "wxkeeper.visit"

// visit reads who makes a request, once. It fails only where the session cannot be looked up; whoever asks again, to say so on a page, is
// given a stranger.
func (d *Dashboard) visit(c echo.Context) (*visit, error) {
	if known, ok := c.Get(visitKey).(*visit); ok {
		return known, nil
	}
	v := d.stranger(c)
	c.Set(visitKey, v)
	session, err := d.sessions.open(c)
	if err != nil {
		return v, err
	}
	v.session, v.operator = session, session.present.Operator
	return v, nil
}

// stranger is a visit of which nothing is known but the request.
func (d *Dashboard) stranger(c echo.Context) *visit {
	language := views.MatchLanguage(d.sessions.cookies.value(c.Request(), languageCookie), c.Request().Header.Get("Accept-Language"))
	return &visit{Context: c, dashboard: d, caller: callerOf(c), text: views.Text{Language: language}}
}

func (v *visit) signedIn() bool { return v.operator.ID != 0 }

func (v *visit) now() time.Time { return v.caller.At }

// context ends when the browser has gone.
func (v *visit) context() context.Context { return v.Request().Context() }

// frame is what every page shows around its own part.
func (v *visit) frame(title string, section views.Section) views.Frame {
	d := v.dashboard
	attention := 0
	if v.signedIn() {
		attention = d.concerns.count(v.context(), d.Overview, v.now())
	}
	return views.Frame{
		Text: v.text, Base: d.base, Title: title, Section: section, Operator: v.operator, Theme: views.ParseTheme(d.sessions.cookies.value(v.Request(), themeCookie)),
		Address: v.address(), Appid: d.Keeper.Appid(), Apps: d.Site.links(d.Keeper.Appid()), AppsPage: d.Site != nil, EnvName: d.EnvName, Sandbox: d.Phones != nil, Version: d.Version,
		Now: v.now(), Location: d.Location, Flash: v.takeFlash(), RequestID: v.caller.RequestID, Attention: attention,
	}
}

// address is where this page can be seen again: a page that answered a form is not one of them.
func (v *visit) address() string {
	if v.Request().Method != http.MethodGet {
		return adminPath
	}
	return v.Request().URL.RequestURI()
}

func (v *visit) page(page templ.Component) error { return render(v.Context, http.StatusOK, page) }

// pageWith writes a page with another status than 200.
func (v *visit) pageWith(status int, page templ.Component) error {
	return render(v.Context, status, page)
}

// goTo leads to a page after a form was taken.
func (v *visit) goTo(address string) error {
	return v.redirect(safeAddress(address))
}

// redirect leads to an address of ours, whatever stands before it for browsers.
func (v *visit) redirect(address string) error {
	return v.Redirect(http.StatusSeeOther, v.dashboard.base+address)
}

// leadScript tells a script, which follows no redirect, where to lead.
func (v *visit) leadScript(status int, address string) error {
	v.Response().Header().Set("HX-Redirect", v.dashboard.base+address)
	return v.NoContent(status)
}

// longestAddress is how many bytes an address to go on to may have.
const longestAddress = 4 << 10

// safeAddress gives an address of the dashboard as it is, and the dashboard's first page for any other: one of another site, and one
// that a browser may read differently from us, and a file, which is no page to go on from.
func safeAddress(address string) string {
	unprinted := func(r rune) bool { return r == ' ' || r == '\\' || r == utf8.RuneError || !unicode.IsPrint(r) }
	written, _, _ := strings.Cut(address, "?")
	read, err := url.PathUnescape(written)
	switch {
	case err != nil, len(address) > longestAddress, strings.ContainsFunc(address, unprinted), strings.ContainsFunc(read, unprinted),
		!strings.HasPrefix(written, adminPath), strings.TrimSuffix(read, "/") != path.Clean(read), path.Ext(read) == ".csv":
		return adminPath
	}
	return address
}

// refuse leads to a page that says why nothing was done.
func (v *visit) refuse(message, address string) error {
	if err := v.say(views.ToneWarn, v.text.T(message)); err != nil {
		return err
	}
	return v.goTo(address)
}

// order is what the operator wants done, and why, as the form says.
func (v *visit) order(form fields) keeper.Order {
	return keeper.Order{Operator: v.operator.Name, Reason: v.text.JoinReason(form["reason"], form["reason_text"])}
}

// orderOf is order for a form that was read by values.
func (v *visit) orderOf(form url.Values) keeper.Order {
	return v.order(fields{"reason": form.Get("reason"), "reason_text": form.Get("reason_text")})
}

// values reads a form in which a field may come many times.
func (v *visit) values() (url.Values, error) {
	mediaType, err := mediaTypeOf(v.Request().Header)
	if err != nil || mediaType != formType {
		return nil, app.Fail(app.UnsupportedContentType, "")
	}
	body, err := readBody(v.Context)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, malformed("body").Because(err)
	}
	return form, nil
}

// form reads the named fields of a form that was sent; those not sent are "".
func (v *visit) form(names ...string) (fields, error) { return parseBody(v.Context, names) }

// say tells the operator something on the next page.
func (v *visit) say(tone views.Tone, text string) error {
	return v.session.addFlash(v.Context, tone, text)
}

func (v *visit) takeFlash() []views.Flash { return v.session.takeFlash(v.Context) }
