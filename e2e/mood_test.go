package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// mood is how WeChat, or the road to it, behaves for one code. well answers as on a good day.
type mood func(out http.ResponseWriter, in *http.Request, well http.HandlerFunc)

// refuses answers an errcode.
func refuses(errcode int) mood {
	return says("text/plain", jsonOf(refusal(errcode)))
}

// says answers this text, whatever it is.
func says(contentType, text string) mood {
	return func(out http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		out.Header().Set("Content-Type", contentType)
		fmt.Fprint(out, text)
	}
}

// status answers this HTTP status.
func status(code int) mood {
	return func(out http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		http.Error(out, http.StatusText(code), code)
	}
}

// first meets the first calls in one mood and the rest well.
func first(calls int, m mood) mood {
	left := make(chan struct{}, calls)
	for range calls {
		left <- struct{}{}
	}
	return func(out http.ResponseWriter, in *http.Request, well http.HandlerFunc) {
		select {
		case <-left:
			m(out, in, well)
		default:
			well(out, in)
		}
	}
}

// hangs never answers.
func hangs(_ http.ResponseWriter, in *http.Request, _ http.HandlerFunc) {
	<-in.Context().Done()
	panic(http.ErrAbortHandler)
}

// isSlow answers well after a while.
func isSlow(delay time.Duration) mood {
	return func(out http.ResponseWriter, in *http.Request, well http.HandlerFunc) {
		select {
		case <-time.After(delay):
			well(out, in)
		case <-in.Context().Done():
		}
	}
}

// cuts resets the connection without a word.
func cuts(out http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
	raw(out, "")
}

// breaksOff ends in the middle of the body.
func breaksOff(out http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
	raw(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{\"openid\":\"o-half")
}

// talksNoHTTP answers something else.
func talksNoHTTP(out http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
	raw(out, "220 mail.example ESMTP\r\n")
}

// raw writes bytes on the wire and hangs up, with a reset if there are none.
func raw(out http.ResponseWriter, text string) {
	connection, _, err := http.NewResponseController(out).Hijack()
	if err != nil {
		panic(err) // HTTP/1.1 always can
	}
	defer connection.Close()
	if tcp, isTCP := connection.(*net.TCPConn); isTCP && text == "" {
		_ = tcp.SetLinger(0) // a FIN instead of a RST is as good
	}
	_, _ = connection.Write([]byte(text)) // the caller may have gone
}

// trickles sends a byte now and then and never ends.
func trickles(out http.ResponseWriter, in *http.Request, _ http.HandlerFunc) {
	for {
		fmt.Fprint(out, " ")
		_ = http.NewResponseController(out).Flush() // the caller may have gone
		select {
		case <-time.After(300 * time.Millisecond):
		case <-in.Context().Done():
			return
		}
	}
}

// neverEnds sends as fast as it can.
func neverEnds(out http.ResponseWriter, in *http.Request, _ http.HandlerFunc) {
	for in.Context().Err() == nil {
		if _, err := fmt.Fprint(out, strings.Repeat(`{"openid":`, 4096)); err != nil {
			return
		}
	}
}

// redirects sends the caller elsewhere: to itself, so that following would show in the count of calls.
func redirects(out http.ResponseWriter, in *http.Request, _ http.HandlerFunc) {
	http.Redirect(out, in, in.URL.String(), http.StatusFound)
}

// tellsSecrets sends back everything it was sent, secret included.
func tellsSecrets(out http.ResponseWriter, in *http.Request, _ http.HandlerFunc) {
	out.Header().Set("Content-Type", "text/plain")
	fmt.Fprint(out, jsonOf(map[string]any{"errcode": 40125, "errmsg": "invalid appsecret: " + in.URL.String()}))
}
