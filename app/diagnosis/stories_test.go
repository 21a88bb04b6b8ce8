package diagnosis_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/diagnosis"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

// story is what happened to a user before the complaint.
type story struct {
	budget  int // questions to WeChat that nobody waits for
	happens func(*phone)
	finding diagnosis.Finding
	action  diagnosis.Action
	reason  app.Reason
	healed  bool
}

var stories = map[string]story{
	"the key is dead": {
		budget: 600, finding: diagnosis.KeyDead, action: diagnosis.ForceRelogin, reason: app.OpenKeyDead,
		happens: func(p *phone) {
			p.weChatSays("", keyDead)
			p.fails(p.foreign())
			p.told(app.OpenKeyDead)
		},
	},
	"the check found the key dead before anybody failed": {
		finding: diagnosis.KeyDead, action: diagnosis.ForceRelogin, reason: app.KeyFoundDead,
		happens: func(p *phone) { p.weChatSays("", keyDead); p.checked() },
	},
	"a dead key was replaced since": {
		budget: 600, finding: diagnosis.KeyReplaced, reason: app.OpenKeyDead, healed: true,
		happens: func(p *phone) {
			p.weChatSays("", keyDead)
			p.fails(p.foreign())
			p.told(app.OpenKeyDead)
			p.pass(time.Minute)
			p.logsIn()
		},
	},
	"collected before login": {
		budget: 600, finding: diagnosis.CollectedBeforeLogin, action: diagnosis.CopyForDevelopers, reason: app.OpenOtherKey,
		happens: func(p *phone) {
			p.pass(time.Minute)
			p.fails(p.foreign())
			p.told(app.OpenOtherKey)
		},
	},
	"sealed under another key, ours has long been good": {
		budget: 600, finding: diagnosis.OtherKey, action: diagnosis.CopyForDevelopers, reason: app.OpenOtherKey,
		happens: func(p *phone) {
			p.pass(time.Hour)
			p.fails(p.foreign())
			p.told(app.OpenOtherKey)
		},
	},
	"no key fits, nobody has asked WeChat": {
		finding: diagnosis.CheckPending, action: diagnosis.CheckNow, reason: app.OpenNoKeyFits,
		happens: func(p *phone) { p.fails(p.foreign()) },
	},
	"no key fits, an operator has asked WeChat": {
		finding: diagnosis.OtherKey, action: diagnosis.CopyForDevelopers, reason: app.OpenNoKeyFits,
		happens: func(p *phone) { p.pass(time.Hour); p.fails(p.foreign()); p.pass(time.Minute); p.checked() },
	},
	"no key fits, WeChat has no time": {
		finding: diagnosis.CheckPending, action: diagnosis.CheckNow, reason: app.KeyCheckFailed,
		happens: func(p *phone) { p.fails(p.foreign()); p.weChatSays("", refusal(45011)); p.checked() },
	},
	"no key fits, WeChat refuses our address": {
		finding: diagnosis.OurConfiguration, action: diagnosis.OpenConfiguration, reason: app.KeyCheckFailed,
		happens: func(p *phone) { p.fails(p.foreign()); p.weChatSays("", refusal(48001)); p.checked() },
	},
	"the signature proves the key": {
		finding: diagnosis.DataDamaged, action: diagnosis.CopyForDevelopers, reason: app.OpenDataDamaged,
		happens: func(p *phone) { p.fails(signed(p.foreign(), p.key)) },
	},
	"the signature fits no key": {
		finding: diagnosis.CheckPending, action: diagnosis.CheckNow, reason: app.SignatureMismatch,
		happens: func(p *phone) { p.fails(signed(p.seal(p.key, named("x"), 0), newKey(p.t))) },
	},
	"too old": {
		finding: diagnosis.Outdated, reason: app.OpenTooOld,
		happens: func(p *phone) { p.fails(p.seal(p.key, named("x"), -25*time.Hour)) },
	},
	"from the future": {
		finding: diagnosis.OurConfiguration, action: diagnosis.OpenSystem, reason: app.OpenFuture,
		happens: func(p *phone) { p.fails(p.seal(p.key, named("x"), time.Hour)) },
	},
	"another user's": {
		finding: diagnosis.Suspicious, action: diagnosis.ShowDevices, reason: app.OpenOtherOpenID,
		happens: func(p *phone) { p.fails(p.seal(p.key, map[string]any{"openId": "oOther", "nickName": "x"}, 0)) },
	},
	"malformed": {
		finding: diagnosis.ClientMistake, action: diagnosis.CopyForDevelopers, reason: app.OpenMalformed,
		happens: func(p *phone) { p.fails(keeper.Sealed{EncryptedData: "x", IV: "x"}) },
	},
	"too many failures": {
		finding: diagnosis.Limited, action: diagnosis.ForceRelogin, reason: app.OpenLimited,
		happens: func(p *phone) {
			for range 301 {
				p.fails(keeper.Sealed{EncryptedData: p.foreign().EncryptedData, IV: p.foreign().IV})
			}
		},
	},
	"disabled": {
		finding: diagnosis.UserDisabled, action: diagnosis.EnableUser, reason: app.LoginDisabled,
		happens: func(p *phone) {
			if err := p.keeper().Disable(context.Background(), order, p.number); err != nil {
				p.t.Error(err)
			}
			p.pass(time.Hour)
			p.fails(p.foreign())
		},
	},
	"forced to log in again, and did not": {
		finding: diagnosis.SignedOut, action: diagnosis.CopyForDevelopers, reason: app.DeviceForced,
		happens: func(p *phone) {
			p.pass(time.Minute)
			if _, err := p.keeper().ForceRelogin(context.Background(), order, p.number); err != nil {
				p.t.Error(err)
			}
		},
	},
	"logged out": {
		finding: diagnosis.SignedOut, reason: app.DeviceLogout,
		happens: func(p *phone) {
			if err := p.keeper().Logout(context.Background(), p.caller(), p.token.Reveal()); err != nil {
				p.t.Error(err)
			}
		},
	},
	"all is well": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow,
		happens: func(p *phone) { p.opens(named("小明")) },
	},
	"all is well again": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow, reason: app.OpenNoKeyFits, healed: true,
		happens: func(p *phone) { p.fails(p.foreign()); p.pass(time.Minute); p.logsIn(); p.opens(named("小明")) },
	},
	"a login alone heals no opening": {
		finding: diagnosis.OtherKey, action: diagnosis.CopyForDevelopers, reason: app.OpenOtherKey, budget: 600,
		happens: func(p *phone) {
			p.pass(time.Hour)
			p.fails(p.foreign())
			p.told(app.OpenOtherKey)
			p.pass(time.Minute)
			p.logsIn()
		},
	},
	"nothing for two days": {
		finding: diagnosis.NothingArrived, action: diagnosis.ShowSameVersion,
		happens: func(p *phone) { p.pass(48 * time.Hour) },
	},
	"nothing for forty days": {
		finding: diagnosis.NothingArrived, action: diagnosis.ShowSameVersion,
		happens: func(p *phone) { p.pass(40 * 24 * time.Hour) },
	},
	"nothing but tokens were checked": {
		finding: diagnosis.OnlyChecked, action: diagnosis.CopyForDevelopers,
		happens: func(p *phone) {
			p.pass(48 * time.Hour)
			if _, err := p.keeper().Session(context.Background(), p.caller(), keeper.ByToken(p.token.Reveal())); err != nil {
				p.t.Error(err)
			}
			p.pass(time.Hour)
		},
	},
	"a login from the same phone was refused": {
		finding: diagnosis.ClientMistake, action: diagnosis.CopyForDevelopers, reason: app.LoginCodeUsed,
		happens: func(p *phone) { p.pass(time.Hour); p.failsToLogIn(refusal(40163), "code") },
	},
	"a login from the same phone was refused once, and then not": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow,
		happens: func(p *phone) {
			p.pass(time.Hour)
			p.failsToLogIn(refusal(40163), "code")
			p.pass(time.Minute)
			p.logsIn()
		},
	},
	"a login from another phone was refused": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow,
		happens: func(p *phone) {
			p.pass(time.Hour)
			p.client.Model = "iPhone"
			p.failsToLogIn(refusal(40163), "code")
		},
	},
	"WeChat refuses our secret": {
		finding: diagnosis.OurConfiguration, action: diagnosis.OpenConfiguration, reason: app.LoginConfig,
		happens: func(p *phone) { p.pass(time.Minute); p.failsToLogIn(refusal(40125), "code") },
	},
	"WeChat refused our secret, and then not": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow,
		happens: func(p *phone) {
			p.failsToLogIn(refusal(40125), "code")
			p.pass(time.Minute)
			p.logsIn()
			p.logsIn()
			p.logsIn()
		},
	},
	"WeChat talks nonsense": {
		finding: diagnosis.WeChatFailing, reason: app.LoginWeChatOdd,
		happens: func(p *phone) {
			for i := range 3 {
				p.pass(time.Second)
				p.failsToLogIn("<html>", fmt.Sprint("code-", i))
			}
		},
	},
	"WeChat talked nonsense once": {
		finding: diagnosis.WeChatFailing, reason: app.LoginWeChatOdd, // likely to this user
		happens: func(p *phone) { p.pass(time.Minute); p.failsToLogIn("<html>", "code") },
	},
	"everybody's appid is another": {
		finding: diagnosis.OurConfiguration, action: diagnosis.OpenConfiguration, reason: app.LoginAppidMismatch,
		happens: func(p *phone) {
			p.client.Appid = "wxother"
			for i := range 5 {
				p.pass(time.Second)
				p.failsToLogIn(refusal(40029), fmt.Sprint("code-", i))
			}
		},
	},
}

func signed(sealed keeper.Sealed, with app.SessionKey) keeper.Sealed {
	sealed.RawData, sealed.Signature = `{"nickName":"x"}`, wechat.SignRawData(with, `{"nickName":"x"}`)
	return sealed
}

// checked has an operator ask WeChat about the user's key.
func (p *phone) checked() {
	p.t.Helper()
	if _, err := p.keeper().CheckNow(context.Background(), order, p.number); err != nil {
		p.t.Error(err)
	}
}

func TestStories(t *testing.T) {
	all := maps.Clone(stories)
	maps.Copy(all, phoneStories)
	for name, story := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.budget = story.budget
			p := d.newPhone("oA")
			story.happens(p)
			answer := p.expect(p.number.String(), story.finding, story.action)
			if answer.Reason != story.reason || answer.Healed.IsZero() == story.healed {
				t.Errorf("because of %q, healed %v; want %q, healed: %v", answer.Reason, answer.Healed, story.reason, story.healed)
			}
			if answer.User == nil || answer.User.Number != p.number || answer.Asked.By != diagnosis.ByUserNumber {
				t.Errorf("it is about %+v, asked by %s", answer.User, answer.Asked.By)
			}
		})
	}
}
