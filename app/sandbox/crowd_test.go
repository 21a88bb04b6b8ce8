package sandbox_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app/sandbox"
)

// inProcess is a network without a network: time can be faked around it. A handler that panics breaks the connection.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(request *http.Request) (response *http.Response, err error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		if broken := recover(); broken != nil {
			err = broken.(error)
		}
	}()
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

// friendlyKeeper says yes to everything, and counts.
type friendlyKeeper struct {
	mu    sync.Mutex
	calls map[string]int
	total int
	busy  chan struct{} // closed at the hundredth call
}

func newFriendlyKeeper() *friendlyKeeper {
	return &friendlyKeeper{calls: map[string]int{}, busy: make(chan struct{})}
}

func (k *friendlyKeeper) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls[request.URL.Path]++
	if k.total++; k.total == 100 {
		close(k.busy)
	}
	io.WriteString(response, `{"status":0,"code":0,"msg":"ok","data":{"token":"t"}}`)
}

// In a synctest bubble an hour passes in no time, and a goroutine left behind fails the test.
func TestACrowdLivesAnHourAndLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper := newFriendlyKeeper()
		emulator := sandbox.New(sandbox.Options{Transport: inProcess{keeper}})
		if err := emulator.SetPrefetch("", sandbox.Prefetch{URL: "http://keeper.test/prefetch/"}); err != nil {
			t.Fatal(err)
		}
		phones := emulator.AddPeople()
		crowd := sandbox.NewCrowd(phones, "http://keeper.test", sandbox.CrowdOptions{
			Client: &http.Client{Transport: inProcess{keeper}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		crowd.Run(ctx)
		tally := crowd.Tally()
		if tally.Phones != len(phones) || len(tally.Failed) > 0 {
			t.Errorf("tally %+v", tally)
		}
		if perPhone := tally.Succeeded / len(phones); perPhone < 360 || perPhone > 1800 {
			t.Errorf("%d acts a phone in an hour; every 2 to 10 s is 360 to 1800", perPhone)
		}
		for _, path := range []string{"/login/", "/getinfo/", "/session/", "/logout/", "/prefetch/"} {
			if keeper.calls[path] == 0 {
				t.Errorf("nobody called %s", path)
			}
		}
		if others := len(emulator.Phones()) - len(phones); others < 1 || others > len(phones) {
			t.Errorf("%d people took another device, each of %d has one at most", others, len(phones))
		}
	})
}

func TestACrowdObeysRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		limited := http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
			calls++
			response.Header().Set("Retry-After", "60")
			response.WriteHeader(http.StatusTooManyRequests)
			io.WriteString(response, `{"status":6,"code":6,"msg":"m"}`)
		})
		phone := sandbox.New(sandbox.Options{}).AddPhone(sandbox.PhoneOptions{})
		crowd := sandbox.NewCrowd([]*sandbox.Phone{phone}, "http://keeper.test", sandbox.CrowdOptions{
			Client: &http.Client{Transport: inProcess{limited}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		crowd.Run(ctx)
		if calls != 10 || crowd.Tally().Failed["code 6"] != 10 {
			t.Errorf("%d calls in ten minutes, tally %v", calls, crowd.Tally())
		}
	})
}

func TestWhoeverLeavesWeChatLeavesTheCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone := sandbox.New(sandbox.Options{}).AddPhone(sandbox.PhoneOptions{})
		crowd := sandbox.NewCrowd([]*sandbox.Phone{phone}, "http://keeper.test", sandbox.CrowdOptions{
			Client: &http.Client{Transport: inProcess{newFriendlyKeeper()}},
		})
		if err := phone.CloseAccount(t.Context()); err != nil {
			t.Fatal(err)
		}
		crowd.Run(t.Context())
		if tally := crowd.Tally(); tally.Succeeded != 0 || len(tally.Failed) != 0 {
			t.Errorf("tally %v", tally)
		}
	})
}

func TestACrowdClosesItsConnections(t *testing.T) {
	keeper := newFriendlyKeeper()
	var open sync.WaitGroup
	server := httptest.NewUnstartedServer(keeper)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Done()
		}
	}
	server.Start()
	ctx, cancel := context.WithCancel(t.Context())
	crowd := sandbox.NewCrowd(sandbox.New(sandbox.Options{}).AddPeople(), server.URL, sandbox.CrowdOptions{
		MinPause: time.Millisecond,
		MaxPause: time.Millisecond,
	})
	stopped := make(chan struct{})
	go func() {
		crowd.Run(ctx)
		close(stopped)
	}()
	<-keeper.busy
	cancel()
	<-stopped
	open.Wait()
	server.Close()
}

func TestTallyInOneLine(t *testing.T) {
	tally := sandbox.Tally{Phones: 14, Succeeded: 52, Failed: map[string]int{"no answer": 1, "code 7": 2}}
	if got, want := tally.String(), "14 phones: 52 succeeded; failed with code 7: 2, no answer: 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (sandbox.Tally{Phones: 14}).String(); strings.Contains(got, "failed") {
		t.Errorf("got %q", got)
	}
}

func TestATallyNamesCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(io.ErrUnexpectedEOF) }}
		for _, text := range []string{`{"code":7}`, `<html>`} {
			answers = append(answers, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				io.WriteString(w, text)
			})
		}
		next := 0
		keeper := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next++
			answers[next%len(answers)](w, r)
		})
		phone := sandbox.New(sandbox.Options{}).AddPhone(sandbox.PhoneOptions{})
		crowd := sandbox.NewCrowd([]*sandbox.Phone{phone}, "http://keeper.test", sandbox.CrowdOptions{
			Client: &http.Client{Transport: inProcess{keeper}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		crowd.Run(ctx)
		if failed := crowd.Tally().Failed; failed["code 7"] == 0 || failed["HTTP 503"] == 0 || failed["no answer"] == 0 {
			t.Errorf("causes %v", failed)
		}
	})
}
