package sandbox

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

func (w *WeChat) code2Session(request *http.Request) answer {
	query := request.URL.Query()
	registered, errcode := w.authenticate(credentialOf(query), "authorization_code")
	switch {
	case errcode != 0:
		return w.refuse(errcode)
	case query.Get("js_code") == "":
		return w.refuse(wechat.ErrcodeCodeMissing)
	}
	return w.exchange(registered, query.Get("js_code"))
}

// credential is how a call without an access token says whose it is.
type credential struct {
	Appid     app.Appid  `json:"appid"`
	Secret    app.Secret `json:"secret"`
	GrantType string     `json:"grant_type"`
}

func credentialOf(query url.Values) credential {
	return credential{app.Appid(query.Get("appid")), app.Secret(query.Get("secret")), query.Get("grant_type")}
}

func (w *WeChat) authenticate(by credential, grantType string) (App, int) {
	registered, known := w.app(by.Appid)
	switch {
	case by.Appid == "":
		return App{}, wechat.ErrcodeAppidMissing
	case by.Secret == "":
		return App{}, wechat.ErrcodeSecretMissing
	case by.GrantType != grantType:
		return App{}, wechat.ErrcodeGrantType
	case !known:
		return App{}, wechat.ErrcodeAppidInvalid
	case subtle.ConstantTimeCompare([]byte(by.Secret.Reveal()), []byte(registered.Secret.Reveal())) == 0:
		return App{}, wechat.ErrcodeSecretWrong
	}
	return registered, 0
}

// exchange trades the code. A call that is refused leaves its code as it was.
func (w *WeChat) exchange(registered App, text string) answer {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if errcode := w.quotas.spend(APICode2Session, registered.Appid, now); errcode != 0 {
		return w.refuse(errcode)
	}
	redeemed := w.findCode(registered, text, now)
	switch {
	case redeemed == nil || redeemed.phone.account.closed:
		return w.refuse(wechat.ErrcodeCodeInvalid)
	case redeemed.used:
		return w.refuse(wechat.ErrcodeCodeUsed)
	case redeemed.phone.account.blocked:
		return w.refuse(wechat.ErrcodeUserBlocked)
	case redeemed.phone.account.logins.count(now.Truncate(time.Minute)) > LoginsPerMinute:
		return w.refuse(wechat.ErrcodeMinuteQuota)
	}
	redeemed.used = true
	return w.logIn(redeemed.phone, now)
}

// findCode gives nil for a code WeChat does not know, or no longer, or made for another mini program.
func (w *WeChat) findCode(registered App, text string, now time.Time) *code {
	if text == app.MockCode {
		return &code{phone: w.mockPhone(registered), madeAt: now}
	}
	found := w.codes.find(text, now)
	if found == nil || found.phone.account.app.Appid != registered.Appid {
		return nil
	}
	return found
}

func (w *WeChat) logIn(phone *Phone, now time.Time) answer {
	user := phone.account
	phone.known = w.keyAtExchange(user, now)
	return answer{SessionKey: phone.known.Reveal(), OpenID: user.openID, UnionID: user.unionID}
}
