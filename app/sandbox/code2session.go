package sandbox

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

func (w *WeChat) serveCode2Session(response http.ResponseWriter, request *http.Request) {
	w.calls.Add(1)
	fault, hit := w.faults.take()
	if !hit || fault.hold(request.Context()) {
		w.answerCode2Session(response, request)
		return
	}
	breakdowns[fault.Kind](w, response, request)
}

func (w *WeChat) serveUnknownURL(response http.ResponseWriter, _ *http.Request) {
	w.refuse(errcodeInvalidURL).write(response)
}

func (w *WeChat) answerCode2Session(response http.ResponseWriter, request *http.Request) {
	w.code2Session(request).write(response)
}

func (w *WeChat) code2Session(request *http.Request) answer {
	if request.Method != http.MethodGet {
		return w.refuse(errcodeNeedsGET)
	}
	query := request.URL.Query()
	registered, errcode := w.authenticate(query)
	if errcode != 0 {
		return w.refuse(errcode)
	}
	return w.exchange(registered, query.Get("js_code"))
}

// authenticate checks everything about a call but its code.
func (w *WeChat) authenticate(query url.Values) (App, int) {
	registered, known := w.app(app.Appid(query.Get("appid")))
	switch {
	case query.Get("appid") == "":
		return App{}, wechat.ErrcodeAppidMissing
	case query.Get("secret") == "":
		return App{}, wechat.ErrcodeSecretMissing
	case query.Get("js_code") == "":
		return App{}, wechat.ErrcodeCodeMissing
	case query.Get("grant_type") != "authorization_code":
		return App{}, wechat.ErrcodeGrantType
	case !known:
		return App{}, wechat.ErrcodeAppidInvalid
	case subtle.ConstantTimeCompare([]byte(query.Get("secret")), []byte(registered.Secret.Reveal())) == 0:
		return App{}, wechat.ErrcodeSecretWrong
	}
	return registered, 0
}

// exchange trades the code. A call that is refused leaves its code as it was.
func (w *WeChat) exchange(registered App, text string) answer {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	redeemed := w.findCode(registered, text, now)
	switch {
	case redeemed == nil:
		return w.refuse(wechat.ErrcodeCodeInvalid)
	case redeemed.used:
		return w.refuse(wechat.ErrcodeCodeUsed)
	case redeemed.phone.account.blocked:
		return w.refuse(wechat.ErrcodeUserBlocked)
	case !redeemed.phone.account.withinQuota(now):
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
