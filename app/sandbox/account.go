package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"wxkeeper/app"
)

// owner is a person as WeChat knows them across mini programs.
type owner struct {
	name   string // tells owners apart; the made-up ids follow from it
	person Person
}

func newOwner(name string, person Person, seed uint64) *owner {
	madeUp := Person{
		AvatarURL:   avatarHome + idText(seed, "avatar", name) + "/132",
		Language:    "zh_CN",
		PhoneNumber: madeUpNumber(seed, name),
		CountryCode: homeCountryCode,
	}
	return &owner{name: name, person: person.complete(madeUp)}
}

type accountID struct {
	appid app.Appid
	owner *owner
}

// account is one user of one mini program. It holds at most one live session key.
type account struct {
	app     App
	owner   *owner
	openID  app.OpenID
	unionID app.UnionID
	groupID string
	key     heldKey
	blocked bool

	closed bool // the person has left WeChat

	replaceAtLogin bool
	resetAt        time.Time
	logins         meter // of a minute
}

// heldKey is WeChat's session key of an account with what decides about its life. It is zero until the first one is made.
type heldKey struct {
	key     app.SessionKey
	madeAt  time.Time
	usedAt  time.Time // from which its end is counted
	expired bool
}

func (h heldKey) exists() bool { return !h.madeAt.IsZero() }

// userID is what a server knows a user by.
type userID struct {
	appid  app.Appid
	openID app.OpenID
}

func (w *WeChat) accountOf(registered App, owner *owner) *account {
	id := accountID{registered.Appid, owner}
	if w.accounts[id] == nil {
		user := w.newAccount(registered, owner)
		w.accounts[id] = user
		w.users[userID{registered.Appid, user.openID}] = user
	}
	return w.accounts[id]
}

func (w *WeChat) newAccount(registered App, owner *owner) *account {
	user := &account{app: registered, owner: owner}
	user.groupID = "t" + idText(w.seed, "group", string(registered.Appid), owner.name)[:27]
	user.openID = app.OpenID("o" + idText(w.seed, "openid", string(registered.Appid), owner.name)[:27])
	if registered.OpenPlatform != "" {
		user.unionID = app.UnionID("o" + idText(w.seed, "unionid", registered.OpenPlatform, owner.name)[:27])
	}
	return user
}

func (w *WeChat) keyLives(user *account, now time.Time) bool {
	return user.key.exists() && !user.key.expired && now.Sub(user.key.usedAt) < w.keyLife
}

// keyAtLogin applies the rules of wx.login: it may replace the key, but not in quick repeated logins.
func (w *WeChat) keyAtLogin(user *account, now time.Time) app.SessionKey {
	old := now.Sub(user.key.madeAt) >= w.keyRefresh
	if old || user.replaceAtLogin || !w.keyLives(user, now) {
		user.replaceKey(now)
	}
	user.key.usedAt = now
	return user.key.key
}

// keyAtExchange is the live key: WeChat hands out no dead one, whatever happened since the code was made.
func (w *WeChat) keyAtExchange(user *account, now time.Time) app.SessionKey {
	if !w.keyLives(user, now) {
		user.replaceKey(now)
	}
	user.key.usedAt = now
	return user.key.key
}

// keyForSealing is the user's last key even when it is dead: only wx.login replaces it. Before any login one is made, and
// the first login then returns it (developers.weixin.qq.com/community/develop/doc/000a62a7a4cd1881f7ac7bd1658400).
func (w *WeChat) keyForSealing(user *account, now time.Time) app.SessionKey {
	if !user.key.exists() {
		user.replaceKey(now)
	}
	if w.keyLives(user, now) {
		user.key.usedAt = now
	}
	return user.key.key
}

func (a *account) replaceKey(now time.Time) {
	var bytes [app.SessionKeyBytes]byte
	rand.Read(bytes[:]) // never fails since Go 1.24: it ends the program instead
	key := app.SessionKey{Secret: app.Secret(base64.StdEncoding.EncodeToString(bytes[:]))}
	a.key = heldKey{key: key, madeAt: now, usedAt: now}
	a.replaceAtLogin = false
}

// resetKey replaces a live key by one that ends when the old one would have (ResetUserSessionKey).
func (a *account) resetKey(now time.Time) {
	usedAt := a.key.usedAt
	a.replaceKey(now)
	a.key.usedAt = usedAt
	a.resetAt = now
}

// idText makes an id's text that is the same in every run with the same seed: 43 characters of base64url.
func idText(seed uint64, parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q", seed, parts))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// madeUpNumber looks like a mobile number of 中国移动.
func madeUpNumber(seed uint64, name string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d number %q", seed, name))
	return fmt.Sprintf("1380000%02d%02d", sum[0]%100, sum[1]%100)
}
