package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// pathOf is the path of the address at which people reach us, which a proxy takes away from every request before it comes here.
// Empty: there is none.
func pathOf(publicURL string) string {
	address, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	return address.EscapedPath()
}

// secure says whether whoever asks came by https: to us, or to a proxy we trust.
func (p *proxies) secure(request *http.Request) bool {
	return request.TLS != nil || p.trusts(peerOf(request)) && strings.EqualFold(request.Header.Get(echo.HeaderXForwardedProto), "https")
}

// addressOf is the address at which others reach a path of ours: as the settings say, else as this request came. Who lies about the host is
// told that lie alone, or has an avatar there, whose address they may choose anyway.
func (p *proxies) addressOf(publicURL string, request *http.Request, path string) string {
	if publicURL != "" {
		return publicURL + path
	}
	scheme := "http://"
	if p.secure(request) {
		scheme = "https://"
	}
	return scheme + request.Host + path
}
