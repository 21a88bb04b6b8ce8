package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"wxkeeper/app"
)

// backOffice is what a mini program's developers have set at mp.weixin.qq.com.
type backOffice struct {
	prefetch Prefetch
	push     *mailbox // nil: off
}

func (w *WeChat) backOfficeOf(appid app.Appid) backOffice {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offices[appid]
}

// change sets something of an app's back office.
func (w *WeChat) change(appid app.Appid, set func(*backOffice)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	office := w.offices[appid]
	set(&office)
	w.offices[appid] = office
}

// namedApp is the app with the appid, or the first one for "".
func (w *WeChat) namedApp(appid app.Appid) (App, error) {
	if appid == "" {
		return w.apps[0], nil
	}
	registered, known := w.app(appid)
	if !known {
		return App{}, fmt.Errorf("no app %q is registered", appid)
	}
	return registered, nil
}

func checkAddress(address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return fmt.Errorf("not an http or https address: %q", address)
	}
	return nil
}

// withQuery adds parameters to an address that may have some already.
func withQuery(address string, parameters url.Values) string {
	target, err := url.Parse(address)
	if err != nil {
		panic(err) // it was checked when it was set
	}
	query := target.Query()
	for name, values := range parameters {
		query[name] = values
	}
	target.RawQuery = query.Encode()
	return target.String()
}

// developerTimeout is how long WeChat waits for a developer's server (消息推送, 五秒).
const developerTimeout = 5 * time.Second

// newDeveloperClient makes the client by which WeChat's servers call those of developers. It keeps no connection, so that
// nothing of it has to be closed.
func newDeveloperClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{DisableKeepAlives: true}
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       developerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
