package web

import (
	"log"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second // counts from the request's header: above the slowest answer of WeChat and the slowest body
	idleTimeout       = 60 * time.Second
	headerBytes       = 32 << 10
)

// NewHTTPServer gives a server the limits that net/http leaves open. The caller listens, serves and shuts it down.
func NewHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          log.New(serverLog{logger}, "", 0),
	}
}

// serverLog takes what net/http has to say into our log, without anybody's address.
type serverLog struct{ log *slog.Logger }

// networkAddress finds addresses as package net prints them: IPv6 always stands in brackets there.
var networkAddress = regexp.MustCompile(`(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+(%[^\]]*)?\])(:\d+)?`)

// Write logs one message of net/http.
func (l serverLog) Write(message []byte) (int, error) {
	text := networkAddress.ReplaceAllString(strings.TrimSpace(string(message)), "[address]")
	l.log.Warn("http server", slog.String("message", text))
	return len(message), nil
}
