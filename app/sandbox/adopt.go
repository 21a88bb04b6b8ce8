package sandbox

import (
	"fmt"
	"net/http"
	"time"

	"wxkeeper/app"
)

// Adopted is a user whom a keeper knows from before this emulator began.
type Adopted struct {
	Appid     app.Appid // "": the first registered app
	OpenID    app.OpenID
	UnionID   app.UnionID
	Key       app.SessionKey // the last one the keeper has; zero: none
	KeyMadeAt time.Time      // zero: just now
	Alive     bool           // the key lives, as if it had just been used
	Person    Person
}

// Adopt makes WeChat know a user as a keeper does, so that what the keeper asks about the user is answered by that state. Somebody it
// knows already gets the key alone. It fails without an openid and for an app that is not registered. The user has no phone before
// PhoneOf.
func (w *WeChat) Adopt(adopted Adopted) error {
	registered, err := w.namedApp(adopted.Appid)
	if err != nil {
		return err
	}
	if adopted.OpenID == "" {
		return fmt.Errorf("nobody is called nothing")
	}
	now := w.clock()
	if adopted.KeyMadeAt.IsZero() {
		adopted.KeyMadeAt = now
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	user := w.users[userID{registered.Appid, adopted.OpenID}]
	if user == nil {
		owner := newOwner("adopted "+string(adopted.OpenID), adopted.Person, w.seed)
		user = w.newAccount(registered, owner)
		user.openID, user.unionID = adopted.OpenID, adopted.UnionID
		w.accounts[accountID{registered.Appid, owner}] = user
		w.users[userID{registered.Appid, user.openID}] = user
	}
	if adopted.Key.Reveal() != "" {
		user.key = heldKey{key: adopted.Key, madeAt: adopted.KeyMadeAt, usedAt: now, expired: !adopted.Alive}
	}
	return nil
}

// PhoneOf gives the first phone of a user of the first registered app, and makes one where there is none. Nil: WeChat knows no such user.
func (w *WeChat) PhoneOf(openid app.OpenID) *Phone {
	w.mu.Lock()
	defer w.mu.Unlock()
	user := w.users[userID{w.apps[0].Appid, openid}]
	if user == nil {
		return nil
	}
	for _, phone := range w.phones {
		if phone.account == user {
			return phone
		}
	}
	return w.addPhone(user.app, user.owner, Device{})
}

// servePhoneOf gives a user's phone, so that anybody can be played. Without an openid somebody new gets a phone.
func (w *WeChat) servePhoneOf(response http.ResponseWriter, request *http.Request) {
	if len(w.Phones()) >= maxPhones {
		http.Error(response, "enough phones", http.StatusConflict)
		return
	}
	openid := app.OpenID(request.FormValue("openid"))
	if openid == "" {
		newcomer := PhoneOptions{Person: Person{Nickname: request.FormValue("nickname")}}
		writeJSON(response, http.StatusCreated, describe(w.AddPhone(newcomer)))
		return
	}
	phone := w.PhoneOf(openid)
	if phone == nil {
		http.Error(response, "no such user", http.StatusNotFound)
		return
	}
	servePhone(phone, response, request)
}
