package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"wxkeeper/app/wechat"
)

const grantOfToken = "client_credential"

// classicToken is getAccessToken.
func (w *WeChat) classicToken(request *http.Request) answer {
	registered, refusal := w.mayHaveToken(APIToken, credentialOf(request.URL.Query()), request)
	if refusal != nil {
		return *refusal
	}
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	return tokenAnswer(w.tokens.giveClassic(registered.Appid, now), now)
}

// stableToken is getStableAccessToken.
func (w *WeChat) stableToken(request *http.Request) answer {
	var asked struct {
		credential
		ForceRefresh bool `json:"force_refresh"`
	}
	if errcode := readBody(request, &asked); errcode != 0 {
		return w.refuse(errcode)
	}
	registered, refusal := w.mayHaveToken(APIStableToken, asked.credential, request)
	if refusal != nil {
		return *refusal
	}
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !asked.ForceRefresh {
		return tokenAnswer(w.tokens.giveStable(registered.Appid, now), now)
	}
	token, errcode := w.tokens.forceStable(registered.Appid, now)
	if errcode != 0 {
		return w.refuse(errcode)
	}
	return tokenAnswer(token, now)
}

// mayHaveToken checks all that the two calls have in common.
func (w *WeChat) mayHaveToken(api API, by credential, request *http.Request) (registered App, refusal *answer) {
	registered, errcode := w.authenticate(by, grantOfToken)
	if errcode != 0 {
		return App{}, new(w.refuse(errcode))
	}
	now, caller := w.clock(), callerOf(request)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.admits(caller) {
		return App{}, new(w.refuseAddress(caller))
	}
	if errcode := w.quotas.spend(api, registered.Appid, now); errcode != 0 {
		return App{}, new(w.refuse(errcode))
	}
	return registered, nil
}

func readBody(request *http.Request, into any) (errcode int) {
	body, _ := io.ReadAll(request.Body) // from memory: it was read when the call arrived
	switch {
	case len(body) == 0:
		return wechat.ErrcodeBodyEmpty
	case json.Unmarshal(body, into) != nil:
		return wechat.ErrcodeBodyMalformed
	}
	return 0
}

func tokenAnswer(token *accessToken, now time.Time) answer {
	return answer{AccessToken: token.text, ExpiresIn: int(token.expiresAt.Sub(now) / time.Second)}
}
