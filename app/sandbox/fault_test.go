package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

func (w *world) order(t *testing.T, fault sandbox.Fault) {
	t.Helper()
	if err := w.Fail(fault); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFaultReachesTheClientAsWhatItIs(t *testing.T) {
	for kind, want := range map[sandbox.FaultKind]wechat.Error{
		sandbox.FaultBusy:      {Problem: wechat.ProblemErrcode, Errcode: wechat.ErrcodeBusy},
		sandbox.FaultQuota:     {Problem: wechat.ProblemErrcode, Errcode: wechat.ErrcodeMinuteQuota},
		sandbox.Fault5xx:       {Problem: wechat.ProblemStatus, Status: http.StatusBadGateway},
		sandbox.FaultEmpty:     {Problem: wechat.ProblemEmpty},
		sandbox.FaultHTML:      {Problem: wechat.ProblemNotJSON},
		sandbox.FaultTruncated: {Problem: wechat.ProblemReset},
		sandbox.FaultCut:       {Problem: wechat.ProblemReset},
		sandbox.FaultRefuse:    {Problem: wechat.ProblemReset},
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.order(t, sandbox.Fault{Kind: kind})
			_, err := w.client.Code2Session(t.Context(), w.phone.Login())
			var failure *wechat.Error
			if !errors.As(err, &failure) {
				t.Fatalf("got %v", err)
			}
			if failure.Problem != want.Problem || failure.Errcode != want.Errcode || failure.Status != want.Status {
				t.Errorf("got %v, want problem %s", failure, want.Problem)
			}
			w.ClearFaults()
			w.login(t, w.phone)
		})
	}
}

func TestAFaultHitsAsManyCallsAsOrdered(t *testing.T) {
	w := newWorld(t)
	w.order(t, sandbox.Fault{Kind: sandbox.FaultQuota, Calls: 2})
	w.order(t, sandbox.Fault{Kind: sandbox.FaultEmpty, Calls: 1})
	code := w.phone.Login()
	w.wantErrcode(t, code, wechat.ErrcodeMinuteQuota)
	w.wantErrcode(t, code, wechat.ErrcodeMinuteQuota)
	if left := w.Faults(); len(left) != 1 || left[0].Kind != sandbox.FaultEmpty {
		t.Errorf("faults left: %v", left)
	}
	if _, err := w.client.Code2Session(t.Context(), code); err == nil {
		t.Error("the third call succeeded")
	}
	w.exchange(t, code)
	if w.Calls() != 4 {
		t.Errorf("%d calls counted, want 4", w.Calls())
	}
}

func TestBusyTwiceIsHealedByRetries(t *testing.T) {
	w := newWorld(t)
	w.order(t, sandbox.Fault{Kind: sandbox.FaultBusy, Calls: 2})
	if login := w.login(t, w.phone); login.Tries != 3 {
		t.Errorf("%d tries", login.Tries)
	}
}

func TestALostAnswerHasUsedItsCode(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{sandbox.FaultCut, sandbox.FaultTruncated} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.order(t, sandbox.Fault{Kind: kind, Calls: 1})
			code := w.phone.Login()
			if _, err := w.client.Code2Session(t.Context(), code); err == nil {
				t.Fatal("the answer arrived")
			}
			w.wantErrcode(t, code, wechat.ErrcodeCodeUsed)
		})
	}
}

func TestACutOnAReusedConnectionIsNotHealedByTheTransport(t *testing.T) {
	w := newWorld(t)
	w.login(t, w.phone)
	w.order(t, sandbox.Fault{Kind: sandbox.FaultCut, Calls: 1})
	if _, err := w.client.Code2Session(t.Context(), w.phone.Login()); err == nil {
		t.Error("the call was sent twice")
	}
}

func TestAHangLastsUntilTheCallerGivesUp(t *testing.T) {
	w := newWorld(t)
	w.order(t, sandbox.Fault{Kind: sandbox.FaultHang, Calls: 1})
	code := w.phone.Login()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := w.client.Code2Session(ctx, code); err == nil {
		t.Error("the call was answered")
	}
	w.exchange(t, code)
}

// serve calls the emulator without a network, so that time can be faked. It tells whether the connection was broken off.
func serve(w *sandbox.WeChat, request *http.Request) (response *httptest.ResponseRecorder, aborted bool) {
	defer func() { aborted = recover() == http.ErrAbortHandler }()
	response = httptest.NewRecorder()
	w.ServeHTTP(response, request)
	return response, false
}

func loginRequest(w *sandbox.WeChat, phone *sandbox.Phone) *http.Request {
	world := world{WeChat: w}
	return httptest.NewRequest(http.MethodGet, "/sns/jscode2session?"+world.goodQuery(phone.Login()).Encode(), nil)
}

func TestClearingLetsHeldCallsGoOn(t *testing.T) {
	for _, fault := range []sandbox.Fault{
		{Kind: sandbox.FaultHang},
		{Kind: sandbox.FaultLatency, Delay: sandbox.MaxDelay},
		{Kind: sandbox.FaultEmpty, Delay: sandbox.MaxDelay},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := sandbox.New(sandbox.Options{})
			if err := w.Fail(fault); err != nil {
				t.Fatal(err)
			}
			request := loginRequest(w, w.AddPhone(sandbox.PhoneOptions{}))
			began := time.Now()
			go func() {
				response, aborted := serve(w, request)
				if aborted || !strings.Contains(response.Body.String(), "openid") {
					t.Errorf("%s: aborted %v, answered %q", fault.Kind, aborted, response.Body)
				}
				if time.Since(began) != 0 {
					t.Errorf("%s: held for %v", fault.Kind, time.Since(began))
				}
			}()
			synctest.Wait()
			w.ClearFaults()
		})
	}
}

func TestLatencyDelaysTheUsualAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.New(sandbox.Options{})
		if err := w.Fail(sandbox.Fault{Kind: sandbox.FaultLatency, Delay: 3 * time.Second}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		response, _ := serve(w, loginRequest(w, w.AddPhone(sandbox.PhoneOptions{})))
		if took := time.Since(began); took != 3*time.Second || !strings.Contains(response.Body.String(), "openid") {
			t.Errorf("after %v: %s", took, response.Body)
		}
	})
}

func TestAHangIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.New(sandbox.Options{})
		if err := w.Fail(sandbox.Fault{Kind: sandbox.FaultHang}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, aborted := serve(w, loginRequest(w, w.AddPhone(sandbox.PhoneOptions{})))
		if took := time.Since(began); took != sandbox.MaxDelay || !aborted {
			t.Errorf("held for %v, aborted %v", took, aborted)
		}
	})
}

func TestFaultsAreBounded(t *testing.T) {
	w := sandbox.New(sandbox.Options{})
	for name, fault := range map[string]sandbox.Fault{
		"unknown kind":       {Kind: "flood"},
		"no kind":            {},
		"negative calls":     {Kind: sandbox.FaultBusy, Calls: -1},
		"too many calls":     {Kind: sandbox.FaultBusy, Calls: 1_000_001},
		"negative delay":     {Kind: sandbox.FaultBusy, Delay: -1},
		"too long a delay":   {Kind: sandbox.FaultBusy, Delay: sandbox.MaxDelay + 1},
		"latency of nothing": {Kind: sandbox.FaultLatency},
		"unknown API":        {Kind: sandbox.FaultBusy, API: "getpluginopenpid"},
		"no errcode":         {Kind: sandbox.FaultErrcode},
		"errcode too many":   {Kind: sandbox.FaultBusy, Errcode: 1},
	} {
		if w.Fail(fault) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for range 100 {
		if err := w.Fail(sandbox.Fault{Kind: sandbox.FaultBusy, Calls: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if w.Fail(sandbox.Fault{Kind: sandbox.FaultBusy, Calls: 1}) == nil {
		t.Error("faults queue without end")
	}
}
