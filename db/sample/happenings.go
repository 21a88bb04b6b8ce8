package sample

import (
	"math/rand/v2"
	"time"

	"wxkeeper/app"
)

// happening is an event in little room: a sample holds millions of them at once, to bring them into the order of time.
type happening struct {
	at     int64   // epoch milliseconds
	device *device // whose it is
	user   int32   // number in the sample, or nobody
	what   what
	key    int8 // which of the user's keys it is about, or noKey
}

const (
	nobody = -1
	noKey  = -1
)

// what is a kind of event.
type what uint8

// Events of users, then those of strangers.
const (
	loginFirst what = iota
	loginNewKey
	loginSameKey
	openProfile
	openAnonymous
	openPhone
	openRun
	openPrevious
	openNoKeyFits
	openKeyDead
	openOtherKey
	openTooOld
	openTooEarly
	keyFoundDead
	keyTakenElsewhere

	codeInvalid
	codeUsed
	codeMalformed
	tokenUnknown
	weChatBusy
	weChatTimeout
	limitedWeChat
	blocked
)

// signatureWrong is WeChat's errcode for a session key that is dead.
const signatureWrong = 87009

// events are what happens, by kind.
var events = []app.Event{
	loginFirst:        {Reason: app.LoginFirst},
	loginNewKey:       {Reason: app.LoginNewKey},
	loginSameKey:      {Reason: app.LoginSameKey},
	openProfile:       {Reason: app.OpenOK, Detail: app.Detail{Kind: "profile", Notes: []app.Reason{app.ProfileWasUpdated}}},
	openAnonymous:     {Reason: app.OpenOK, Detail: app.Detail{Kind: "profile", Notes: []app.Reason{app.ProfileWasAnonymous}}},
	openPhone:         {Reason: app.OpenOK, Detail: app.Detail{Kind: "phone", Notes: []app.Reason{app.PhoneOK}}},
	openRun:           {Reason: app.OpenOK, Detail: app.Detail{Kind: "run"}},
	openPrevious:      {Reason: app.OpenOKPrevious, Detail: app.Detail{Kind: "profile", Key: 1}},
	openNoKeyFits:     {Reason: app.OpenNoKeyFits, Detail: app.Detail{Notes: []app.Reason{app.OpenPadding}}},
	openKeyDead:       {Reason: app.OpenKeyDead, Errcode: signatureWrong},
	openOtherKey:      {Reason: app.OpenOtherKey},
	openTooOld:        {Reason: app.OpenTooOld, Detail: app.Detail{Kind: "profile"}},
	openTooEarly:      {Reason: app.OpenOtherKey},
	keyFoundDead:      {Reason: app.KeyFoundDead, Errcode: signatureWrong},
	keyTakenElsewhere: {Reason: app.KeyTakenElsewhere, Errcode: signatureWrong},

	codeInvalid:   {Reason: app.LoginCodeInvalid, Errcode: 40029},
	codeUsed:      {Reason: app.LoginCodeUsed, Errcode: 40163},
	codeMalformed: {Reason: app.LoginCodeMalformed, Detail: app.Detail{Field: "code"}},
	tokenUnknown:  {Reason: app.TokenUnknown},
	weChatBusy:    {Reason: app.LoginWeChatBusy, Errcode: -1, Detail: app.Detail{Tries: 3}},
	weChatTimeout: {Reason: app.LoginWeChatTimeout, Detail: app.Detail{Problem: "timeout"}},
	limitedWeChat: {Reason: app.LoginLimitedWeChat, Errcode: 45011},
	blocked:       {Reason: app.LoginBlocked, Errcode: 40226},
}

// byUser says whether it was the user who did something, and not the background check.
func (w what) byUser() bool { return w < keyFoundDead }

// strangersDo are the failures without a user, as common as often they stand here.
var strangersDo = []what{
	codeInvalid, codeInvalid, codeInvalid, codeInvalid, codeInvalid, codeInvalid, codeUsed, codeUsed, codeUsed, codeUsed,
	tokenUnknown, tokenUnknown, tokenUnknown, tokenUnknown, tokenUnknown, codeMalformed, weChatBusy, limitedWeChat, blocked,
	weChatTimeout,
}

// strangers fail now and then, and once all together: for a while WeChat did not answer.
func (p *population) strangers() []happening {
	dice := rand.New(rand.NewPCG(p.seed, 1<<40))
	outage := p.midnight(5).Add(19 * time.Hour)
	var all []happening
	for i := range p.size/100 + 20 {
		one := happening{device: p.clients.device(dice), user: nobody, key: noKey, what: strangersDo[dice.IntN(len(strangersDo))]}
		at := p.timeOn(dice, dice.IntN(days))
		if i%10 == 0 {
			at, one.what = outage.Add(time.Duration(dice.IntN(25*60))*time.Second), weChatTimeout
		}
		one.at = at.UnixMilli()
		if !at.After(p.now) {
			all = append(all, one)
		}
	}
	return all
}
