package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"wxkeeper/app"
)

// Prefetch is data pre-fetch as an app's developers have set it, without a token of their own: then each request brings a
// login code (数据预拉取).
type Prefetch struct {
	URL    string // "": off
	NewKey bool   // each request replaces the user's session key, however young it is
}

// SetPrefetch sets the data pre-fetch of an app; "" is the first one.
func (w *WeChat) SetPrefetch(appid app.Appid, prefetch Prefetch) error {
	registered, err := w.namedApp(appid)
	if err == nil && prefetch.URL != "" {
		err = checkAddress(prefetch.URL)
	}
	if err != nil {
		return err
	}
	w.change(registered.Appid, func(office *backOffice) { office.prefetch = prefetch })
	return nil
}

// Entry is how a person comes into the mini program (wx.getLaunchOptionsSync).
type Entry struct {
	Path  string // "": pages/index/index
	Query string // such as a=1&b=2
	Scene int    // 0: 1001, the list of mini programs used (场景值列表)
}

// MaxPrefetched is the most bytes of an answer that reach the mini program (数据预拉取, 256KB).
const MaxPrefetched = 256 << 10

// ColdStart is what happens when the mini program is opened that was not in memory: WeChat's servers ask the pre-fetch URL,
// with a code of this user, while no code of the mini program does wx.login. Like any code it may replace the session key,
// and wx.checkSession then speaks about the new one. It gives the answer's body, which is what wx.getBackgroundFetchData
// finds; "" if pre-fetch is off.
func (p *Phone) ColdStart(ctx context.Context, entry Entry) (fetched string, err error) {
	prefetch := p.wechat.backOfficeOf(p.Appid()).prefetch
	if prefetch.URL == "" {
		return "", nil
	}
	if prefetch.NewKey {
		p.ReplaceKeyAtLogin()
	}
	return p.wechat.fetch(ctx, withQuery(prefetch.URL, url.Values{
		"appid":     {string(p.Appid())},
		"code":      {p.Login()},
		"timestamp": {strconv.FormatInt(p.wechat.clock().Unix(), 10)},
		"path":      {cmp.Or(entry.Path, "pages/index/index")},
		"query":     {entry.Query},
		"scene":     {strconv.Itoa(cmp.Or(entry.Scene, 1001))},
	}))
}

func (w *WeChat) fetch(ctx context.Context, address string) (body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := w.developers.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxPrefetched+1))
	switch {
	case err != nil:
		return "", err
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("pre-fetch: HTTP %d", response.StatusCode)
	case len(text) > MaxPrefetched:
		return "", fmt.Errorf("pre-fetch: an answer of more than %d bytes", MaxPrefetched)
	}
	return string(text), nil
}
