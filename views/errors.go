package views

import (
	"net/http"
	"time"

	"wxkeeper/app"
)

// Failure is why a page could not be shown or a form not be taken.
type Failure struct {
	Status     int
	Kind       app.Kind
	Field      string        // what was wrong, where one field was
	RetryAfter time.Duration // how long to wait, 0: not known
	RequestID  app.RequestID
}

// failureTexts are the ids of the messages for the kinds that have words of their own. Others are told by their status.
var failureTexts = map[app.Kind]string{
	app.Forbidden:          "failure.forbidden",
	app.InvalidToken:       "failure.session",
	app.NotFound:           "failure.missing",
	app.UnknownPath:        "failure.missing",
	app.MethodNotAllowed:   "failure.method",
	app.TooManyRequests:    "failure.often",
	app.WeChatUnavailable:  "failure.wechat",
	app.StorageUnavailable: "failure.storage",
	app.Misconfigured:      "failure.config",
	app.AlreadyExists:      "failure.stale",
}

// text is the id of the message that says what happened; with .do behind it, of the one that says what to do, and with .out of
// the one that says it to whoever is not signed in, where that is something else.
func (f Failure) text() string {
	if id, known := failureTexts[f.Kind]; known {
		return id
	}
	if f.Status < http.StatusInternalServerError {
		return "failure.input"
	}
	return "failure.internal"
}

func (f Frame) whatToDo(failure Failure) string {
	if words := f.words(failure.text() + ".out"); words != "" && !f.signedIn() {
		return words
	}
	return f.T(failure.text() + ".do")
}

func (f Frame) wayOut() Button {
	if f.signedIn() {
		return Button{Text: f.T("failure.home"), Icon: "arrow-left", Address: "/admin/"}
	}
	return Button{Text: f.T("failure.signin"), Icon: "log-in", Address: "/admin/login"}
}
