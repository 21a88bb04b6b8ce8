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
	app.NotFound:           "failure.missing",
	app.UnknownPath:        "failure.missing",
	app.MethodNotAllowed:   "failure.method",
	app.TooManyRequests:    "failure.often",
	app.WeChatUnavailable:  "failure.wechat",
	app.StorageUnavailable: "failure.storage",
	app.Misconfigured:      "failure.config",
	app.AlreadyExists:      "failure.stale",
}

// text is the id of the message that says what happened; with .do behind it, of the one that says what to do.
func (f Failure) text() string {
	if id, known := failureTexts[f.Kind]; known {
		return id
	}
	if f.Status < http.StatusInternalServerError {
		return "failure.input"
	}
	return "failure.internal"
}

func (f Failure) tone() Tone {
	if f.Status < http.StatusInternalServerError {
		return ToneWarn
	}
	return ToneBad
}
