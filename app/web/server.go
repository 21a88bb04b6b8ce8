// Package web is the server's face: every route, handler and answer. It is the only package that knows Echo; below it goes a
// plain context.Context, and errors come back as kinds of package app, which one table here turns into answers.
package web

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/backend"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

// Options is what a Server is built from.
type Options struct {
	Keeper         *keeper.Keeper
	BackEnds       *backend.Register
	Ready          func(context.Context) error // says why requests cannot be served now, nil when they can
	APIRate        int                         // failures one address may make in a minute, 0: no limit
	TrustedProxies []netip.Prefix              // whose X-Forwarded-For is believed, and who is not limited at /verify/
	PublicURL      string                      // at which mini programs reach us, perhaps under a path; empty: not known
	AppPath        string                      // under which this app is reached besides; empty: it is the default one
	Status200      bool                        // failures of the API with HTTP 200, as the seed article's server answers them
	VerifyOpenID   bool                        // tell back ends that verify a token its user's openid as well
	Push           *wechat.Push                // our end of WeChat's message push, nil: not set up
	Log            *slog.Logger
	Clock          func() time.Time
	Before         *Server // whose place the Server takes: it counts on from there; nil: from zero
}

// Server answers mini programs, the back ends beside it, and WeChat where it calls us.
type Server struct {
	keeper   *keeper.Keeper
	backEnds *backend.Register
	ready    func(context.Context) error
	*bounds
	publicURL    string
	proxies      *proxies
	status200    bool
	verifyOpenID bool
	push         *wechat.Push
	document     []byte // openapi.yaml
	log          *slog.Logger
	clock        func() time.Time
	echo         *echo.Echo
	endpoints    map[string]*Endpoint // by path

	storageFailing atomic.Bool // and the log says so
}

// New builds a Server. It starts nothing.
func New(options Options) *Server {
	s := &Server{
		keeper:       options.Keeper,
		backEnds:     options.BackEnds,
		ready:        options.Ready,
		bounds:       newBounds(options.APIRate),
		publicURL:    options.PublicURL,
		proxies:      &proxies{trusted: options.TrustedProxies, log: options.Log},
		status200:    options.Status200,
		verifyOpenID: options.VerifyOpenID,
		push:         options.Push,
		document:     documentAt(pathOf(options.PublicURL) + options.AppPath),
		log:          options.Log,
		clock:        options.Clock,
		echo:         echo.New(),
		endpoints:    map[string]*Endpoint{},
	}
	if options.Before != nil {
		maps.Copy(s.endpoints, options.Before.endpoints)
	}
	s.echo.IPExtractor = s.proxies.clientAddress // Echo's own choice believes anybody's X-Forwarded-For
	s.echo.HTTPErrorHandler = s.answerFailure
	s.routes()
	return s
}

// Handler serves everything.
func (s *Server) Handler() http.Handler { return s.echo }

// routes is the whole route table. OPTIONS is answered by Echo, HEAD like GET but where WeChat calls us: a code is good once.
func (s *Server) routes() {
	s.echo.Pre(recoverPanics, s.identify)

	s.get(healthPath, s.healthz)
	s.get(readyPath, s.readyz)
	s.get("/openapi.yaml", s.openAPI)

	s.post(loginPath, s.login, s.admitBackEnd)
	s.post(getInfoPath, s.getInfo, s.admitBackEnd)
	s.post(phoneNumberPath, s.phone, s.admitBackEnd)
	s.post(profilePath, s.profile)
	s.post(avatarPath, s.uploadAvatar)
	s.get(avatarPath+"/:name", s.avatar)
	s.post(reportPath, s.report)
	s.post(sessionPath, s.session, s.admitBackEnd)
	s.post(logoutPath, s.logout)
	s.post(signPath, s.sign, s.admitBackEnd, backEndsOnly)
	s.post(introspectPath, s.introspect, s.admitBackEnd, backEndsOnly)

	// A front door that passes the client's own method on must not find Echo's good answer to OPTIONS here.
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		s.call(method, verifyPath, s.verify, s.refuseFailing)
	}
	s.call(http.MethodGet, prefetchPath, s.prefetch, s.refuseFailing)
	if s.push != nil {
		s.call(http.MethodGet, pushPath, s.shakeHands, s.answerWeChat)
		s.call(http.MethodPost, pushPath, s.takePushed, s.answerWeChat)
	}
}

func (s *Server) get(path string, handler echo.HandlerFunc) {
	s.echo.Match([]string{http.MethodGet, http.MethodHead}, path, handler)
}

func (s *Server) post(path string, handler echo.HandlerFunc, before ...echo.MiddlewareFunc) {
	s.call(http.MethodPost, path, handler, append(before, s.refuseFailing)...)
}

// call routes a call with and without a slash at the end: a redirect would lose the body of a POST.
func (s *Server) call(method, path string, handler echo.HandlerFunc, before ...echo.MiddlewareFunc) {
	before = append([]echo.MiddlewareFunc{s.endpoint(path).counted}, before...)
	s.echo.Add(method, path, handler, before...)
	s.echo.Add(method, path+"/", handler, before...)
}

const callerKey = "wxkeeper.caller"

// identify notes who asks, and sets the headers that every answer carries.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		now, request, header := s.clock(), c.Request(), c.Response().Header()
		c.Set(callerKey, app.Caller{
			RequestID: app.NewRequestID(now),
			At:        now,
			Client:    app.ReadClient(request.Referer(), request.UserAgent(), c.RealIP()),
		})
		header.Set(echo.HeaderCacheControl, "no-store")
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		return next(c)
	}
}

func callerOf(c echo.Context) app.Caller {
	caller, _ := c.Get(callerKey).(app.Caller)
	return caller
}

// refuseFailing turns away, before any work, an address that has used up its failures.
func (s *Server) refuseFailing(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		caller := callerOf(c)
		wait := s.failures.wait(caller.Client.Address, caller.At)
		if wait <= 0 || s.spared(c) {
			return next(c)
		}
		reason := limitedReason(c.Path())
		s.keeper.NoteFailure(caller, reason, "")
		s.limits.Add(app.LimitAddress, 1)
		return app.Fail(app.TooManyRequests, reason).After(wait)
	}
}

// limitedReason tells what is lost with a request to the path: with a login code perhaps a user's only good key.
func limitedReason(path string) app.Reason {
	switch strings.TrimSuffix(path, "/") {
	case loginPath, prefetchPath:
		return app.LoginLimited
	case phoneNumberPath:
		return app.PhoneLimited
	}
	return app.OpenLimited
}
