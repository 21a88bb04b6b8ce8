package web

import (
	"net/http"
	"strings"

	"github.com/gorilla/sessions"
)

// Names of the cookies. Behind TLS each has the prefix that makes browsers insist on Secure, on path / and on no domain.
const (
	sessionCookie  = "wxkeeper_session"
	languageCookie = "wxkeeper_language"
	themeCookie    = "wxkeeper_theme"
	deviceCookie   = "wxkeeper_device" // that somebody has signed in here: docs/limits.md

	securePrefix = "__Host-"
)

// cookies says what the dashboard's cookies are called, and which requests browsers send them with.
type cookies struct {
	place  string // the path under which people reach us, empty for a host of our own
	secure func(*http.Request) bool
}

// name is what a browser knows a cookie by. It carries the place, so that two of us on one host stay apart.
func (s cookies) name(r *http.Request, name string) string {
	name += strings.ReplaceAll(s.place, "/", "_")
	if s.secure(r) {
		return securePrefix + name
	}
	return name
}

// options of a cookie: behind TLS it is for every path, as browsers demand of __Host- (RFC 6265bis, 4.1.3.2). That no other host
// can plant it is worth more than a narrower path, which keeps no program of the same origin out.
func (s cookies) options(r *http.Request) *sessions.Options {
	options := &sessions.Options{Path: "/", HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode}
	if !options.Secure {
		options.Path = s.place + "/"
	}
	return options
}

// value is what the browser brought, "" if nothing.
func (s cookies) value(r *http.Request, name string) string {
	cookie, err := r.Cookie(s.name(r, name))
	if err != nil {
		return ""
	}
	return cookie.Value
}
