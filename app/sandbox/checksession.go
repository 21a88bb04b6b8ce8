package sandbox

import (
	"net/http"
	"net/url"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// ResetPause is how soon a user's session key can be reset again; before that WeChat answers 45011 (ResetUserSessionKey,
// errcode 的合法值). How long it is there is not disclosed.
const ResetPause = time.Minute

// checkSession is checkSessionKey. Whatever is wrong with the key is 87009 there: it does not tell a dead key from a wrong
// signature.
func (w *WeChat) checkSession(request *http.Request) answer {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch _, errcode := w.userSigned(APICheckSession, request.URL.Query(), now); errcode {
	case 0:
		return succeed()
	case wechat.ErrcodeNoSessionKey:
		return w.refuse(wechat.ErrcodeSignatureWrong)
	default:
		return w.refuse(errcode)
	}
}

// resetUserSessionKey is ResetUserSessionKey.
func (w *WeChat) resetUserSessionKey(request *http.Request) answer {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	user, errcode := w.userSigned(APIResetUserSessionKey, request.URL.Query(), now)
	switch {
	case errcode != 0:
		return w.refuse(errcode)
	case now.Sub(user.resetAt) < ResetPause:
		return w.refuse(wechat.ErrcodeMinuteQuota)
	}
	user.resetKey(now)
	reset := succeed()
	reset.OpenID, reset.SessionKey = user.openID, user.key.key.Reveal()
	return reset
}

// userSigned finds the user a call is about, and checks that the caller holds the user's session key (用户登录态签名).
func (w *WeChat) userSigned(api API, query url.Values, now time.Time) (*account, int) {
	token, errcode := w.tokens.find(query.Get("access_token"), now)
	if errcode != 0 {
		return nil, errcode
	}
	if errcode := w.quotas.spend(api, token.appid, now); errcode != 0 {
		return nil, errcode
	}
	user := w.users[userID{token.appid, app.OpenID(query.Get("openid"))}]
	switch {
	case query.Get("openid") == "" || query.Get("signature") == "" || query.Get("sig_method") == "":
		return nil, wechat.ErrcodeParameterBad
	case query.Get("sig_method") != "hmac_sha256":
		return nil, wechat.ErrcodeSignatureMethod
	case user == nil || user.closed:
		return nil, wechat.ErrcodeOpenIDUnknown
	case !w.keyLives(user, now):
		return nil, wechat.ErrcodeNoSessionKey
	case query.Get("signature") != wechat.SignLogin(user.key.key, nil):
		return nil, wechat.ErrcodeSignatureWrong
	}
	return user, 0
}
