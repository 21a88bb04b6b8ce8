package sandbox

import (
	"bytes"
	"io"
	"net/http"

	"wxkeeper/app/wechat"
)

// API names a call of WeChat's server API by the last part of its path.
type API string

// The calls that are played.
const (
	APICode2Session        API = "jscode2session"
	APIToken               API = "token"        // the classic access token
	APIStableToken         API = "stable_token" // the access token several holders may share
	APICheckSession        API = "checksession"
	APIResetUserSessionKey API = "resetusersessionkey"
	APIPhoneNumber         API = "getuserphonenumber"
	APIEncryptedData       API = "checkencryptedmsg"
)

var apis = map[API]struct {
	path   string
	method string
	answer func(*WeChat, *http.Request) answer
}{
	APICode2Session:        {"/sns/jscode2session", http.MethodGet, (*WeChat).code2Session},
	APIToken:               {"/cgi-bin/token", http.MethodGet, (*WeChat).classicToken},
	APIStableToken:         {"/cgi-bin/stable_token", http.MethodPost, (*WeChat).stableToken},
	APICheckSession:        {"/wxa/checksession", http.MethodGet, (*WeChat).checkSession},
	APIResetUserSessionKey: {"/wxa/resetusersessionkey", http.MethodGet, (*WeChat).resetUserSessionKey},
	APIPhoneNumber:         {"/wxa/business/getuserphonenumber", http.MethodPost, (*WeChat).phoneNumber},
	APIEncryptedData:       {"/wxa/business/checkencryptedmsg", http.MethodPost, (*WeChat).encryptedData},
}

// call is one call of the API while it is answered.
type call struct {
	wechat   *WeChat
	api      API
	response http.ResponseWriter
	request  *http.Request
}

func (w *WeChat) serveAPI(api API) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		w.calls[api].Add(1)
		c := call{w, api, response, request}
		c.readBody()
		fault, hit := w.faults.take(api)
		if !hit || fault.hold(request.Context()) {
			answerAsUsual(c, fault.Fault)
			return
		}
		breakdowns[fault.Kind](c, fault.Fault)
	}
}

// maxBody is far above what a caller of these APIs sends. What is cut off there is no JSON any more.
const maxBody = 64 << 10

// readBody reads what the caller sent before the call may be held: net/http notices that a caller gave up only after that.
func (c call) readBody() {
	body, _ := io.ReadAll(io.LimitReader(c.request.Body, maxBody))
	c.request.Body = io.NopCloser(bytes.NewReader(body))
}

func (c call) carryOut() answer {
	switch wanted := apis[c.api].method; {
	case c.request.Method == wanted:
		return apis[c.api].answer(c.wechat, c.request)
	case wanted == http.MethodPost:
		return c.wechat.refuse(wechat.ErrcodeMethodWrong)
	default:
		return c.wechat.refuse(errcodeNeedsGET)
	}
}

func (w *WeChat) serveUnknownURL(response http.ResponseWriter, _ *http.Request) {
	w.refuse(errcodeInvalidURL).write(response)
}
