package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

const signInPath = "/admin/login"

// signInPage asks who somebody is; whoever is signed in already goes on.
func (d *Dashboard) signInPage(v *visit) error {
	asked := v.Request().URL.Query()
	next := safeAddress(asked.Get("next"))
	if v.signedIn() {
		return v.goTo(next)
	}
	operators, err := d.Store.Read().Operators(v.context())
	if err != nil {
		return err
	}
	return v.page(views.SignIn(views.SignInPage{
		Frame: v.frame(v.text.T("signin.title"), ""), Next: next,
		Expired: asked.Has("expired"), SignedOut: asked.Has("signed_out"), Nobody: operators == 0,
	}))
}

// signIn begins a session with a new id, ends what was this browser's, and goes on: to the page that was asked for, or to the form
// that was sent too late, for its sender to decide about.
func (d *Dashboard) signIn(v *visit) error {
	form, err := v.form("name", "password", "next", "kept_path", "kept")
	if err != nil {
		return err
	}
	kept, fields := d.keptForm(form)
	name := strings.TrimSpace(form["name"])
	attempt := v.attempt()
	attempt.Name, attempt.Password = name, app.Secret(form["password"])
	who, cookie, err := d.Accounts.SignIn(v.context(), attempt)
	var due operator.CodeDue
	if errors.As(err, &due) {
		return d.askForCode(v, http.StatusOK, views.SignInCodePage{Ticket: due.Ticket, Next: safeAddress(form["next"]), Kept: kept})
	}
	if err != nil {
		page := views.SignInPage{Name: name, Next: safeAddress(form["next"]), Kept: kept}
		return d.refuseSignIn(v, page, err)
	}
	return d.enter(v, who, cookie, kept, fields, form["next"])
}

// attempt is what the request says of whoever wants to sign in.
func (v *visit) attempt() operator.Attempt {
	device := app.Secret(v.dashboard.sessions.cookies.value(v.Request(), deviceCookie))
	return operator.Attempt{Cookie: v.session.cookie, Device: device, Address: v.caller.Client.Address, Browser: v.Request().UserAgent()}
}

// enter gives the browser its cookies, and goes on.
func (d *Dashboard) enter(v *visit, who app.Operator, cookie app.Secret, kept views.KeptForm, fields url.Values, next string) error {
	if err := v.session.begin(v.Context, cookie); err != nil {
		return err
	}
	device, err := d.Accounts.Device(who)
	if err != nil {
		return err
	}
	d.remember(v.Context, deviceCookie, device.Reveal())
	if kept.Path == "" {
		return v.goTo(next)
	}
	taker, _ := d.formRoute(kept.Path)
	page := views.ContinuePage{
		Frame: v.frame(v.text.T("continue.title"), ""), Route: taker.path, Path: kept.Path, Fields: fields, Next: safeAddress(next),
	}
	page.Address = ""
	return v.page(views.Continue(page))
}

// askForCode asks somebody for a one-time code whose password fits.
func (d *Dashboard) askForCode(v *visit, status int, page views.SignInCodePage) error {
	page.Frame = v.frame(v.text.T("signin.code.title"), "")
	page.Address = ""
	return v.pageWith(status, views.SignInCode(page))
}

// signInWithCode is the second step of signIn, for those who sign in with one-time codes.
func (d *Dashboard) signInWithCode(v *visit) error {
	form, err := v.form("ticket", "code", "next", "kept_path", "kept")
	if err != nil {
		return err
	}
	kept, fields := d.keptForm(form)
	ticket, next := app.Secret(form["ticket"]), safeAddress(form["next"])
	who, cookie, err := d.Accounts.SignInWithCode(v.context(), ticket, form["code"], v.attempt())
	if err == nil {
		return d.enter(v, who, cookie, kept, fields, next)
	}
	page, failure := views.SignInCodePage{Ticket: ticket, Next: next, Kept: kept}, failureOf(err)
	switch {
	case errors.Is(err, operator.ErrCodeWrong):
		page.Wrong = views.Wrong{"code": "totp.code.wrong"}
		return d.askForCode(v, http.StatusUnprocessableEntity, page)
	case failure.Kind == app.TooManyRequests:
		page.Wait = failure.RetryAfter
		setRetryAfter(v.Context, failure)
		return d.askForCode(v, http.StatusTooManyRequests, page)
	case failure.Kind == app.InvalidToken: // the first step was too long ago, or is worth nothing any more
		again := views.SignInPage{Frame: v.frame(v.text.T("signin.title"), ""), Next: next, Kept: kept, Expired: true}
		again.Address = ""
		return v.pageWith(http.StatusUnprocessableEntity, views.SignIn(again))
	}
	return err
}

// refuseSignIn asks again, in the same way whatever was wrong.
func (d *Dashboard) refuseSignIn(v *visit, page views.SignInPage, err error) error {
	status, failure := http.StatusUnprocessableEntity, failureOf(err)
	switch failure.Kind {
	case app.InvalidToken:
		page.Wrong = true
	case app.TooManyRequests:
		status, page.Wait = http.StatusTooManyRequests, failure.RetryAfter
		setRetryAfter(v.Context, failure)
	default:
		return err
	}
	page.Frame = v.frame(v.text.T("signin.title"), "")
	page.Address = signInAddress(page.Next, false)
	if page.Kept.Path != "" {
		page.Address = ""
	}
	return v.pageWith(status, views.SignIn(page))
}

// signOut ends the session, if there still is one.
func (d *Dashboard) signOut(v *visit) error {
	if v.signedIn() {
		if err := d.Accounts.SignOut(v.context(), v.session.present); err != nil {
			return err
		}
	}
	return v.leave()
}

// leave makes the browser forget a session that has ended.
func (v *visit) leave() error {
	if err := v.session.end(v.Context); err != nil {
		return err
	}
	return v.redirect(signInPath + "?signed_out=1")
}

// signInAddress leads to the sign-in, and from there to another page.
func signInAddress(next string, expired bool) string {
	query := url.Values{"next": {next}}
	if expired {
		query.Set("expired", "1")
	}
	return signInPath + "?" + query.Encode()
}

// askToSignIn stands in for a page that needs somebody signed in. A form is not lost by it: it comes along, to be sent after the
// sign-in. What a script asks for is no page; the script is told where to lead.
func (d *Dashboard) askToSignIn(v *visit) error {
	request := v.Request()
	switch {
	case asksByItself(request) || request.Header.Get("HX-Request") != "":
		return v.leadScript(http.StatusUnauthorized, signInAddress(d.pageBefore(request), v.session.expired()))
	case request.Method == http.MethodGet:
		return v.redirect(signInAddress(safeAddress(request.URL.RequestURI()), v.session.expired()))
	}
	page := views.SignInPage{Frame: v.frame(v.text.T("signin.title"), ""), Next: d.pageBefore(request), Expired: true}
	page.Kept, page.Lost = keepForm(v)
	page.Address = ""
	return v.pageWith(http.StatusUnauthorized, views.SignIn(page))
}

// pageBefore is the page that a form or a script stands on, as the browser says.
func (d *Dashboard) pageBefore(request *http.Request) string {
	for _, name := range []string{"HX-Current-URL", "Referer"} {
		if page, err := url.Parse(request.Header.Get(name)); err == nil && page.Path != "" {
			return safeAddress(strings.TrimPrefix(page.RequestURI(), d.base))
		}
	}
	return adminPath
}

// longestKept is how many bytes of a form are kept.
const longestKept = 16 << 10

// keepForm takes over a form that was sent too late. A form with a password is not kept, nor a long one: lost says so.
func keepForm(v *visit) (kept views.KeptForm, lost bool) {
	mediaType, _ := mediaTypeOf(v.Request().Header)
	body, err := readBody(v.Context)
	if err != nil || len(body) > 0 && mediaType != formType {
		return kept, true
	}
	form := fields{"kept_path": v.Request().URL.EscapedPath(), "kept": string(body)}
	kept, _ = v.dashboard.keptForm(form)
	return kept, kept.Path == ""
}

// keptForm reads a form that was kept: none if it is not one that the dashboard would have kept, and could take.
func (d *Dashboard) keptForm(form fields) (kept views.KeptForm, values url.Values) {
	path, text := form["kept_path"], form["kept"]
	_, known := d.formRoute(path)
	values, err := url.ParseQuery(text)
	if !known || err != nil || len(text) > longestKept || hasSecret(values) {
		return views.KeptForm{}, nil
	}
	return views.KeptForm{Path: path, Fields: values.Encode()}, values
}

func hasSecret(values url.Values) bool {
	for name := range values {
		if strings.Contains(name, "password") || strings.Contains(name, "secret") {
			return true
		}
	}
	return false
}

// formRoute finds the route that takes a form, among those that need somebody signed in.
func (d *Dashboard) formRoute(path string) (route, bool) {
	for _, one := range d.routes() {
		if one.method == http.MethodPost && one.role != everybody && one.leadsTo(path) {
			return one, true
		}
	}
	return route{}, false
}

func (r route) leadsTo(path string) bool {
	if path != safeAddress(path) {
		return false
	}
	return slices.EqualFunc(strings.Split(r.path, "/"), strings.Split(path, "/"), func(part, given string) bool {
		return part == given || strings.HasPrefix(part, ":") && given != "" && !strings.ContainsAny(given, "?#")
	})
}
