package diagnosis_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/diagnosis"
	"wxkeeper/app/keeper"
)

// taps sends the code of the phone number button while WeChat answers this; "": it gives a number.
func (p *phone) taps(answer string) {
	p.t.Helper()
	if answer == "" {
		answer = fmt.Sprintf(`{"errcode":0,"phone_info":{"phoneNumber":"13800000001","purePhoneNumber":"13800000001","countryCode":"86",`+
			`"watermark":{"timestamp":%d,"appid":%q}}}`, p.clock().Unix(), appid)
	}
	p.lock.Lock()
	p.desk.number = answer
	p.lock.Unlock()
	caller := p.caller()
	p.last = caller.RequestID
	_, _ = p.keeper().PhoneByCode(context.Background(), caller, keeper.ByToken(p.token.Reveal()), "e31968a7"+rand.Text())
}

// reports tells of a failure inside WeChat.
func (p *phone) reports(api, errno, message string) {
	p.t.Helper()
	caller := p.caller()
	p.last = caller.RequestID
	failure := app.ClientFailure{API: api, Errno: errno, Message: message}
	if err := p.keeper().Report(context.Background(), caller, p.token.Reveal(), failure); err != nil {
		p.t.Error(err)
	}
}

const quotaUsedUp = "getPhoneNumber:fail jsapi has no quota"

func (p *phone) quota() { p.reports("getPhoneNumber", "1400001", quotaUsedUp) }

var phoneStories = map[string]story{
	"the quota of the phone button is used up": {
		finding: diagnosis.InsideWeChat, action: diagnosis.ShowAll, reason: app.ReportPhoneQuota,
		happens: func(p *phone) { p.quota() },
	},
	"the phone button works again": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow,
		happens: func(p *phone) {
			p.quota()
			p.pass(time.Minute)
			p.taps("")
		},
	},
	"a login does not mend the phone button": {
		finding: diagnosis.InsideWeChat, action: diagnosis.ShowAll, reason: app.ReportPhoneQuota,
		happens: func(p *phone) {
			p.quota()
			p.pass(time.Minute)
			p.logsIn()
		},
	},
	"the user said no": {
		finding: diagnosis.InsideWeChat, reason: app.ReportDenied,
		happens: func(p *phone) { p.reports("getPhoneNumber", "", "getPhoneNumber:fail user deny") },
	},
	"what was reported long ago is the past": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow,
		happens: func(p *phone) {
			p.reports("requestVirtualPayment", "-15005", "fail")
			p.pass(30 * time.Hour)
			p.logsIn()
		},
	},
	"what the server saw counts more than a report": {
		finding: diagnosis.DataDamaged, action: diagnosis.CopyForDevelopers, reason: app.OpenDataDamaged,
		happens: func(p *phone) {
			p.fails(signed(p.foreign(), p.key))
			p.pass(time.Minute)
			p.reports("requestPayment", "", "requestPayment:fail cancel")
		},
	},
	"a domain that is reached since": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow,
		happens: func(p *phone) {
			p.reports("request", "", "request:fail url not in domain list")
			p.pass(time.Minute)
			p.opens(named("小明"))
		},
	},
	"phone numbers are not granted": {
		finding: diagnosis.OurConfiguration, action: diagnosis.OpenConfiguration, reason: app.PhoneNotGranted,
		happens: func(p *phone) { p.taps(refusal(48001)) },
	},
	"a phone code has expired": {
		finding: diagnosis.ClientMistake, reason: app.PhoneCodeInvalid,
		happens: func(p *phone) { p.taps(refusal(40029)) },
	},
	"a phone code of somebody else": {
		finding: diagnosis.Suspicious, action: diagnosis.ShowDevices, reason: app.PhoneOtherUser,
		happens: func(p *phone) { p.taps(refusal(40003)) },
	},
	"the next phone code was good": {
		finding: diagnosis.FineNow, action: diagnosis.CheckNow, reason: app.PhoneCodeInvalid, healed: true,
		happens: func(p *phone) {
			p.taps(refusal(40029))
			p.pass(time.Minute)
			p.taps("")
		},
	},
	"an older failure that nothing has healed": {
		finding: diagnosis.ClientMistake, reason: app.PhoneCodeInvalid,
		happens: func(p *phone) {
			p.taps(refusal(40029))
			p.pass(time.Minute)
			p.fails(signed(p.foreign(), p.key))
			p.pass(time.Minute)
			p.opens(named("小明"))
		},
	},
}

func TestThePhoneButtonIsAskedAbout(t *testing.T) {
	d := newDesk(t)
	d.pass(-time.Hour)
	p := d.newPhone("oA")
	p.quota()
	d.pass(time.Minute)
	for i := range 3 { // more of another kind, and of other people
		other := d.newPhone(fmt.Sprint("o", i))
		other.fails(signed(other.foreign(), other.key))
		other.reports("requestPayment", "", "requestPayment:fail cancel")
	}
	d.expect("15:00-16:00", diagnosis.Failures, diagnosis.ShowAll)
	answer := d.expect("15:00-16:00 手机号按钮没反应", diagnosis.InsideWeChat, diagnosis.ShowAll)
	if answer.Reason != app.ReportPhoneQuota || answer.API != "getPhoneNumber" || answer.User == nil ||
		answer.Target.Reason != app.ReportPhoneQuota {
		t.Errorf("answer is %+v", answer)
	}
	p.fails(signed(p.foreign(), p.key))
	d.expect(p.number.String(), diagnosis.DataDamaged, diagnosis.CopyForDevelopers)
	d.expect(p.number.String()+" 手机号按钮没反应", diagnosis.InsideWeChat, diagnosis.ShowAll)

	d.newPhone("oB").quota()
	answer = d.expect("手机号按钮没反应", diagnosis.InsideWeChat, diagnosis.ShowAll)
	if answer.Users != 2 || answer.Failures != 2 || answer.Reason != app.ReportPhoneQuota || answer.API != "getPhoneNumber" {
		t.Errorf("everybody's: %+v", answer)
	}
	d.expect("昨天 手机号按钮没反应", diagnosis.NothingArrived, diagnosis.NoAction)
	d.pass(time.Minute)
	d.newPhone("oC").taps("") // somebody has bought a package
	if answer = d.expect("手机号按钮没反应", diagnosis.InsideWeChat, diagnosis.NoAction); answer.Healed.Unix() != d.clock().Unix() {
		t.Errorf("a number has come since: %+v", answer)
	}
}

// TestAReportOfAStranger: without a token nobody is named, and the time tells all the same.
func TestAReportOfAStranger(t *testing.T) {
	d := newDesk(t)
	failure := app.ClientFailure{API: "getPhoneNumber", Message: "getPhoneNumber:fail no permission"}
	if err := d.keeper().Report(context.Background(), d.caller(), "", failure); err != nil {
		t.Fatal(err)
	}
	answer := d.expect("15:50-16:00", diagnosis.InsideWeChat, diagnosis.ShowAll)
	if answer.Reason != app.ReportPhoneNotGranted || answer.User != nil {
		t.Errorf("answer is %+v", answer)
	}
	for _, fact := range answer.Facts() {
		if fact.Name == diagnosis.FactAPI && fact.Text == "getPhoneNumber" {
			return
		}
	}
	t.Errorf("developers do not learn which call it was: %+v", answer.Facts())
}
