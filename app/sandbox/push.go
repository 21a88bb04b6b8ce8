package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// PushSettings are the message push of an app as its developers have set it, with JSON as its format (消息推送).
type PushSettings struct {
	URL            string // "": off
	Token          app.Secret
	EncodingAESKey app.Secret // 43 letters and digits: secure mode; "": plain mode
}

// mailbox is where the messages about an app's users go.
type mailbox struct {
	PushSettings
	appid app.Appid
	seal  *wechat.Push
}

func newMailbox(appid app.Appid, settings PushSettings) (*mailbox, error) {
	if err := checkAddress(settings.URL); err != nil {
		return nil, err
	}
	seal, err := wechat.NewPush(wechat.PushOptions{
		Appid:  appid,
		Token:  settings.Token,
		AESKey: settings.EncodingAESKey,
		Plain:  settings.EncodingAESKey == "",
	})
	return &mailbox{settings, appid, seal}, err
}

// SetPush sets the message push of an app; "" is the first one. As in WeChat's back office that takes effect only if the
// server at the URL passes the check: it answers a signed GET with the bare echostr.
func (w *WeChat) SetPush(ctx context.Context, appid app.Appid, settings PushSettings) error {
	registered, err := w.namedApp(appid)
	if err != nil {
		return err
	}
	var box *mailbox
	if settings.URL != "" {
		if box, err = newMailbox(registered.Appid, settings); err != nil {
			return err
		}
		if err = w.shakeHands(ctx, box); err != nil {
			return err
		}
	}
	w.change(registered.Appid, func(office *backOffice) { office.push = box })
	return nil
}

// PushURL gives the URL of an app's message push; "" is the first app's. "": it is off, or there is no such app.
func (w *WeChat) PushURL(appid app.Appid) string {
	registered, err := w.namedApp(appid)
	if box := w.backOfficeOf(registered.Appid).push; err == nil && box != nil {
		return box.URL
	}
	return ""
}

func (w *WeChat) shakeHands(ctx context.Context, box *mailbox) error {
	query, echo := w.signedQuery(box), digits(19)
	query.Set("echostr", echo)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, withQuery(box.URL, query), nil)
	if err != nil {
		return err
	}
	status, answered, err := w.askDeveloper(request)
	if err == nil && (status != http.StatusOK || answered != echo) {
		err = fmt.Errorf("the server at the push URL did not answer the bare echostr: HTTP %d, %q", status, answered)
	}
	return err
}

// pushAttempts is how often one message is sent until the developer's server takes it (消息推送, 重试三次).
const pushAttempts = 3

// push sends one message to an app's server, if that has set a URL.
func (w *WeChat) push(ctx context.Context, appid app.Appid, message []byte) (err error) {
	box := w.backOfficeOf(appid).push
	if box == nil {
		return nil
	}
	for range pushAttempts {
		if err = w.deliver(ctx, box, message); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("pushed %d times: %w", pushAttempts, err)
}

// deliver makes one attempt. Each has a timestamp, a nonce and random bytes of its own; only the message stays the same.
func (w *WeChat) deliver(ctx context.Context, box *mailbox, message []byte) error {
	query := w.signedQuery(box)
	if box.EncodingAESKey != "" {
		var err error
		if message, err = w.sealed(box, query, message); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, withQuery(box.URL, query), bytes.NewReader(message))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	status, answered, err := w.askDeveloper(request)
	if err == nil && (status != http.StatusOK || answered != "" && answered != "success") {
		err = fmt.Errorf("not taken: HTTP %d, %q", status, answered)
	}
	return err
}

// sealed makes the body of secure mode, and adds to the query what goes with it.
func (w *WeChat) sealed(box *mailbox, query url.Values, message []byte) ([]byte, error) {
	var random [16]byte
	rand.Read(random[:]) // never fails since Go 1.24: it ends the program instead
	encrypted, signature, err := box.seal.Encrypt(message, random, query.Get("timestamp"), query.Get("nonce"))
	if err != nil {
		return nil, err
	}
	query.Set("encrypt_type", "aes")
	query.Set("msg_signature", signature)
	return compactJSON(map[string]string{"ToUserName": w.originalID(box.appid), "Encrypt": encrypted}), nil
}

// signedQuery is what every request of message push carries. Its signature covers nothing of the body.
func (w *WeChat) signedQuery(box *mailbox) url.Values {
	timestamp, nonce := strconv.FormatInt(w.clock().Unix(), 10), digits(10)
	return url.Values{"signature": {box.seal.Sign(timestamp, nonce)}, "timestamp": {timestamp}, "nonce": {nonce}}
}

// originalID is a mini program's UserName (原始 ID).
func (w *WeChat) originalID(appid app.Appid) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d original id %q", w.seed, appid))
	return fmt.Sprintf("gh_%x", sum[:6])
}

// maxPushAnswer is far above "success".
const maxPushAnswer = 1 << 10

func (w *WeChat) askDeveloper(request *http.Request) (status int, answered string, err error) {
	response, err := w.developers.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPushAnswer))
	return response.StatusCode, string(text), err
}

func digits(count int) string {
	text := make([]byte, count)
	rand.Read(text) // never fails since Go 1.24: it ends the program instead
	for i, random := range text {
		text[i] = '0' + random%10
	}
	return string(text)
}
