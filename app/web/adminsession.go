package web

import (
	"bytes"
	"encoding/gob"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

// choiceAge is how long a browser remembers language and theme.
const choiceAge = 400 * 24 * time.Hour

// sessionStore is gorilla's Store over the sessions of operators in the database: the cookie holds a random id and nothing else, so
// that a session ends at once where it is revoked.
type sessionStore struct {
	accounts *operator.Accounts
	cookies  cookies
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
	session.Options = s.cookies.options(r)
	session.IsNew = true
	cookie := app.Secret(s.cookies.value(r, name))
	if cookie == "" {
		return session, nil
	}
	err := s.restore(r, session, cookie)
	if app.KindOf(err) == app.InvalidToken {
		return session, nil
	}
	return session, err
}

func (s *sessionStore) restore(r *http.Request, session *sessions.Session, cookie app.Secret) error {
	look := s.accounts.Session
	if asksByItself(r) {
		look = s.accounts.Peek
	}
	present, err := look(r.Context(), cookie)
	if err != nil {
		return err
	}
	stored, err := s.accounts.LoadValues(r.Context(), present.Session)
	if err != nil {
		return err
	}
	// What another version of this program has written may be lost: it is messages for the next page.
	if len(stored) > 0 && gob.NewDecoder(bytes.NewReader(stored)).Decode(&session.Values) != nil {
		clear(session.Values)
	}
	session.ID, session.IsNew = cookie.Reveal(), false
	session.Values[presentValue] = present
	return nil
}

// asksByItself says whether nobody need be at the keyboard: a page refreshes itself, or waits for events.
func asksByItself(r *http.Request) bool {
	return r.Header.Get("X-Refresh") != "" || r.Header.Get(echo.HeaderAccept) == "text/event-stream"
}

// Save stores a session's values. A session that has an id but nobody in it was just begun: the browser is given its cookie; one with
// a negative age has ended, and the browser forgets it.
func (s *sessionStore) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	present, signedIn := session.Values[presentValue].(operator.Present)
	if !signedIn || session.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(s.cookies.name(r, session.Name()), session.ID, session.Options))
		return nil
	}
	kept := maps.Clone(session.Values)
	delete(kept, presentValue)
	var stored bytes.Buffer
	if err := gob.NewEncoder(&stored).Encode(kept); err != nil {
		return err
	}
	return s.accounts.SaveValues(r.Context(), present.Session, stored.Bytes())
}

// adminSession is the session of one request.
type adminSession struct {
	*sessions.Session
	present operator.Present // nobody while nobody is signed in
	cookie  app.Secret       // what the browser brought, "" if nothing
}

// open reads the session of a request.
func (s *sessionStore) open(c echo.Context) (adminSession, error) {
	session, err := s.Get(c.Request(), sessionCookie)
	if err != nil {
		return adminSession{}, err
	}
	present, _ := session.Values[presentValue].(operator.Present)
	return adminSession{session, present, app.Secret(s.cookies.value(c.Request(), sessionCookie))}, nil
}

// expired says whether somebody was signed in who is so no more.
func (s adminSession) expired() bool { return s.cookie != "" && s.present.Operator.ID == 0 }

// begin gives the browser the cookie of a session that has just begun.
func (s adminSession) begin(c echo.Context, cookie app.Secret) error {
	s.ID = cookie.Reveal()
	clear(s.Values)
	return s.Save(c.Request(), c.Response())
}

// end makes the browser forget its session.
func (s adminSession) end(c echo.Context) error {
	s.ID, s.Options.MaxAge = "", -1
	return s.Save(c.Request(), c.Response())
}

// flashesKept is how many messages wait for the next page; older ones are dropped, so that they never fill a session.
const flashesKept = 5

// addFlash keeps a message for the next page, if there will be one: for somebody who is signed out meanwhile there is none.
func (s adminSession) addFlash(c echo.Context, tone views.Tone, text string) error {
	kept := append(s.Flashes(), string(tone)+" "+text)
	for _, one := range kept[max(0, len(kept)-flashesKept):] {
		s.AddFlash(one)
	}
	err := s.Save(c.Request(), c.Response())
	if app.KindOf(err) == app.InvalidToken {
		return nil
	}
	return err
}

// takeFlash gives the messages that were kept, and forgets them. One that cannot be forgotten is shown again: no harm is done. A
// page that refreshes itself shows a part of it only, and leaves them.
func (s adminSession) takeFlash(c echo.Context) []views.Flash {
	if s.Session == nil || asksByItself(c.Request()) {
		return nil
	}
	kept := s.Flashes()
	if len(kept) == 0 {
		return nil
	}
	_ = s.Save(c.Request(), c.Response())
	var messages []views.Flash
	for _, one := range kept {
		if message, ok := one.(string); ok {
			tone, text, _ := strings.Cut(message, " ")
			messages = append(messages, views.Flash{Kind: views.Tone(tone), Text: text})
		}
	}
	return messages
}

// remember keeps a choice of language or theme in the browser.
func (d *Dashboard) remember(c echo.Context, name, value string) {
	options := d.sessions.cookies.options(c.Request())
	options.MaxAge = int(choiceAge.Seconds())
	http.SetCookie(c.Response(), sessions.NewCookie(d.sessions.cookies.name(c.Request(), name), value, options))
}
