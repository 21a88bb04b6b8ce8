package sandbox

import (
	"crypto/rand"
	"time"
)

// code is a code of wx.login, or of the phone number button. It belongs to the phone that asked for it.
type code struct {
	text   string
	phone  *Phone
	madeAt time.Time
	used   bool
}

func (c *code) expired(now time.Time) bool { return now.Sub(c.madeAt) >= CodeLife }

// codeBook holds the codes that can still be exchanged or are refused as used. Codes past their life are forgotten, so that
// it does not grow without end.
type codeBook struct {
	byText map[string]*code
	oldest []*code // in the order they were made
}

func (b *codeBook) mint(phone *Phone, text string, now time.Time) string {
	b.forgetExpired(now)
	minted := &code{text: text, phone: phone, madeAt: now}
	b.byText[minted.text] = minted
	b.oldest = append(b.oldest, minted)
	return minted.text
}

// find gives nil for a code that is unknown or past its life: WeChat does not tell the two apart.
func (b *codeBook) find(text string, now time.Time) *code {
	if found := b.byText[text]; found != nil && !found.expired(now) {
		return found
	}
	return nil
}

func (b *codeBook) forgetExpired(now time.Time) {
	for len(b.oldest) > 0 && b.oldest[0].expired(now) {
		delete(b.byText, b.oldest[0].text)
		b.oldest = b.oldest[1:]
	}
}

// codeText looks like WeChat's codes: 32 letters and digits, the first one a 0.
func codeText() string { return ("0" + rand.Text() + rand.Text())[:32] }
