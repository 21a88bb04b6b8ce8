package diagnosis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/diagnosis"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

func TestAUserIsFoundByWhateverIsKnown(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oABCDEFGHIJKLMNOPQRSTUVWXYZ_")
	p.opens(named("小明"))
	p.opens(map[string]any{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"})
	number := p.number.String()
	for text, by := range map[string]diagnosis.By{
		number:                           diagnosis.ByUserNumber,
		number[:3] + " " + number[3:]:    diagnosis.ByUserNumber,
		"用户编号：" + number:                 diagnosis.ByUserNumber,
		"oABCDEFGHIJKLMNOPQRSTUVWXYZ_":   diagnosis.ByOpenID,
		"u-oABCDEFGHIJKLMNOPQRSTUVWXYZ_": diagnosis.ByUnionID,
		"0001":                           diagnosis.ByPhoneTail,
		"13800000001":                    diagnosis.ByPhone,
		"+86 138-0000-0001":              diagnosis.ByPhone,
		"小明":                             diagnosis.ByNickname,
		"明":                              diagnosis.ByNickname,
		string(p.last):                   diagnosis.BySupportCode,
		strings.ToLower(string(p.last)):  diagnosis.BySupportCode,
		"反馈码 " + string(p.last[:4]) + "-" + string(p.last[4:]): diagnosis.BySupportCode,
		number + " 15:50-16:00":      diagnosis.ByUserNumber,
		"今天 15:50 到 16:00，" + number: diagnosis.ByUserNumber,
	} {
		answer := d.expect(text, diagnosis.FineNow, diagnosis.CheckNow)
		if answer.Asked.By != by || answer.User == nil || answer.User.Number != p.number {
			t.Errorf("%q was taken for %s, user %+v", text, answer.Asked.By, answer.User)
		}
		if by == diagnosis.ByPhone && strings.Contains(fmt.Sprint(answer.Asked), "138") { // other questions may hold these digits
			t.Errorf("%q: the phone number is in what was asked: %+v", text, answer.Asked)
		}
		if answer.Key.State != app.KeyConfirmed {
			t.Errorf("the key is %+v", answer.Key)
		}
	}
	for _, text := range []string{"123456789", "13900000002", "0002", "oNobodyNobodyNobodyNobody", "大红", "'; DROP TABLE users; --"} {
		if answer := d.expect(text, diagnosis.UnknownUser, diagnosis.NoAction); answer.User != nil {
			t.Errorf("%q is %+v", text, answer.User)
		}
	}
}

func TestAViewerFindsNobodyByAFullPhoneNumber(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("o1")
	p.opens(map[string]any{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"})
	for text, want := range map[string]diagnosis.By{"13800000001": diagnosis.ByPhoneTail, "13900000001": diagnosis.ByPhoneTail} {
		answer := d.ask(diagnosis.Question{Text: text, Role: app.RoleViewer})
		if answer.Asked.By != want || answer.User == nil {
			t.Errorf("%s is told apart from others with its last digits: by %s, user %v", text, answer.Asked.By, answer.User)
		}
	}
}

func TestSeveralUsersAreOffered(t *testing.T) {
	d := newDesk(t)
	for i := range 22 {
		p := d.newPhone(fmt.Sprint("o", i))
		d.pass(time.Second)
		p.opens(named("小明"))
		if i < 2 {
			p.opens(map[string]any{"phoneNumber": "x", "purePhoneNumber": fmt.Sprint("138000", i, "0001"), "countryCode": "86"})
		}
	}
	answer := d.expect("0001", diagnosis.Candidates, diagnosis.NoAction)
	if len(answer.Candidates) != 2 || answer.More || answer.Asked.By != diagnosis.ByPhoneTail || answer.Candidates[0].OpenID != "o1" {
		t.Errorf("%d candidates, more: %v, taken for %s", len(answer.Candidates), answer.More, answer.Asked.By)
	}
	answer = d.expect("13800010001", diagnosis.FineNow, diagnosis.CheckNow)
	if answer.User.OpenID != "o1" {
		t.Errorf("it is %s", answer.User.OpenID)
	}
	answer = d.expect("小明", diagnosis.Candidates, diagnosis.NoAction)
	if len(answer.Candidates) != 20 || !answer.More || answer.Candidates[0].OpenID != "o21" {
		t.Errorf("%d candidates, more: %v", len(answer.Candidates), answer.More)
	}
}

func TestSupportCodes(t *testing.T) {
	for name, test := range map[string]struct {
		answer, code string
		finding      diagnosis.Finding
		action       diagnosis.Action
		reason       app.Reason
	}{
		"invalid":    {refusal(40029), "code", diagnosis.ClientMistake, diagnosis.NoAction, app.LoginCodeInvalid},
		"used":       {refusal(40163), "code", diagnosis.ClientMistake, diagnosis.CopyForDevelopers, app.LoginCodeUsed},
		"mock":       {"", app.MockCode, diagnosis.ClientMistake, diagnosis.CopyForDevelopers, app.LoginCodeMock},
		"malformed":  {"", "a&b", diagnosis.ClientMistake, diagnosis.CopyForDevelopers, app.LoginCodeMalformed},
		"blocked":    {refusal(40226), "code", diagnosis.BlockedByWeChat, diagnosis.NoAction, app.LoginBlocked},
		"too often":  {refusal(45011), "code", diagnosis.Limited, diagnosis.CopyForDevelopers, app.LoginLimitedWeChat},
		"our secret": {refusal(40125), "code", diagnosis.OurConfiguration, diagnosis.OpenConfiguration, app.LoginConfig},
		"nonsense":   {"<html>", "code", diagnosis.WeChatFailing, diagnosis.NoAction, app.LoginWeChatOdd},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			code := d.failsToLogIn(test.answer, test.code)
			d.pass(time.Hour)
			answer := d.expect(string(code), test.finding, test.action)
			if answer.Reason != test.reason || answer.User != nil || !answer.Healed.IsZero() {
				t.Errorf("because of %s, user %v, healed %v", answer.Reason, answer.User, answer.Healed)
			}
			if len(answer.Evidence) != 1 || answer.Evidence[0].RequestID != code {
				t.Errorf("evidence is %+v", answer.Evidence)
			}
			if test.answer != "" && test.answer != "<html>" && answer.Rid != ridAt(start) {
				t.Errorf("rid is %q", answer.Rid)
			}
		})
	}
}

func TestASupportCodeOfWhatHasHealed(t *testing.T) {
	d := newDesk(t)
	d.budget = 600
	p := d.newPhone("oA")
	d.weChatSays("", keyDead)
	p.fails(p.foreign())
	code := p.last
	p.told(app.OpenKeyDead)
	d.pass(time.Hour)
	answer := d.expect(string(code), diagnosis.KeyDead, diagnosis.ForceRelogin)
	if answer.Reason != app.OpenKeyDead || len(answer.Evidence) != 2 || answer.Target.User != p.number || answer.Errcode != 87009 {
		t.Errorf("answer is %+v", answer)
	}
	p.logsIn()
	p.opens(named("小明"))
	answer = d.expect(string(code), diagnosis.KeyReplaced, diagnosis.NoAction)
	if answer.Healed.Unix() != d.clock().Unix() || answer.Reason != app.OpenKeyDead {
		t.Errorf("%s healed %v", answer.Reason, answer.Healed)
	}
	if answer = d.expect(p.number.String(), diagnosis.FineNow, diagnosis.CheckNow); answer.Reason != app.OpenKeyDead {
		t.Errorf("what had failed is %s", answer.Reason)
	}
}

func TestASupportCodeThatNobodyExplainedAndThatHasHealed(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	p.fails(p.foreign())
	code := p.last
	d.pass(time.Minute)
	p.opens(named("小明"))
	answer := d.expect(string(code), diagnosis.FineNow, diagnosis.NoAction)
	if answer.Reason != app.OpenNoKeyFits || answer.Healed.IsZero() {
		t.Errorf("%s healed %v", answer.Reason, answer.Healed)
	}
}

func TestASupportCodeWithoutEvents(t *testing.T) {
	d := newDesk(t)
	code := app.NewRequestID(start.Add(-time.Hour))
	answer := d.expect(string(code), diagnosis.UnknownSupportCode, diagnosis.NoAction)
	if !answer.Since.Equal(start.Add(-time.Hour)) || answer.KeptFor != 30*24*time.Hour {
		t.Errorf("given at %v, kept for %v", answer.Since, answer.KeptFor)
	}
	d.expect(string(app.NewRequestID(start.Add(-40*24*time.Hour))), diagnosis.UnknownSupportCode, diagnosis.NoAction)
}

func TestASupportCodeOfAnErasedUser(t *testing.T) {
	d := newDesk(t)
	code := app.NewRequestID(start)
	err := d.store.Write(t.Context(), func(tx *db.Tx) error {
		tx.AddEvent(start, app.Event{AppID: 1, UserID: 7, RequestID: code, Reason: app.OpenKeyDead})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	answer := d.expect(string(code), diagnosis.KeyDead, diagnosis.NoAction)
	if answer.User != nil || len(answer.Evidence) != 1 {
		t.Errorf("answer is %+v", answer)
	}
}

func TestRids(t *testing.T) {
	d := newDesk(t)
	code := d.failsToLogIn(refusal(40163), "code")
	d.pass(10 * 24 * time.Hour)
	for _, text := range []string{
		ridAt(start), "rid: " + ridAt(start), strings.ToUpper(ridAt(start)),
		`{"errcode":40163,"errmsg":"code been used, rid: ` + ridAt(start) + `"}`,
	} {
		answer := d.expect(text, diagnosis.ClientMistake, diagnosis.CopyForDevelopers)
		if answer.Asked.By != diagnosis.ByRid || answer.Evidence[0].RequestID != code {
			t.Errorf("%q: %+v", text, answer)
		}
	}
	answer := d.expect(ridAt(start.Add(time.Second)), diagnosis.UnknownRid, diagnosis.NoAction)
	if !answer.Since.Equal(start.Add(time.Second)) || !answer.Looked.IsZero() {
		t.Errorf("made at %v, looked back to %v", answer.Since, answer.Looked)
	}
	answer = d.expect(ridAt(start.Add(-60*24*time.Hour)), diagnosis.PastKeeping, diagnosis.NoAction)
	if answer.KeptFor != 30*24*time.Hour {
		t.Errorf("kept for %v", answer.KeptFor)
	}

	d.failsToLogIn(`{"errcode":40029,"errmsg":"invalid code, hints: [ req_id: JjI2s9.x ]"}`, "code")
	d.expect("req_id: JjI2s9.x", diagnosis.ClientMistake, diagnosis.NoAction)
	d.expect("rid: unheard-of", diagnosis.UnknownRid, diagnosis.NoAction)
}

func TestAWave(t *testing.T) {
	d := newDesk(t)
	d.pass(-time.Hour)
	var phones []*phone
	for i := range 6 {
		d.client.Version = "143"
		if i == 0 {
			d.client.Version = "142"
		}
		p := d.newPhone(fmt.Sprint("o", i))
		d.pass(time.Minute)
		p.fails(signed(p.foreign(), p.key))
		phones = append(phones, p)
	}
	answer := d.expect(phones[0].number.String(), diagnosis.Wave, diagnosis.ShowAll)
	if answer.Users != 6 || answer.Version != "143" || answer.Share < 0.8 || answer.Share > 0.9 ||
		answer.Reason != app.OpenDataDamaged || answer.Since.Unix() != start.Add(-59*time.Minute).Unix() ||
		answer.Target.Reason != app.OpenDataDamaged || answer.User.Number != phones[0].number {
		t.Errorf("the wave is %+v", answer)
	}
	if answer = d.expect("14:30-16:00", diagnosis.Wave, diagnosis.ShowAll); answer.Users != 6 {
		t.Errorf("the wave is %+v", answer)
	}
	d.expect(string(phones[3].last), diagnosis.Wave, diagnosis.ShowAll)
	phones[2].opens(named("小明"))
	d.expect(phones[2].number.String(), diagnosis.FineNow, diagnosis.CheckNow)
}

func TestWhatIsUsualIsNoWave(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("o0")
	for range 24 { // every hour of two days
		for range 8 {
			p.fails(signed(p.foreign(), p.key))
		}
		d.pass(2 * time.Hour)
	}
	for i := range 6 {
		p = d.newPhone(fmt.Sprint("o", i))
		p.fails(signed(p.foreign(), p.key))
	}
	d.expect(p.number.String(), diagnosis.DataDamaged, diagnosis.CopyForDevelopers)
}

func TestOneUserIsNoWave(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	for range 20 {
		p.fails(signed(p.foreign(), p.key))
	}
	d.expect(p.number.String(), diagnosis.DataDamaged, diagnosis.CopyForDevelopers)
}

func TestATimeWithoutAUser(t *testing.T) {
	d := newDesk(t)
	d.expect("15:00-16:00", diagnosis.NothingArrived, diagnosis.NoAction)

	d.pass(-30 * time.Minute) // 15:30
	p := d.newPhone("oA")
	answer := d.expect("15:00-16:00", diagnosis.NoFailures, diagnosis.NoAction)
	if answer.Since.Unix() != d.clock().Unix() || len(answer.Evidence) != 1 {
		t.Errorf("answer is %+v", answer)
	}

	d.client = clientAt("198.51.100.7", "143")
	d.failsToLogIn(refusal(40163), "code")
	code := d.failsToLogIn(refusal(40163), "code")
	answer = d.expect("15:00-16:00", diagnosis.ClientMistake, diagnosis.CopyForDevelopers)
	if answer.Failures != 2 || answer.Asked.By != diagnosis.ByTime || answer.Evidence[0].RequestID != code {
		t.Errorf("answer is %+v", answer)
	}

	d.pass(10 * time.Minute) // 15:40
	d.client = clientAt("192.0.2.1", "142")
	p.fails(signed(p.foreign(), p.key))
	answer = d.expect("15:00-16:00", diagnosis.Failures, diagnosis.ShowAll)
	if answer.Users != 2 || answer.Failures != 3 || answer.Target.Window.From.IsZero() {
		t.Errorf("answer is %+v", answer)
	}
	for text, finding := range map[string]diagnosis.Finding{
		"15:00-15:35":              diagnosis.ClientMistake,
		"15:35-16:00":              diagnosis.DataDamaged,
		"15:00-16:00 v=143":        diagnosis.ClientMistake,
		"15:00-16:00 192.0.2.1":    diagnosis.DataDamaged,
		"198.51.100.7":             diagnosis.ClientMistake,
		"v=142":                    diagnosis.DataDamaged,
		"v=141":                    diagnosis.NothingArrived,
		"v=142 15:25-15:35":        diagnosis.NoFailures,
		"昨天":                       diagnosis.NothingArrived,
		"2026-09-01 14:00 - 15:00": diagnosis.PastKeeping,
	} {
		if answer := d.askText(text); answer.Finding != finding {
			t.Errorf("%q: %s, want %s: %+v", text, answer.Finding, finding, answer)
		}
	}
	answer = d.ask(diagnosis.Question{From: d.clock().Add(-time.Hour), Version: "142", Address: "192.0.2.1"})
	if answer.Finding != diagnosis.DataDamaged || answer.User == nil || answer.User.Number != p.number {
		t.Errorf("answer is %+v", answer)
	}
}

func TestAUserAndATime(t *testing.T) {
	d := newDesk(t)
	d.pass(-3 * time.Hour) // 13:00
	p := d.newPhone("oA")
	d.pass(time.Hour) // 14:00
	p.fails(signed(p.foreign(), p.key))
	d.pass(2 * time.Hour) // 16:00
	for text, finding := range map[string]diagnosis.Finding{
		"":                diagnosis.DataDamaged,
		"13:30-14:30":     diagnosis.DataDamaged,
		"13:00":           diagnosis.FineNow,
		"15:00-16:00":     diagnosis.NothingArrived,
		"15:30":           diagnosis.NothingArrived,
		"昨天":              diagnosis.NothingArrived,
		"2026-09-01":      diagnosis.PastKeeping,
		"2026-09-01 - 现在": diagnosis.DataDamaged,
	} {
		if answer := d.askText(p.number.String() + " " + text); answer.Finding != finding {
			t.Errorf("%q: %s, want %s: %+v", text, answer.Finding, finding, answer)
		}
	}
}

// A token that is checked leaves no event: "nothing arrived" is said only of a time in which not even that can have happened.
func TestNothingArrivedIsHonest(t *testing.T) {
	d := newDesk(t)
	d.pass(-4 * time.Hour) // 12:00
	p := d.newPhone("oA")
	check := func() {
		t.Helper()
		if _, err := d.keeper().Session(context.Background(), d.caller(), keeper.ByToken(p.token.Reveal())); err != nil {
			t.Fatal(err)
		}
	}
	d.pass(2 * time.Hour) // 14:00
	check()
	d.pass(2 * time.Hour) // 16:00
	number := p.number.String() + " "
	if answer := d.expect(number+"13:50-14:10", diagnosis.OnlyChecked, diagnosis.CopyForDevelopers); answer.Since.IsZero() {
		t.Error("it does not say when")
	}
	d.expect(number+"14:01-14:09", diagnosis.OnlyChecked, diagnosis.CopyForDevelopers) // a second check would not be noted
	answer := d.expect(number+"14:05-14:30", diagnosis.NothingArrived, diagnosis.ShowSameVersion)
	if answer.Window.From.Unix() != start.Add(-110*time.Minute).Unix() { // 14:10
		t.Errorf("nothing arrived since %v", answer.Window.From)
	}
	answer = d.expect(number+"15:00-16:00", diagnosis.NothingArrived, diagnosis.ShowSameVersion)
	if answer.Since.Unix() != start.Add(-2*time.Hour).Unix() || answer.Target.Version != "142" {
		t.Errorf("last trace at %v, version %q", answer.Since, answer.Target.Version)
	}
	check() // 16:00
	if answer = d.expect(number+"14:30-15:30", diagnosis.OnlyChecked, diagnosis.CopyForDevelopers); !answer.Since.IsZero() {
		t.Errorf("seen at %v", answer.Since) // the later time has taken the place of any in between
	}
	d.expect(number+"昨天", diagnosis.NothingArrived, diagnosis.ShowSameVersion)
}

func TestFailedLoginsThatAreDropped(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	d.pass(time.Hour)
	d.failsToLogIn(refusal(40029), "code") // whose it was, nobody will know
	d.pass(24 * time.Hour)
	d.flood(app.LoginCodeInvalid)
	answer := d.expect(p.number.String()+" 2026-11-22 16:50-17:30", diagnosis.NothingArrived, diagnosis.ShowSameVersion)
	if answer.Looked.Unix() != d.clock().Unix() {
		t.Errorf("it claims to have looked at everything since %v", answer.Looked)
	}
}

// flood fills what is kept of strangers.
func (d *desk) flood(reason app.Reason) {
	d.t.Helper()
	err := d.store.Write(context.Background(), func(tx *db.Tx) error {
		for i := range db.StrangerEventsKept {
			tx.AddEvent(d.clock(), app.Event{AppID: 1, Reason: reason, Client: clientAt(fmt.Sprint("10.0.", i/250, ".", i%250), "1")})
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestAnOutageIsToldAfterItsEventsAreDropped(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	d.pass(2 * time.Hour)
	for i := range 5 {
		d.failsToLogIn(refusal(40125), fmt.Sprint("code-", i))
	}
	d.pass(24 * time.Hour)
	d.flood(app.LoginCodeInvalid)
	answer := d.expect(p.number.String()+" 2026-11-22 18:00-18:30", diagnosis.OurConfiguration, diagnosis.OpenConfiguration)
	if answer.Failures != 5 || len(answer.Evidence) != 0 {
		t.Errorf("answer is %+v", answer)
	}
}

func TestAnOutage(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	d.pass(time.Hour) // 17:00
	for i := range 12 {
		d.failsToLogIn("<html>", fmt.Sprint("code-", i))
		d.pass(10 * time.Minute)
	}
	// 19:00
	answer := d.expect(p.number.String(), diagnosis.WeChatFailing, diagnosis.NoAction)
	if answer.Since.Unix() != start.Add(time.Hour).Unix() || answer.Failures < 3 || !answer.Healed.IsZero() {
		t.Errorf("since %v, %d failures, healed %v", answer.Since, answer.Failures, answer.Healed)
	}
	d.pass(20 * time.Minute) // 19:20
	p.logsIn()
	d.pass(time.Hour) // 20:20
	answer = d.expect("18:00-19:00", diagnosis.WeChatFailing, diagnosis.NoAction)
	if answer.Healed.Unix() != start.Add(200*time.Minute).Unix() {
		t.Errorf("healed at %v", answer.Healed)
	}
	d.expect(p.number.String(), diagnosis.FineNow, diagnosis.CheckNow)
	d.expect("19:15-20:00", diagnosis.NoFailures, diagnosis.NoAction)
}

func TestWeChatOutOfReach(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	d.pass(time.Minute)
	d.settle()
	d.weChat.Close()
	for i := range 3 {
		d.failsToLogIn("", fmt.Sprint("code-", i))
	}
	answer := d.expect(p.number.String(), diagnosis.WeChatUnreachable, diagnosis.OpenSystem)
	if answer.Reason != app.LoginWeChatUnreachable || answer.Evidence[0].Detail.Problem == "" {
		t.Errorf("answer is %+v", answer)
	}
}

func TestWhoDidIt(t *testing.T) {
	d := newDesk(t)
	p, q := d.newPhone("oA"), d.newPhone("oB")
	d.pass(time.Minute)
	if err := d.keeper().Disable(t.Context(), order, p.number); err != nil {
		t.Fatal(err)
	}
	if _, err := d.keeper().ForceRelogin(t.Context(), order, q.number); err != nil {
		t.Fatal(err)
	}
	code := func() app.RequestID { d.pass(time.Minute); p.fails(p.foreign()); return p.last }()
	d.pass(time.Hour)
	answer := d.expect(p.number.String(), diagnosis.UserDisabled, diagnosis.EnableUser)
	if answer.Operator != order.Operator || answer.OperatorReason != order.Reason || answer.Since.Unix() != start.Add(time.Minute).Unix() {
		t.Errorf("disabled by %q because of %q at %v", answer.Operator, answer.OperatorReason, answer.Since)
	}
	answer = d.expect(q.number.String(), diagnosis.SignedOut, diagnosis.CopyForDevelopers)
	if answer.Operator != order.Operator || answer.OperatorReason != order.Reason {
		t.Errorf("forced by %q because of %q", answer.Operator, answer.OperatorReason)
	}
	if err := d.keeper().Enable(t.Context(), order, p.number); err != nil {
		t.Fatal(err)
	}
	answer = d.expect(string(code), diagnosis.UserDisabled, diagnosis.NoAction) // then, not now
	if answer.Reason != app.LoginDisabled || answer.Healed.Unix() != d.clock().Unix() {
		t.Errorf("because of %s, enabled at %v", answer.Reason, answer.Healed)
	}
}

func TestStorageFails(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	d.pass(time.Minute)
	err := d.store.Write(t.Context(), func(tx *db.Tx) error { // as the keeper records it
		tx.AddEvent(d.clock(), app.Event{AppID: 1, RequestID: "ABCD2345", Reason: app.LoginStorage})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d.expect(p.number.String(), diagnosis.StorageFailing, diagnosis.OpenSystem)
}

func TestTooManyEvents(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	user, err := d.store.Read().UserByNumber(t.Context(), 1, p.number)
	if err != nil {
		t.Fatal(err)
	}
	d.pass(48 * time.Hour)
	err = d.store.Write(t.Context(), func(tx *db.Tx) error {
		last := user.LastEvent
		for range 1100 {
			last = tx.AddEvent(d.clock(), app.Event{AppID: 1, UserID: user.ID, Previous: last, Reason: app.OpenOK, RequestID: "ABCD2345"})
		}
		after := user
		after.LastEvent = last
		updated, err := tx.UpdateUser(user, after)
		if err == nil && !updated {
			t.Error("the user has changed")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.expect(p.number.String()+" 2026-11-22 16:00", diagnosis.TooManyEvents, diagnosis.NoAction)
	d.expect(p.number.String(), diagnosis.FineNow, diagnosis.CheckNow)
}

func TestOneAppSeesNothingOfAnother(t *testing.T) {
	d := newDesk(t)
	p := d.newPhone("oA")
	p.fails(signed(p.foreign(), p.key))
	refused := d.failsToLogIn(refusal(40163), "code")
	d.Troubleshooter = diagnosis.New(diagnosis.Options{
		App: d.app("wxffffffffffffffff"), Store: d.store, Ring: d.ring, Clock: d.clock, EventsKeep: 30 * 24 * time.Hour,
	})
	for text, finding := range map[string]diagnosis.Finding{
		p.number.String(): diagnosis.UnknownUser,
		"oA":              diagnosis.UnknownUser,
		string(p.last):    diagnosis.UnknownSupportCode,
		string(refused):   diagnosis.UnknownSupportCode,
		ridAt(start):      diagnosis.UnknownRid,
		"今天":              diagnosis.NothingArrived,
	} {
		d.expect(text, finding, diagnosis.NoAction)
	}
}

func TestFactsTellDevelopersEnoughAndNoMore(t *testing.T) {
	d := newDesk(t)
	d.budget = 600
	p := d.newPhone("oABCDEFGHIJKLMNOPQRSTUVWXYZ_")
	p.opens(map[string]any{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"})
	p.opens(named("小明"))
	d.pass(time.Minute)
	p.fails(p.foreign())
	p.told(app.OpenOtherKey)
	answer := d.expect(p.number.String(), diagnosis.CollectedBeforeLogin, diagnosis.CopyForDevelopers)
	told := map[diagnosis.FactName]string{}
	all := ""
	for _, fact := range answer.Facts() {
		if (fact.Text == "") == fact.At.IsZero() {
			t.Errorf("%s is both or neither: %+v", fact.Name, fact)
		}
		told[fact.Name] = fact.Text
		all += fact.Text + " "
	}
	for name, want := range map[diagnosis.FactName]string{
		diagnosis.FactUser: p.number.String(), diagnosis.FactSupportCode: string(p.last), diagnosis.FactVersion: "142",
		diagnosis.FactPlatform: "android", diagnosis.FactModel: "M2012K11AC", diagnosis.FactWeChatVersion: "8.0.50",
	} {
		if told[name] != want {
			t.Errorf("%s is %q, want %q", name, told[name], want)
		}
	}
	for _, name := range []diagnosis.FactName{diagnosis.FactAt, diagnosis.FactFingerprint, diagnosis.FactKeyObtained, diagnosis.FactReason} {
		if _, there := told[name]; !there {
			t.Errorf("%s is missing", name)
		}
	}
	for _, secret := range []string{p.openid, "13800000001", "138****0001", "小明", "192.0.2.1", p.key.Reveal(), p.token.Reveal()} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is among the facts: %s", secret, all)
		}
	}
	wave := diagnosis.Diagnosis{Users: 7, Failures: 12}
	if facts := wave.Facts(); len(facts) != 2 || facts[0].Text != "7" || facts[1].Text != "12" {
		t.Errorf("facts of many are %+v", facts)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	d := newDesk(t)
	for _, question := range []diagnosis.Question{{}, {Text: "小明 2027-01-01", Zone: china}, {Address: "x"}} {
		_, err := d.Diagnose(t.Context(), question)
		if kind := app.KindOf(err); kind != app.MissingParameter && kind != app.Malformed {
			t.Errorf("%+v: %v", question, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Diagnose(ended, diagnosis.Question{Text: "小明"}); err == nil {
		t.Error("an answer after the end of its context")
	}
}
