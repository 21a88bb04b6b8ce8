package web

import (
	"bytes"
	"encoding/gob"
	"net/http"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

// Names of the cookies. Behind TLS each has the prefix that makes browsers insist on Secure, on path / and on no domain.
const (
	sessionCookie  = "wxkeeper_session"
	languageCookie = "wxkeeper_language"
	themeCookie    = "wxkeeper_theme"

	securePrefix = "__Host-"
)

// choiceAge is how long a browser remembers language and theme.
const choiceAge = 400 * 24 * time.Hour

// sessionStore is gorilla's Store over the sessions of operators in the database: the cookie holds a random id and nothing else, so
// that a session ends at once where it is revoked.
type sessionStore struct {
	accounts *operator.Accounts
	secure   func(*http.Request) bool
}

// Who is signed in stands among a session's values while a request lasts; it is never stored there.
const presentValue = "present"

// Get gives the request's session, the same one each time.
func (s *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session of a request's cookie. One that nobody is signed in by is new and empty.
func (s *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.Options = cookieOptions(s.secure(r))
	session.IsNew = true
	cookie, err := r.Cookie(s.cookieName(r, name))
	if err != nil {
		return session, nil
	}
	look := s.accounts.Session
	if asksByItself(r) {
		look = s.accounts.Peek
	}
	present, err := look(r.Context(), app.Secret(cookie.Value))
	switch {
	case app.KindOf(err) == app.InvalidToken:
		return session, nil
	case err != nil:
		return session, err
	}
	session.ID, session.IsNew = cookie.Value, false
	return session, s.load(r, session, present)
}

// asksByItself says whether nobody need be at the keyboard: a page refreshes itself, or waits for events.
func asksByItself(r *http.Request) bool {
	return r.Header.Get("X-Refresh") != "" || r.Header.Get("Accept") == "text/event-stream"
}

func (s *sessionStore) load(r *http.Request, session *sessions.Session, present operator.Present) error {
	stored, err := s.accounts.LoadValues(r.Context(), present.Session)
	if err == nil && len(stored) > 0 {
		err = gob.NewDecoder(bytes.NewReader(stored)).Decode(&session.Values)
	}
	session.Values[presentValue] = present
	return err
}

// Save stores a session's values. A session that has an id but nobody in it was just begun: the browser is given its cookie; one with
// a negative age has ended, and the browser forgets it.
func (s *sessionStore) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	present, signedIn := session.Values[presentValue].(operator.Present)
	if !signedIn || session.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(s.cookieName(r, session.Name()), session.ID, session.Options))
		return nil
	}
	kept := make(map[any]any, len(session.Values))
	for name, value := range session.Values {
		if name != presentValue {
			kept[name] = value
		}
	}
	var stored bytes.Buffer
	if err := gob.NewEncoder(&stored).Encode(kept); err != nil {
		return err
	}
	return s.accounts.SaveValues(r.Context(), present.Session, stored.Bytes())
}

func (s *sessionStore) cookieName(r *http.Request, name string) string {
	if s.secure(r) {
		return securePrefix + name
	}
	return name
}

func cookieOptions(secure bool) *sessions.Options {
	return &sessions.Options{Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode}
}

// adminSession is the session of one request.
type adminSession struct {
	*sessions.Session
	present operator.Present // nobody while nobody is signed in
}

// open reads the session of a request.
func (s *sessionStore) open(c echo.Context) (adminSession, error) {
	session, err := s.Get(c.Request(), sessionCookie)
	if err != nil {
		return adminSession{}, err
	}
	present, _ := session.Values[presentValue].(operator.Present)
	return adminSession{session, present}, nil
}

// begin gives the browser the cookie of a session that has just begun.
func (s adminSession) begin(c echo.Context, cookie app.Secret) error {
	s.ID, s.Values = cookie.Reveal(), map[any]any{}
	return s.Save(c.Request(), c.Response())
}

// end makes the browser forget its session.
func (s adminSession) end(c echo.Context) error {
	s.ID, s.Options.MaxAge = "", -1
	return s.Save(c.Request(), c.Response())
}

func init() { gob.Register(views.Flash{}) }

// addFlash keeps a message for the next page.
func (s adminSession) addFlash(c echo.Context, tone views.Tone, text string) error {
	s.AddFlash(views.Flash{Kind: tone, Text: text})
	return s.Save(c.Request(), c.Response())
}

// takeFlash gives the messages that were kept, and forgets them. One that cannot be forgotten is shown again: no harm is done.
func (s adminSession) takeFlash(c echo.Context) []views.Flash {
	if s.Session == nil {
		return nil
	}
	kept := s.Flashes()
	if len(kept) == 0 {
		return nil
	}
	_ = s.Save(c.Request(), c.Response())
	var messages []views.Flash
	for _, one := range kept {
		if message, ok := one.(views.Flash); ok {
			messages = append(messages, message)
		}
	}
	return messages
}

// remember keeps a choice of language or theme in the browser.
func (d *Dashboard) remember(c echo.Context, name, value string) {
	secure := d.secure(c.Request())
	options := cookieOptions(secure)
	options.MaxAge = int(choiceAge.Seconds())
	if secure {
		name = securePrefix + name
	}
	http.SetCookie(c.Response(), sessions.NewCookie(name, value, options))
}
