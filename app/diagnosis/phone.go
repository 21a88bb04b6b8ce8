package diagnosis

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"wxkeeper/app"
	"wxkeeper/db"
)

// phoneFailures are the reasons why a code of the phone number button brought no number.
var phoneFailures = []app.Reason{
	app.PhoneCodeInvalid, app.PhoneLoginCode, app.PhoneOtherUser, app.PhoneNotGranted, app.PhoneLimited, app.PhoneConfig, app.PhoneNoAnswer,
}

// clientReports are failures inside WeChat that clients tell of. That a user said no is one for that user alone.
var clientReports = []app.Reason{
	app.ReportPhoneQuota, app.ReportPhoneNotGranted, app.ReportPrivacyGuide, app.ReportPrivacyConsent, app.ReportDomain,
	app.ReportCertificate, app.ReportTimeout, app.ReportPaymentUser, app.ReportPaymentApp, app.ReportOther,
}

// reported says whether an event is a client's word of a failure inside WeChat.
func reported(event app.Event) bool { return rulings[event.Reason].finding == InsideWeChat }

// aboutPhone says whether an event is a failure of the phone number button: at WeChat, or inside the client.
func aboutPhone(event app.Event) bool {
	return slices.Contains(phoneFailures, event.Reason) || reported(event) && app.ClientFailure{API: event.Detail.API}.AboutPhone()
}

// broughtPhone says whether an event stored a phone number, by code or from sealed data.
func broughtPhone(event app.Event) bool {
	return event.Reason == app.PhoneOK || slices.Contains(event.Detail.Notes, app.PhoneOK)
}

// heals says whether an event shows that what had failed works again. Of most that clients report nothing does.
func heals(event, failure app.Event) bool {
	switch {
	case aboutPhone(failure):
		return broughtPhone(event)
	case failure.Reason == app.ReportDomain, failure.Reason == app.ReportCertificate, failure.Reason == app.ReportTimeout:
		return worked(event)
	case reported(failure):
		return false
	}
	return worked(event) && sameThing(event, failure)
}

// phoneButton says why the phone number button fails, to whoever asks about that: nobody's login and opening tell.
func (t *Troubleshooter) phoneButton(ctx context.Context, c *complaint) (Diagnosis, error) {
	if !c.asked.Phone {
		return Diagnosis{}, nil
	}
	return t.unhealed(ctx, c, aboutPhone)
}

// insideWeChat says what failed before a request was made, as the user's client reports it. What the server saw fail counts more.
func (t *Troubleshooter) insideWeChat(ctx context.Context, c *complaint) (Diagnosis, error) {
	since := c.now.Add(-tracesBack)
	return t.unhealed(ctx, c, func(e app.Event) bool { return reported(e) && (c.timeIsSaid() || e.At().After(since)) })
}

// phoneTime judges the phone number button in a time without a user. No Finding: nothing tells of it.
func (t *Troubleshooter) phoneTime(ctx context.Context, c *complaint) (Diagnosis, error) {
	if !c.asked.Phone {
		return Diagnosis{}, nil
	}
	page, err := t.read.ListEvents(ctx, t.listing(c, slices.Concat(phoneFailures, clientReports)))
	page.Events = slices.DeleteFunc(page.Events, func(e app.Event) bool { return !aboutPhone(e) })
	if err != nil || len(page.Events) == 0 {
		return Diagnosis{}, err
	}
	return t.judgeFailures(ctx, c, page)
}

// ofEverybody tells of a failure inside WeChat that is ours to mend, and so everybody's, and since when anybody's phone number has come
// again. No Finding: it is not.
func (t *Troubleshooter) ofEverybody(ctx context.Context, c *complaint, page db.EventPage, reason app.Reason) (Diagnosis, error) {
	if !everybodys(reason) {
		return Diagnosis{}, nil
	}
	page.Events = slices.DeleteFunc(slices.Clone(page.Events), func(e app.Event) bool { return e.Reason != reason })
	d, newest := c.severalFailures(page, reason), page.Events[0]
	d.Finding, d.API = InsideWeChat, newest.Detail.API
	if !aboutPhone(newest) {
		return d, nil
	}
	came, again, err := t.first(ctx, []app.Reason{app.PhoneOK}, Window{newest.At().Add(strangersLate), c.rightNow()})
	if again {
		d.Healed, d.Action = came.At(), NoAction
	}
	return d, err
}

// everybodys says whether a failure inside WeChat is everybody's: a quota, a permission, a guide, a domain.
func everybodys(reason app.Reason) bool {
	return rulings[reason].finding == InsideWeChat && reason.Trouble() == app.OurTrouble
}

// phoneTopics are what people say of the phone number button. 手机号 13800000001 is none: there it says whose.
var phoneTopics = []*regexp.Regexp{
	regexp.MustCompile(`(?:获取|授权|绑定|拿不到|取不到)手机号码?[^\s\d,，;；:：=]*`),
	regexp.MustCompile(`手机号码?[^\s\d,，;；:：=]*(?:按钮|授权|获取|绑定|失败|不了|不到|不动|没反应|没有反应|不能|不可用|报错|出错)[^\s\d,，;；:：=]*`),
	regexp.MustCompile(`(?i)\b(?:the )?phone(?: number)? button\b(?: (?:does not work|doesn't work|does nothing|fails|failed|is broken))?`),
}

// takePhoneTopic reads off a text that it is about the phone number button, and gives the rest.
func (a *asked) takePhoneTopic(text string) string {
	for _, form := range phoneTopics {
		if at := form.FindStringIndex(text); at != nil {
			a.phone = true
			return strings.Trim(text[:at[0]]+" "+text[at[1]:], " \t,，;；。.")
		}
	}
	return text
}
