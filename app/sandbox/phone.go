package sandbox

import (
	"time"

	"wxkeeper/app"
)

// PhoneOptions say whose phone it is, what it is, and which mini program is used on it.
type PhoneOptions struct {
	Appid  app.Appid // "": the first registered app
	Person Person    // ignored with an Owner
	Device Device    // without a Platform: an ordinary Android phone

	// Owner is another phone of the same person: for the same app a second device of the same user, for another app the
	// same person under another openid. nil: a person of its own.
	Owner *Phone
}

// Phone is the client side of WeChat on one device, for one mini program: what wx.login, wx.checkSession and the calls that
// give sealed data are to a mini program. It is safe for concurrent use.
type Phone struct {
	wechat  *WeChat
	number  int
	account *account
	device  Device
	mock    bool           // its code is the developer tools' mock one
	known   app.SessionKey // the key that belongs to its last code
}

// Number is the phone's number in the sandbox, from 1.
func (p *Phone) Number() int { return p.number }

// Appid names the mini program used on the phone.
func (p *Phone) Appid() app.Appid { return p.account.app.Appid }

// OpenID is the user's openid in that mini program.
func (p *Phone) OpenID() app.OpenID { return p.account.openID }

// UnionID is the person's unionid, "" where the app is bound to no Open Platform account.
func (p *Phone) UnionID() app.UnionID { return p.account.unionID }

// Person is who owns the phone.
func (p *Phone) Person() Person {
	defer p.lock()()
	return p.account.owner.person
}

// Device is what kind of phone it is.
func (p *Phone) Device() Device { return p.device }

// SessionKey is the user's last key at WeChat, dead or alive, as no real phone can tell: for tests. It is zero before the
// first one is made.
func (p *Phone) SessionKey() app.SessionKey {
	defer p.lock()()
	return p.account.key.key
}

// Login is wx.login: a code that lives five minutes and can be exchanged once. It may replace the session key. The phone of
// the developer tools without an AppID always gets app.MockCode.
func (p *Phone) Login() string {
	now := p.wechat.clock()
	defer p.lock()()
	p.known = p.wechat.keyAtLogin(p.account, now)
	if p.mock {
		return app.MockCode
	}
	return p.wechat.codes.mint(p, codeText(), now)
}

// CheckSession is wx.checkSession: whether the key that belongs to the last code of this phone is the live one. It says
// nothing about the key a keeper holds.
func (p *Phone) CheckSession() bool {
	now := p.wechat.clock()
	defer p.lock()()
	return p.wechat.keyLives(p.account, now) && p.known == p.account.key.key
}

// ExpireKey ends the life of the user's session key: wx.checkSession fails on all devices, data is still sealed under it,
// and the next wx.login replaces it.
func (p *Phone) ExpireKey() {
	defer p.lock()()
	p.account.key.expired = true
}

// RotateKey replaces the user's session key behind the keeper's back, as data pre-fetch or another back end does
// (数据预拉取): this phone sees nothing, since the last code was its own and wx.checkSession succeeds; the user's other devices
// see wx.checkSession fail; no keeper has the new key until the next login.
func (p *Phone) RotateKey() {
	now := p.wechat.clock()
	defer p.lock()()
	p.account.replaceKey(now)
	p.known = p.account.key.key
}

// ReplaceKeyAtLogin makes the user's next wx.login replace the session key, however young it is.
func (p *Phone) ReplaceKeyAtLogin() {
	defer p.lock()()
	p.account.replaceAtLogin = true
}

// SetAnonymous turns on or off that WeChat gives 微信用户 and the grey avatar for the person, as it does for everybody in
// released mini programs since 2022-11-08 (小程序用户头像昵称获取规则调整公告).
func (p *Phone) SetAnonymous(anonymous bool) {
	defer p.lock()()
	p.account.owner.person.Anonymous = anonymous
}

// SetPerson changes who the person says to be: a new nickname, another phone number. What is left empty stays made up as
// it was.
func (p *Phone) SetPerson(person Person) {
	defer p.lock()()
	before := p.account.owner.person
	p.account.owner.person = person.complete(before)
}

// SetBlocked turns on or off that WeChat judges the user high risk and refuses the login (code2Session, errcode 40226).
func (p *Phone) SetBlocked(blocked bool) {
	defer p.lock()()
	p.account.blocked = blocked
}

// Blocked says whether WeChat refuses the user's login.
func (p *Phone) Blocked() bool {
	defer p.lock()()
	return p.account.blocked
}

// SecondDevice adds another device of the same user: codes of its own, the same session key.
func (p *Phone) SecondDevice(device Device) *Phone {
	return p.wechat.AddPhone(PhoneOptions{Appid: p.Appid(), Device: device, Owner: p})
}

func (p *Phone) keyMadeAt() time.Time {
	defer p.lock()()
	return p.account.key.madeAt
}

func (p *Phone) keyAlive() bool {
	now := p.wechat.clock()
	defer p.lock()()
	return p.wechat.keyLives(p.account, now)
}

func (p *Phone) lock() (unlock func()) {
	p.wechat.mu.Lock()
	return p.wechat.mu.Unlock
}
