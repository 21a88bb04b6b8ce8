package keeper_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

const (
	phoneCode = "e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144"
	loginCode = "0e1Bsq000WbUSS1XL0100hXkZ84Bsq0D"
)

// phoneSays is what WeChat answers a code of the phone number button.
func (h *house) phoneSays(answer string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.phone = answer
}

func phoneAnswer(number string, at time.Time) string {
	return fmt.Sprintf(`{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"+852%s","purePhoneNumber":%q,"countryCode":"852",`+
		`"watermark":{"timestamp":%d,"appid":%q}}}`, number, number, at.Unix(), appid)
}

// tap sends the code of the phone number button, while WeChat answers this.
func (s *scene) tap(code, answer string) (app.Phone, error) {
	s.phoneSays(answer)
	return s.PhoneByCode(context.Background(), s.caller(), keeper.ByToken(s.login.Token.Reveal()), code)
}

func TestPhoneByCode(t *testing.T) {
	s := newScene(t)
	phone, err := s.tap(phoneCode, phoneAnswer("61234567", s.clock()))
	if want := (app.Phone{Number: "+85261234567", PureNumber: "61234567", CountryCode: "852"}); err != nil || phone != want {
		t.Fatalf("%+v, %v", phone, err)
	}
	stored := s.user("oA")
	if told, err := keeper.Phone(s.ring, stored); err != nil || told != phone || stored.Phone.Tail != "4567" {
		t.Errorf("stored %+v, %v", told, err)
	}
	if strings.Contains(string(stored.Phone.Sealed), "61234567") {
		t.Error("the number is stored in clear")
	}
	// What a slower request brings later, but was given before, does not come back.
	if _, err := s.tap(phoneCode, phoneAnswer("60000000", s.clock().Add(-time.Minute))); err != nil {
		t.Fatal(err)
	}
	if told, _ := keeper.Phone(s.ring, s.user("oA")); told != phone {
		t.Errorf("an older number replaced the stored one: %+v", told)
	}
}

// TestPhoneRefusals holds what the client is told of each of WeChat's refusals, and the operator.
func TestPhoneRefusals(t *testing.T) {
	s := newScene(t)
	for name, test := range map[string]struct {
		code, answer string
		kind         app.Kind
		reason       app.Reason
	}{
		"code":                  {phoneCode, refusal(40029), app.InvalidCode, app.PhoneCodeInvalid},
		"used code":             {phoneCode, refusal(40163), app.InvalidCode, app.PhoneCodeInvalid},
		"login code":            {loginCode, refusal(40029), app.InvalidCode, app.PhoneLoginCode},
		"mock login code":       {app.MockCode, refusal(40029), app.InvalidCode, app.PhoneLoginCode},
		"another app's code":    {phoneCode, refusal(40013), app.InvalidCode, app.PhoneCodeInvalid},
		"another user's code":   {phoneCode, refusal(40003), app.InvalidCode, app.PhoneOtherUser},
		"not granted":           {phoneCode, refusal(48001), app.Misconfigured, app.PhoneNotGranted},
		"address":               {phoneCode, refusal(40164), app.Misconfigured, app.PhoneConfig},
		"access token for good": {phoneCode, refusal(40001), app.Misconfigured, app.PhoneConfig},
		"minute's quota":        {phoneCode, refusal(45011), app.TooManyRequests, app.PhoneLimited},
		"day's quota":           {phoneCode, refusal(45009), app.WeChatUnavailable, app.PhoneLimited},
		"busy":                  {phoneCode, refusal(-1), app.WeChatUnavailable, app.PhoneNoAnswer},
		"a login code, and busy": {
			loginCode, refusal(-1), app.WeChatUnavailable, app.PhoneNoAnswer,
		},
		"a page":          {phoneCode, "<html>", app.WeChatUnavailable, app.PhoneNoAnswer},
		"no number":       {phoneCode, `{"errcode":0}`, app.WeChatUnavailable, app.PhoneNoAnswer},
		"not a code":      {"a b", "", app.Malformed, app.PhoneCodeInvalid},
		"any other fault": {phoneCode, refusal(61234), app.WeChatUnavailable, app.PhoneNoAnswer},
	} {
		phone, err := s.tap(test.code, test.answer)
		if app.KindOf(err) != test.kind || app.ReasonOf(err) != test.reason || phone != (app.Phone{}) {
			t.Errorf("%s: %v, %+v", name, err, phone)
		}
		if event := s.lastEvent("oA"); event.Reason != test.reason || test.answer == refusal(event.Errcode) && event.Rid != "6541-abc" {
			t.Errorf("%s: event %+v", name, event)
		}
	}
	if stored := s.user("oA"); len(stored.Phone.Sealed) != 0 {
		t.Error("a refused code left a phone number")
	}
}

func TestNobodyElseGetsAPhoneNumber(t *testing.T) {
	s := newScene(t)
	s.disable("oA")
	if _, err := s.tap(phoneCode, phoneAnswer("61234567", s.clock())); app.KindOf(err) != app.UserDisabled {
		t.Errorf("disabled: %v", err)
	}
	before := s.calls
	if _, err := s.PhoneByCode(t.Context(), s.caller(), keeper.ByToken(app.NewToken().Reveal()), phoneCode); app.KindOf(err) != app.InvalidToken {
		t.Errorf("stranger: %v", err)
	}
	if s.calls != before {
		t.Error("WeChat was asked for nobody")
	}
}

// A code is spent, and paid for, once WeChat has it: the number is kept although the client gave up waiting.
func TestPhoneNumberOfAClientThatLeft(t *testing.T) {
	s := newScene(t)
	s.phoneSays(phoneAnswer("61234567", s.clock()))
	ctx, leave := context.WithCancel(t.Context())
	s.onPhone = leave
	if _, err := s.PhoneByCode(ctx, s.caller(), keeper.ByToken(s.login.Token.Reveal()), phoneCode); err != nil {
		t.Error(err)
	}
	if len(s.user("oA").Phone.Sealed) == 0 {
		t.Error("the number is lost")
	}
}

func TestSealedPhoneNumberIsConfirmed(t *testing.T) {
	confirmed := func(s *keeper.Settings) { s.PhoneData = wechat.HashText }
	phone := payload{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"}
	for name, test := range map[string]struct {
		answer string
		kind   app.Kind // Internal: no failure
		reason app.Reason
		stored bool
	}{
		"made":      {`{"errcode":0,"vaild":true}`, app.Internal, app.OpenOK, true},
		"not made":  {refusal(1), app.SealedDataUnopened, app.PhoneForged, false},
		"no answer": {refusal(-1), app.WeChatUnavailable, app.PhoneNoAnswer, false},
		"refused":   {refusal(48001), app.Misconfigured, app.PhoneNotGranted, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, confirmed)
			s.phoneSays(test.answer)
			_, err := s.open(s.login.Token, s.seal(s.key, phone))
			if failed := err != nil; failed != (test.kind != app.Internal) || failed && app.KindOf(err) != test.kind {
				t.Error(err)
			}
			if event := s.lastEvent("oA"); event.Reason != test.reason {
				t.Errorf("event %+v", event)
			}
			if stored := len(s.user("oA").Phone.Sealed) > 0; stored != test.stored {
				t.Errorf("stored: %v", stored)
			}
			calls := s.calls
			s.opens(s.seal(s.key, profileOf("x"))) // nothing else is asked about
			if s.calls != calls {
				t.Error("WeChat was asked about a profile")
			}
		})
	}
}

// Run data and groups are their owner's: they are answered as WeChat made them and kept nowhere.
func TestRunDataAndGroupsStayReadable(t *testing.T) {
	s := newScene(t)
	for want, fields := range map[string]payload{
		`{"stepInfoList":[{"step":100,"timestamp":1445866601}]}`: {"stepInfoList": []payload{{"timestamp": 1445866601, "step": 100}}},
		`{"openGId":"tG1"}`: {"openGId": "tG1"},
		`{"opengid":"tG1"}`: {"opengid": "tG1"},
		`{"chat_type":2,"group_openid":"g1","open_single_roomid":"r1"}`: {
			"group_openid": "g1", "open_single_roomid": "r1", "chat_type": 2,
		},
	} {
		opened, err := s.open(s.login.Token, s.seal(s.key, fields))
		if err != nil || opened.IsProfile || string(opened.Object) != want {
			t.Errorf("%s, %v", opened.Object, err)
		}
		if event := s.lastEvent("oA"); !slices.Contains([]string{"run", "group"}, event.Detail.Kind) {
			t.Errorf("event %+v", event)
		}
	}
}
