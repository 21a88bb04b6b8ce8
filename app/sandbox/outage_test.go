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

func TestAFaultMayBeMeantForOneAPI(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	w.order(t, sandbox.Fault{Kind: sandbox.FaultErrcode, API: sandbox.APICheckSession, Errcode: 50007, Calls: 1})
	w.order(t, sandbox.Fault{Kind: sandbox.FaultQuota, API: sandbox.APICode2Session, Calls: 1})
	if got := w.check(t, w.phone, key); got != wechat.ErrcodeAccountFrozen {
		t.Errorf("the check: %d", got)
	}
	w.wantErrcode(t, w.phone.Login(), wechat.ErrcodeMinuteQuota)
	if got := w.check(t, w.phone, key); got != 0 || len(w.Faults()) != 0 {
		t.Errorf("errcode %d, faults left %v", got, w.Faults())
	}
}

func TestAnyErrcodeCanBeOrdered(t *testing.T) {
	w := newWorld(t)
	w.order(t, sandbox.Fault{Kind: sandbox.FaultErrcode, Errcode: wechat.ErrcodeAddressNotAllowed, Calls: 1})
	_, err := w.client.Code2Session(t.Context(), w.phone.Login())
	if failure := wantFailure(t, err); failure.Address != "127.0.0.1" {
		t.Errorf("failure %v without our address", failure)
	}
	w.order(t, sandbox.Fault{Kind: sandbox.FaultErrcode, Errcode: 99999, Calls: 1})
	w.wantErrcode(t, w.phone.Login(), 99999)
}

// A token refused by WeChat is dropped by the client, so that the second call of each API succeeds.
func TestARefusedTokenIsHealedOnce(t *testing.T) {
	for _, errcode := range []int{wechat.ErrcodeTokenNotLatest, wechat.ErrcodeTokenInvalid, wechat.ErrcodeTokenExpired} {
		w := newWorld(t)
		key := w.login(t, w.phone).SessionKey
		w.order(t, sandbox.Fault{Kind: sandbox.FaultErrcode, API: sandbox.APICheckSession, Errcode: errcode, Calls: 1})
		if got := w.check(t, w.phone, key); got != 0 {
			t.Errorf("%d was not healed: %d", errcode, got)
		}
		w.order(t, sandbox.Fault{Kind: sandbox.FaultErrcode, API: sandbox.APICheckSession, Errcode: errcode, Calls: 2})
		if got := w.check(t, w.phone, key); got != errcode {
			t.Errorf("%d twice: %d", errcode, got)
		}
	}
}

func TestALostAnswerHasResetTheKey(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	w.order(t, sandbox.Fault{Kind: sandbox.FaultCut, API: sandbox.APIResetUserSessionKey, Calls: 1})
	if _, _, err := w.client.ResetUserSessionKey(t.Context(), w.phone.OpenID(), key); err == nil {
		t.Error("the answer arrived")
	}
	if w.phone.SessionKey() == key {
		t.Error("the key was not reset")
	}
}

// everyCall makes a call of each API that is played.
func (w *world) everyCall(ctx context.Context) map[sandbox.API]error {
	_, login := w.client.Code2Session(ctx, w.phone.Login())
	failed := map[sandbox.API]error{sandbox.APICode2Session: login}
	for api, path := range map[sandbox.API]string{
		sandbox.APIToken:               "/cgi-bin/token",
		sandbox.APICheckSession:        "/wxa/checksession",
		sandbox.APIResetUserSessionKey: "/wxa/resetusersessionkey",
	} {
		failed[api] = send(ctx, http.MethodGet, w.url+path)
	}
	failed[sandbox.APIStableToken] = send(ctx, http.MethodPost, w.url+"/cgi-bin/stable_token")
	return failed
}

func send(ctx context.Context, method, address string) error {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(`{"appid":""}`))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func TestCutOffEveryCallFails(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{sandbox.FaultRefuse, sandbox.FaultHang} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.order(t, sandbox.Fault{Kind: sandbox.FaultQuota, Calls: 1})
			if err := w.CutOff(kind); err != nil || w.Outage() != kind {
				t.Fatalf("outage %q, error %v", w.Outage(), err)
			}
			w.ClearFaults()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			for api, err := range w.everyCall(ctx) {
				if err == nil {
					t.Errorf("%s was answered", api)
				}
			}
			w.Reconnect()
			for api, err := range w.everyCall(t.Context()) {
				if err != nil {
					t.Errorf("%s after the outage: %v", api, err)
				}
			}
		})
	}
	if w := sandbox.New(sandbox.Options{}); w.CutOff(sandbox.FaultBusy) == nil || w.Outage() != "" {
		t.Error("busy is no outage")
	}
}

func TestAnOutageLeavesFaultsWaiting(t *testing.T) {
	w := newWorld(t)
	w.order(t, sandbox.Fault{Kind: sandbox.FaultQuota, Calls: 1})
	if err := w.CutOff(sandbox.FaultRefuse); err != nil {
		t.Fatal(err)
	}
	code := w.phone.Login()
	if _, err := w.client.Code2Session(t.Context(), code); err == nil {
		t.Error("answered while cut off")
	}
	w.Reconnect()
	w.wantErrcode(t, code, wechat.ErrcodeMinuteQuota)
	w.exchange(t, code)
}

func TestHungCallsGoOnAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.New(sandbox.Options{})
		if err := w.CutOff(sandbox.FaultHang); err != nil {
			t.Fatal(err)
		}
		request := loginRequest(w, w.AddPhone(sandbox.PhoneOptions{}))
		go func() {
			if response, aborted := serve(w, request); aborted || !strings.Contains(response.Body.String(), "openid") {
				t.Errorf("aborted %v, answered %q", aborted, response.Body)
			}
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		w.Reconnect()
	})
}

// net/http notices that a caller has gone only once the body is read: a hung POST would hold its server for a minute.
func TestAHungPostEndsWithItsCaller(t *testing.T) {
	w := sandbox.New(sandbox.Options{})
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		defer close(ended)
		w.ServeHTTP(response, request)
	}))
	t.Cleanup(server.Close)
	if err := w.CutOff(sandbox.FaultHang); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := send(ctx, http.MethodPost, server.URL+"/cgi-bin/stable_token"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the call is still held")
	}
}
