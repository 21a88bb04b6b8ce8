package sandbox

import (
	"crypto/rand"
	"regexp"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// TokenLife is how long an access token lives (getAccessToken, expires_in).
const TokenLife = 2 * time.Hour

// TokenOverlap is how long an old access token is good beside a new one: the last minutes of a stable token, the first ones
// after a classic token was replaced (getStableAccessToken, getAccessToken).
const TokenOverlap = 5 * time.Minute

// Limits of force_refresh (getStableAccessToken): calls that come too soon refresh nothing, calls beyond the day's are
// answered with 45009.
const (
	ForcedRefreshPause  = 30 * time.Second
	ForcedRefreshesADay = 20
)

// expiredTokensKept is how long an old token is still called expired. Then it is forgotten: the book may not grow without
// end.
const expiredTokensKept = 24 * time.Hour

// ExpireTokens ends the life of every access token at this moment: calls with one are answered with 42001.
func (w *WeChat) ExpireTokens() {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, token := range w.tokens.byText {
		if token.expiresAt.After(now) {
			token.expiresAt = now
		}
	}
}

// accessToken is WeChat's credential for the calls of a mini program's server.
type accessToken struct {
	text       string
	appid      app.Appid
	expiresAt  time.Time
	replacedAt time.Time // when the one that took its place ends it; zero: none did
}

// errcode says what is wrong with the token, or 0.
func (t *accessToken) errcode(now time.Time) int {
	switch {
	case !now.Before(t.expiresAt):
		return wechat.ErrcodeTokenExpired
	case !t.replacedAt.IsZero() && !now.Before(t.replacedAt):
		return wechat.ErrcodeTokenNotLatest
	}
	return 0
}

// tokenBook holds the access tokens that were given out. Stable and classic tokens know nothing of each other.
type tokenBook struct {
	byText  map[string]*accessToken
	oldest  []*accessToken // in the order they were made, which is that of their ends
	classic map[app.Appid]*accessToken
	stable  map[app.Appid]*accessToken
	forced  map[app.Appid]*forcedRefreshes
}

type forcedRefreshes struct {
	lastAt time.Time
	day    meter
}

func newTokenBook() tokenBook {
	return tokenBook{
		byText:  map[string]*accessToken{},
		classic: map[app.Appid]*accessToken{},
		stable:  map[app.Appid]*accessToken{},
		forced:  map[app.Appid]*forcedRefreshes{},
	}
}

// find gives the token, or the errcode of a text that is none, or none any more.
func (b *tokenBook) find(text string, now time.Time) (*accessToken, int) {
	token := b.byText[text]
	switch {
	case text == "":
		return nil, errcodeTokenMissing
	case !tokenForm.MatchString(text):
		return nil, wechat.ErrcodeTokenInvalid
	case token == nil:
		return nil, wechat.ErrcodeTokenNotLatest
	}
	return token, token.errcode(now)
}

// giveClassic makes a new token each time, which ends the one before.
func (b *tokenBook) giveClassic(appid app.Appid, now time.Time) *accessToken {
	if before := b.classic[appid]; before != nil {
		before.replacedAt = now.Add(TokenOverlap)
	}
	b.classic[appid] = b.mint(appid, now)
	return b.classic[appid]
}

// giveStable gives the same token until shortly before its end.
func (b *tokenBook) giveStable(appid app.Appid, now time.Time) *accessToken {
	current := b.stable[appid]
	if current == nil || current.expiresAt.Sub(now) < TokenOverlap {
		b.stable[appid] = b.mint(appid, now)
	}
	return b.stable[appid]
}

// forceStable gives a new token, which ends the one before at once, within the limits of force_refresh.
func (b *tokenBook) forceStable(appid app.Appid, now time.Time) (*accessToken, int) {
	if b.forced[appid] == nil {
		b.forced[appid] = &forcedRefreshes{}
	}
	forced := b.forced[appid]
	switch {
	case now.Sub(forced.lastAt) < ForcedRefreshPause:
		return b.giveStable(appid, now), 0
	case forced.day.count(dayOf(now)) > ForcedRefreshesADay:
		return nil, wechat.ErrcodeDayQuota
	}
	forced.lastAt = now
	if before := b.stable[appid]; before != nil {
		before.replacedAt = now
	}
	b.stable[appid] = b.mint(appid, now)
	return b.stable[appid], 0
}

func (b *tokenBook) mint(appid app.Appid, now time.Time) *accessToken {
	b.forgetExpired(now)
	minted := &accessToken{text: tokenText(), appid: appid, expiresAt: now.Add(TokenLife)}
	b.byText[minted.text] = minted
	b.oldest = append(b.oldest, minted)
	return minted
}

func (b *tokenBook) forgetExpired(now time.Time) {
	for len(b.oldest) > 0 && now.Sub(b.oldest[0].expiresAt) >= expiredTokensKept {
		delete(b.byText, b.oldest[0].text)
		b.oldest = b.oldest[1:]
	}
}

// tokenForm is what WeChat's access tokens look like.
var tokenForm = regexp.MustCompile(`^[0-9]{2,3}_[A-Za-z0-9_-]{100,500}$`)

func tokenText() string {
	return "92_" + rand.Text() + rand.Text() + rand.Text() + rand.Text() + rand.Text()
}
