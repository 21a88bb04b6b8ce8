package wechat

import (
	"context"
	"net/url"
	"time"

	"wxkeeper/app"
)

// CheckSession asks WeChat whether a session key is the user's live one (检验登录态, /wxa/checksession). nil: it is. Any error is
// an *Error; ClassKeyDead is WeChat's word that the key is dead, every other class leaves it open. The call is safe to
// repeat. It returns within twice the client's timeout and does not count as a waiting login.
func (c *Client) CheckSession(ctx context.Context, openid app.OpenID, key app.SessionKey) error {
	answer, failure := c.callSigned(ctx, "checksession", openid, key)
	if failure != nil {
		return failure
	}
	if _, found := answer.field("errcode"); found { // it is 0, or call would have failed
		return nil
	}
	// An object without a verdict, from whatever stands between us and WeChat, confirms nothing.
	return answer.unusable(&Error{Problem: ProblemMissingField, Field: "errcode"})
}

// ResetUserSessionKey makes WeChat replace a user's live session key, which it wants to see proven (重置用户的 session_key,
// /wxa/resetusersessionkey). It gives the new key, and when it was asked for: what orders the keys of a user. Errors are as
// of CheckSession. After one that leaves open whether WeChat acted (ClassTimeout, ClassUnreachable, ClassOdd,
// ClassCancelled) the old key may be dead and the new one lost.
func (c *Client) ResetUserSessionKey(
	ctx context.Context, openid app.OpenID, key app.SessionKey,
) (newKey app.SessionKey, askedAt time.Time, err error) {
	answer, failure := c.callSigned(ctx, "resetusersessionkey", openid, key)
	if failure != nil {
		return app.SessionKey{}, time.Time{}, failure
	}
	login, failure := answer.login()
	if failure == nil && login.OpenID != openid {
		failure = &Error{Problem: ProblemBadField, Field: "openid"}
	}
	if failure != nil {
		return app.SessionKey{}, time.Time{}, answer.unusable(failure)
	}
	return login.SessionKey, answer.askedAt, nil
}

// callSigned makes a call that proves a user's session key (用户登录态签名). All of it stands in the query.
func (c *Client) callSigned(ctx context.Context, api string, openid app.OpenID, key app.SessionKey) (answer, *Error) {
	signature := SignLogin(key, nil)
	return c.callWithToken(ctx, request{
		api:  api,
		path: "/wxa/" + api,
		query: url.Values{
			"openid":     {string(openid)},
			"signature":  {signature},
			"sig_method": {"hmac_sha256"},
		},
		secrets: []app.Secret{app.Secret(signature)}, // it is the same for every such call of the user
	})
}

// callWithToken makes a call with the access token. If WeChat refuses the token, it gets another one and repeats the call,
// once: what WeChat still refuses then is not the token.
func (c *Client) callWithToken(ctx context.Context, r request) (answer, *Error) {
	ctx, cancel := context.WithTimeout(ctx, 2*c.timeout) // one for the token, one for the call
	defer cancel()
	token, failure := c.accessToken(ctx)
	if failure != nil {
		return answer{}, failure
	}
	first, failure := c.call(ctx, r.with(token))
	if failure == nil || !failure.refusesToken() {
		return first, failure
	}
	c.tokens.drop(token)
	if token, failure = c.accessToken(ctx); failure != nil {
		return answer{}, failure
	}
	return c.call(ctx, r.with(token))
}

// refusesToken takes three errcodes alike: WeChat has been seen to give 40014 for an expired token.
func (e *Error) refusesToken() bool {
	switch e.Errcode {
	case ErrcodeTokenNotLatest, ErrcodeTokenInvalid, ErrcodeTokenExpired:
		return true
	}
	return false
}
