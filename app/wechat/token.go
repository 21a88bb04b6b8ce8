package wechat

import (
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"wxkeeper/app"
	"wxkeeper/app/member"
	"wxkeeper/app/outgoing"
)

// AccessToken is WeChat's credential for our server's calls (接口调用凭据), of the stable kind (获取稳定版接口调用凭据).
type AccessToken struct {
	Text      app.Secret
	ExpiresAt time.Time // from when on it is no longer used: up to 5 minutes before its end at WeChat
}

func (t AccessToken) good() bool { return t.Text != "" && time.Now().Before(t.ExpiresAt) }

// AccessTokenStore is where the processes that serve one mini program share its access token. Without functions the token
// stays in memory: each process then asks WeChat, which gives all of them the same one (获取稳定版接口调用凭据). What a function
// returns as an error is logged and fails no call; neither is given more than a second.
type AccessTokenStore struct {
	Load func(context.Context) (AccessToken, error) // a zero AccessToken: none is stored
	Save func(context.Context, AccessToken) error
}

// storeTimeout is how long a call is held up by a store that does not answer.
const storeTimeout = time.Second

// tokenHolder holds the one access token of a client.
type tokenHolder struct {
	store  AccessTokenStore
	log    *slog.Logger
	flight singleflight.Group

	mutex   sync.Mutex // guards what follows
	held    AccessToken
	refused app.Secret // the token dropped last: the store may still have it
}

func newTokenHolder(options Options) *tokenHolder {
	holder := &tokenHolder{store: options.AccessTokens, log: options.Log}
	if holder.log == nil {
		holder.log = slog.New(slog.DiscardHandler)
	}
	return holder
}

func (h *tokenHolder) current() (AccessToken, bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.held, h.held.good()
}

func (h *tokenHolder) hold(token AccessToken) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.held = token
}

// drop forgets a token that WeChat refused, unless another has taken its place already.
func (h *tokenHolder) drop(failed app.Secret) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.held.Text == failed {
		h.held, h.refused = AccessToken{}, failed
		h.flight.Forget(flightKey) // which may be about to bring the same token
	}
}

// load gives the token that another process has stored, if it is any good.
func (h *tokenHolder) load(ctx context.Context) (AccessToken, bool) {
	if h.store.Load == nil {
		return AccessToken{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	token, err := h.store.Load(ctx)
	if err != nil {
		h.log.WarnContext(ctx, "the stored access token could not be read: WeChat is asked", "err", err)
		return AccessToken{}, false
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return token, token.good() && token.Text != h.refused
}

func (h *tokenHolder) save(ctx context.Context, token AccessToken) {
	if h.store.Save == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := h.store.Save(ctx, token); err != nil {
		h.log.WarnContext(ctx, "the access token could not be stored: other processes will ask WeChat", "err", err)
	}
}

// flightKey is the one key of a flight: a client has one mini program.
const flightKey = ""

// renewal is the outcome of a flight.
type renewal struct {
	token   AccessToken
	failure *Error
}

// accessToken gives a token that is good by its date. However many callers need one, WeChat is asked once.
func (c *Client) accessToken(ctx context.Context) (app.Secret, *Error) {
	if token, ok := c.tokens.current(); ok {
		return token.Text, nil
	}
	shared := context.WithoutCancel(ctx) // a caller who gives up leaves the others their token
	flight := c.tokens.flight.DoChan(flightKey, func() (any, error) { return c.renewToken(shared), nil })
	select {
	case result := <-flight:
		renewed := result.Val.(renewal)
		return renewed.token.Text, renewed.failure
	case <-ctx.Done():
		return "", &Error{API: apiStableToken, Problem: Problem(outgoing.ProblemOf(ctx, ctx.Err()))}
	}
}

func (c *Client) renewToken(ctx context.Context) renewal {
	if token, ok := c.tokens.current(); ok { // a flight has landed since the caller looked
		return renewal{token: token}
	}
	if token, ok := c.tokens.load(ctx); ok {
		c.tokens.hold(token)
		return renewal{token: token}
	}
	token, failure := c.fetchToken(ctx)
	if failure != nil {
		return renewal{failure: failure}
	}
	c.tokens.hold(token)
	c.tokens.save(ctx, token)
	return renewal{token: token}
}

const apiStableToken = "stable_token"

// fetchToken asks WeChat (获取稳定版接口调用凭据). It never forces a new token, which WeChat grants 20 times a day only and which
// would take the token from under every other process.
func (c *Client) fetchToken(ctx context.Context) (AccessToken, *Error) {
	body, _ := json.Marshal(map[string]any{ // of texts and a bool: it cannot fail
		"grant_type":    "client_credential",
		"appid":         string(c.credentials.appid),
		"secret":        c.credentials.secret.Reveal(),
		"force_refresh": false,
	})
	answer, failure := c.call(ctx, request{
		api: apiStableToken, path: "/cgi-bin/stable_token", body: body, secrets: []app.Secret{c.credentials.secret}})
	if failure != nil {
		return AccessToken{}, failure
	}
	token, failure := answer.accessToken()
	if failure != nil {
		return AccessToken{}, answer.unusable(failure)
	}
	return token, nil
}

// accessToken reads the answer of stable_token.
func (a answer) accessToken() (AccessToken, *Error) {
	var text, expiresIn string
	for quotedName, value := range a.object.Each() {
		switch string(member.Name(quotedName)) {
		case "access_token":
			text, _ = member.Text(value)
		case "expires_in":
			expiresIn, _ = member.Text(value)
		}
	}
	switch {
	case text == "":
		return AccessToken{}, &Error{Problem: ProblemMissingField, Field: "access_token"}
	case !tokenForm.MatchString(text):
		return AccessToken{}, &Error{Problem: ProblemBadField, Field: "access_token"}
	}
	return AccessToken{Text: app.Secret(text), ExpiresAt: a.askedAt.Add(tokenUse(expiresIn))}, nil
}

// tokenForm: WeChat asks to reserve 512 characters.
var tokenForm = regexp.MustCompile(`^[!-~]{1,512}$`)

const (
	maxTokenLife   = 2 * time.Hour
	maxTokenMargin = 5 * time.Minute // before its end WeChat begins to give out the next token
)

// tokenUse is how long a token is used whose remaining life WeChat gives in seconds. One whose life cannot be told serves the
// callers that wait for it and nobody after them.
func tokenUse(expiresIn string) time.Duration {
	seconds, err := strconv.ParseInt(expiresIn, 10, 64)
	if err != nil || seconds < 0 {
		return 0
	}
	life := time.Duration(min(seconds, int64(maxTokenLife/time.Second))) * time.Second
	return life - min(maxTokenMargin, life/2)
}
