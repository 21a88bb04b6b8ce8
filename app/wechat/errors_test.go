package wechat_test

import (
	"errors"
	"strings"
	"testing"

	"wxkeeper/app/wechat"
)

func TestClassOfErrcode(t *testing.T) {
	for class, errcodes := range map[wechat.Class][]int{
		wechat.ClassCodeInvalid: {40029, 41008},
		wechat.ClassCodeUsed:    {40163},
		wechat.ClassBlocked:     {40226},
		wechat.ClassLimited:     {45011},
		wechat.ClassQuota:       {45009},
		wechat.ClassBusy:        {-1},
		wechat.ClassConfiguration: {40001, 40013, 40014, 40125, 40164, 40243, 41002, 41004, 42001, 48001, 50004, 50007,
			89501, 89503, 89506, 89507},
		wechat.ClassKeyDead: {87007, 87009},
		wechat.ClassOdd:     {1, 2, 40002, 40003, 40097, 43002, 44002, 47001, 87008, 99999},
	} {
		for _, errcode := range errcodes {
			failed := &wechat.Error{Problem: wechat.ProblemErrcode, Errcode: errcode}
			if got := failed.Class(); got != class {
				t.Errorf("%d: class %s, want %s", errcode, got, class)
			}
			if (wechat.Explain(errcode) == "WeChat error") != (errcode == 2 || errcode == 99999) {
				t.Errorf("%d is explained as %q", errcode, wechat.Explain(errcode))
			}
		}
	}
}

func TestClassOfProblem(t *testing.T) {
	for problem, want := range map[wechat.Problem]wechat.Class{
		wechat.ProblemTimeout:      wechat.ClassTimeout,
		wechat.ProblemCancelled:    wechat.ClassCancelled,
		wechat.ProblemDNS:          wechat.ClassUnreachable,
		wechat.ProblemRefused:      wechat.ClassUnreachable,
		wechat.ProblemTLS:          wechat.ClassUnreachable,
		wechat.ProblemReset:        wechat.ClassUnreachable,
		wechat.ProblemUnreachable:  wechat.ClassUnreachable,
		wechat.ProblemBreakerOpen:  wechat.ClassUnreachable,
		wechat.ProblemWaitingFull:  wechat.ClassWaitingFull,
		wechat.ProblemStatus:       wechat.ClassOdd,
		wechat.ProblemRedirect:     wechat.ClassOdd,
		wechat.ProblemNotHTTP:      wechat.ClassOdd,
		wechat.ProblemEmpty:        wechat.ClassOdd,
		wechat.ProblemTooLarge:     wechat.ClassOdd,
		wechat.ProblemNotJSON:      wechat.ClassOdd,
		wechat.ProblemMissingField: wechat.ClassOdd,
		wechat.ProblemBadField:     wechat.ClassOdd,
	} {
		if got := (&wechat.Error{Problem: problem}).Class(); got != want {
			t.Errorf("%s: class %s, want %s", problem, got, want)
		}
	}
}

func TestErrorTellsWhatItKnows(t *testing.T) {
	cause := errors.New("cause")
	for _, failed := range []*wechat.Error{
		{API: "a", Problem: wechat.ProblemErrcode, Errcode: 40029, Message: "m", Rid: "r"},
		{API: "a", Problem: wechat.ProblemStatus, Status: 502},
		{API: "a", Problem: wechat.ProblemBadField, Field: "openid"},
		{API: "a", Problem: wechat.ProblemReset, Cause: cause},
	} {
		t.Log(failed)
		for _, part := range []string{"wechat a: " + string(failed.Problem), failed.Message, failed.Rid, failed.Field} {
			if !strings.Contains(failed.Error(), part) {
				t.Errorf("%q lacks %q", failed.Error(), part)
			}
		}
		if failed.Cause != nil && !errors.Is(failed, cause) {
			t.Errorf("%q does not lead to its cause", failed)
		}
	}
}
