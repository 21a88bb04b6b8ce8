package wechat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

const (
	defaultMaxWaiting = 1024
	defaultTimeout    = 5 * time.Second // WeChat suggests none
)

// Options say whose calls a Client makes, and how.
type Options struct {
	BaseURL    string // such as https://api.weixin.qq.com
	Appid      app.Appid
	Secret     app.Secret
	MaxWaiting int               // logins that may wait for WeChat at once; 0: 1024
	Timeout    time.Duration     // for one call with all its retries; 0: 5 s
	Transport  http.RoundTripper // nil: one of its own

	AccessTokens AccessTokenStore // shares the access token with other processes
	Log          *slog.Logger     // hears of a store that fails; nil: nobody does
	Before       *Client          // whose place the Client takes: it counts on from there; nil: from zero
}

// Client calls WeChat's server API for one mini program. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	timeout   time.Duration
	transport http.RoundTripper
	waiting   *semaphore.Weighted
	breaker   *gobreaker.CircuitBreaker[[]byte]
	tokens    *tokenHolder // behind a pointer as below
	health    *health
	calls     *calls
	limits    *meter.Tally[app.Limit]
	logins    atomic.Int64 // that wait now

	// Behind a pointer, which package fmt prints as an address: it would print the text of an unexported Secret.
	credentials *credentials
}

type credentials struct {
	appid  app.Appid
	secret app.Secret
}

// NewClient makes a client and sends nothing. It fails if BaseURL is no http or https address of a host, and if appid or
// secret is empty.
func NewClient(options Options) (*Client, error) {
	base, err := parseBaseURL(options.BaseURL)
	if err != nil {
		return nil, err
	}
	if options.Appid == "" || options.Secret == "" {
		return nil, errors.New("WeChat needs an appid and a secret")
	}
	client := &Client{
		base:        base,
		timeout:     cmp.Or(options.Timeout, defaultTimeout),
		transport:   options.Transport,
		waiting:     semaphore.NewWeighted(int64(cmp.Or(options.MaxWaiting, defaultMaxWaiting))),
		breaker:     newBreaker(),
		tokens:      newTokenHolder(options),
		health:      &health{},
		credentials: &credentials{options.Appid, options.Secret},
	}
	if before := options.Before; before != nil {
		client.calls, client.limits = before.calls, before.limits
	} else {
		client.calls, client.limits = newCalls(), meter.NewTally(app.LimitLoginsWaiting, app.LimitBreaker)
	}
	if client.transport == nil {
		client.transport = newTransport()
	}
	return client, nil
}

func parseBaseURL(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("WeChat's address: %w", err)
	}
	if (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" || base.User != nil || base.RawQuery != "" {
		return nil, errors.New("WeChat's address must be http(s)://host, without user or query")
	}
	base.Path = cmp.Or(base.Path, "/") // JoinPath would leave the path of a call relative
	return base, nil
}

// Login is what WeChat gives for a code.
type Login struct {
	OpenID     app.OpenID
	SessionKey app.SessionKey
	UnionID    app.UnionID // "": none
	AskedAt    time.Time   // just before the call that was answered was sent: orders the keys of a user
	Tries      int         // calls made, at most 3
}

// Code2Session trades a code of wx.login (auth.code2Session). The caller has checked the code's form; any text is escaped.
// It returns within the client's timeout. Every error is an *Error.
func (c *Client) Code2Session(ctx context.Context, code string) (Login, error) {
	const api = "jscode2session"
	if !c.waiting.TryAcquire(1) {
		c.limits.Add(app.LimitLoginsWaiting, 1)
		return Login{}, &Error{API: api, Problem: ProblemWaitingFull}
	}
	defer c.waiting.Release(1)
	c.logins.Add(1)
	defer c.logins.Add(-1)
	answer, failure := c.call(ctx, request{
		api:  api,
		path: "/sns/jscode2session",
		query: url.Values{
			"appid":      {string(c.credentials.appid)},
			"secret":     {c.credentials.secret.Reveal()},
			"js_code":    {code},
			"grant_type": {"authorization_code"},
		},
		secrets: []app.Secret{c.credentials.secret},
	})
	if failure != nil {
		return Login{}, failure
	}
	login, failure := answer.login()
	if failure != nil {
		return Login{}, answer.unusable(failure)
	}
	return login, nil
}
