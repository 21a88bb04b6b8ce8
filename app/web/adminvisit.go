package web

import (
	"net/http"
	"strings"
	"time"

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

// visit reads who makes a request. It fails only where the session cannot be looked up.
func (d *Dashboard) visit(c echo.Context) (*visit, error) {
	v := d.stranger(c)
	var err error
	v.session, err = d.sessions.open(c)
	v.operator = v.session.present.Operator
	return v, err
}

// stranger is a visit of which nothing is known but the request.
func (d *Dashboard) stranger(c echo.Context) *visit {
	language := views.MatchLanguage(cookieOf(c, languageCookie), c.Request().Header.Get("Accept-Language"))
	return &visit{Context: c, dashboard: d, caller: callerOf(c), text: views.Text{Language: language}}
}

func (v *visit) signedIn() bool { return v.operator.ID != 0 }

func (v *visit) now() time.Time { return v.caller.At }

// frame is what every page shows around its own part.
func (v *visit) frame(title string, section views.Section) views.Frame {
	d := v.dashboard
	return views.Frame{
		Text: v.text, Title: title, Section: section, Operator: v.operator, Theme: views.ParseTheme(cookieOf(v.Context, themeCookie)),
		Address: v.address(), Appid: d.Keeper.Appid(), EnvName: d.EnvName, Sandbox: d.Phones != nil, Version: d.Version,
		Now: v.now(), Location: d.Location, Flash: v.takeFlash(), RequestID: v.caller.RequestID,
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
func (v *visit) pageWith(status int, page templ.Component) error { return render(v.Context, status, page) }

// goTo leads to a page after a form was taken.
func (v *visit) goTo(address string) error {
	return v.Redirect(http.StatusSeeOther, safeAddress(address))
}

// safeAddress gives an address of the dashboard, and its first page for any other address.
func safeAddress(address string) string {
	if !strings.HasPrefix(address, adminPath) || strings.ContainsAny(address, "\\\r\n\t") || strings.Contains(address, "//") {
		return adminPath
	}
	return address
}

// order is what the operator wants done, and why, as the form says.
func (v *visit) order(form fields) keeper.Order {
	return keeper.Order{Operator: v.operator.Name, Reason: v.text.JoinReason(form["reason"], form["reason_text"])}
}

// form reads the named fields of a form that was sent; those not sent are "".
func (v *visit) form(names ...string) (fields, error) { return parseBody(v.Context, names) }

// say tells the operator something on the next page.
func (v *visit) say(tone views.Tone, text string) error { return v.session.addFlash(v.Context, tone, text) }

func (v *visit) takeFlash() []views.Flash { return v.session.takeFlash(v.Context) }

func cookieOf(c echo.Context, name string) string {
	for _, prefix := range []string{securePrefix, ""} {
		if cookie, err := c.Cookie(prefix + name); err == nil {
			return cookie.Value
		}
	}
	return ""
}
