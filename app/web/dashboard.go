package web

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/alert"
	"wxkeeper/app/backend"
	"wxkeeper/app/diagnosis"
	"wxkeeper/app/keeper"
	"wxkeeper/app/meter"
	"wxkeeper/app/operator"
	"wxkeeper/app/overview"
	"wxkeeper/app/webhook"
	"wxkeeper/db"
	"wxkeeper/static"
	"wxkeeper/views"
)

// DashboardOptions is what a Dashboard is built from.
type DashboardOptions struct {
	Keeper         *keeper.Keeper
	Accounts       *operator.Accounts
	Store          *db.DB
	Overview       overview.Overview
	Diagnosis      *diagnosis.Troubleshooter
	Alerts         *alert.Alerts
	Webhooks       *webhook.Webhooks
	BackEnds       *backend.Register
	Feed           *overview.Feed // of live events; once it is closed, they end
	Host           Host           // the process and its settings, for the System page
	Phones         *Phones
	TrustedProxies []netip.Prefix
	TOTPRoles      []app.Role // that must sign in with one-time codes
	Secure         bool       // people reach the dashboard by https, whatever the last hop is
	PublicURL      string     // at which people and mini programs reach us, perhaps under a path; empty: where the dashboard is
	Site           *Site      // the apps beside this one; nil: there are none and never will be
	AppPath        string     // under which this app is reached, such as /apps/wx0123456789abcdef; empty: it is the default one
	EnvName        string
	Version        string // of this program
	Location       *time.Location
	Log            *slog.Logger
	Clock          func() time.Time
}

// Dashboard is what operators see: server-rendered pages under /admin/, and the files they need under /static/.
type Dashboard struct {
	DashboardOptions
	sessions  *sessionStore
	crossSite *http.CrossOriginProtection
	proxies   *proxies
	concerns  concerns
	streams   *streams

	userCounts userCounts

	streamBeat time.Duration
	base       string // what stands before every path of ours in a link

	echo *echo.Echo
}

// NewDashboard builds a Dashboard. It starts nothing.
func NewDashboard(options DashboardOptions) *Dashboard {
	d := &Dashboard{
		DashboardOptions: options,
		crossSite:        http.NewCrossOriginProtection(),
		proxies:          &proxies{trusted: options.TrustedProxies, log: options.Log},
		streams:          &streams{limits: meter.NewTally(app.LimitStreams), open: map[app.OperatorID]int{}},
		streamBeat:       streamBeat,
		base:             pathOf(options.PublicURL) + options.AppPath,
		echo:             echo.New(),
	}
	d.sessions = &sessionStore{accounts: options.Accounts, cookies: cookies{place: pathOf(options.PublicURL), secure: d.secure}}
	if options.PublicURL != "" {
		// Browsers that say only where they come from are believed behind a proxy that changes the host, too. What is no
		// origin trusts nobody: the settings are checked before they come here.
		_ = d.crossSite.AddTrustedOrigin(strings.TrimSuffix(options.PublicURL, pathOf(options.PublicURL)))
	}
	d.echo.IPExtractor = d.proxies.clientAddress
	d.echo.HTTPErrorHandler = d.answerFailure
	d.echo.Pre(recoverPanics, d.protect)
	d.echo.GET("/static/*", echo.WrapHandler(static.Handler()))
	for _, route := range d.routes() {
		d.echo.Add(route.method, route.path, d.handle(route))
	}
	return d
}

// Handler serves the dashboard alone.
func (d *Dashboard) Handler() http.Handler { return d.echo }

// Beside serves the dashboard under its own paths, and everything else by another handler.
func (d *Dashboard) Beside(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPage(r.Method, r.URL.Path) {
			d.echo.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// isPage says whether a request is the dashboard's, where the API is beside it.
func isPage(method, path string) bool {
	return path == "/" && method == http.MethodGet || path == "/admin" || strings.HasPrefix(path, adminPath) || strings.HasPrefix(path, static.Prefix)
}

// contentPolicy lets a page load our own files, and avatars from WeChat, and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self' data: https://thirdwx.qlogo.cn https://wx.qlogo.cn; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// protect sets the headers that every page carries, and turns away forms that another site sent.
func (d *Dashboard) protect(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		now, request, header := d.Clock(), c.Request(), c.Response().Header()
		caller := app.Caller{RequestID: app.NewRequestID(now), At: now, Client: app.Client{Address: c.RealIP()}}
		c.Set(callerKey, caller)
		header.Set(echo.HeaderXRequestID, string(caller.RequestID))
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		header.Set("Referrer-Policy", "same-origin")
		header.Set(echo.HeaderCacheControl, "no-store")
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		header.Set(echo.HeaderXFrameOptions, "DENY")
		if d.secure(request) {
			header.Set(echo.HeaderStrictTransportSecurity, "max-age=31536000")
		}
		if err := d.crossSite.Check(request); err != nil {
			return app.Fail(app.Forbidden, "").Because(err)
		}
		return next(c)
	}
}

// secure says whether the browser came by https: to us, to a proxy we trust, or as the settings say.
func (d *Dashboard) secure(request *http.Request) bool { return d.Secure || d.proxies.secure(request) }

// handle runs a route for whoever may use it. Others are led to the sign-in page, or told what they lack.
func (d *Dashboard) handle(route route) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := d.visit(c)
		if err != nil {
			return err
		}
		if route.role == everybody {
			return route.handler(v)
		}
		if !v.signedIn() {
			return d.askToSignIn(v)
		}
		if !v.operator.Role.Allows(route.role) {
			return app.Fail(app.Forbidden, "")
		}
		if d.mustSetUpTOTP(v.operator) && !route.setsUpTOTP() {
			return d.leadToTOTP(v)
		}
		return route.handler(v)
	}
}

// render writes a page, which is complete before its first byte leaves.
func render(c echo.Context, status int, page templ.Component) error {
	var body bytes.Buffer
	if err := page.Render(c.Request().Context(), &body); err != nil {
		return err
	}
	return c.HTMLBlob(status, body.Bytes())
}

// answerFailure is Echo's HTTPErrorHandler for pages.
func (d *Dashboard) answerFailure(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	failure, caller := failureOf(err), callerOf(c)
	status := pageStatus(failure.Kind)
	d.logFailure(c, err, status)
	setRetryAfter(c, failure)
	page := views.ErrorPage(d.frameOfFailure(c), views.Failure{
		Status: status, Kind: failure.Kind, Field: failure.Field, RetryAfter: failure.RetryAfter, RequestID: caller.RequestID,
	})
	if err := render(c, status, page); err != nil {
		_ = c.String(http.StatusInternalServerError, "500 "+string(caller.RequestID)) // a client that no longer reads is nobody's failure
	}
}

// frameOfFailure is the frame of an error page: as much of it as can be had.
func (d *Dashboard) frameOfFailure(c echo.Context) views.Frame {
	v, err := d.visit(c)
	if err != nil {
		v = d.stranger(c)
	}
	return v.frame("", "")
}

// pageStatus is the HTTP status of a failed page. What the API answers with for a kind fits pages too, but for those kinds that
// only operators meet.
func pageStatus(kind app.Kind) int {
	switch kind {
	case app.NotFound:
		return http.StatusNotFound
	case app.AlreadyExists:
		return http.StatusConflict
	case app.Forbidden:
		return http.StatusForbidden
	}
	return wireFailures[kind].status
}

func (d *Dashboard) logFailure(c echo.Context, err error, status int) {
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError && context.Cause(c.Request().Context()) == nil {
		level = slog.LevelError
	}
	d.Log.LogAttrs(c.Request().Context(), level, "page failed",
		slog.String("request_id", string(callerOf(c).RequestID)),
		slog.String("route", c.Path()),
		slog.Int("status", status),
		slog.String("error", err.Error()))
}
