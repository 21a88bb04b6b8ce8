package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"wxkeeper/app"
)

// TestPrefetchKeepsTheKey: the key that a pre-fetched code brought opens, and nobody got a token.
func TestPrefetchKeepsTheKey(t *testing.T) {
	h := newHouse(t)
	token := h.login(t, "alice")
	query := url.Values{
		"appid": {ourAppid}, "code": {h.value(t, "newkey", "alice")}, "timestamp": {strconv.FormatInt(noon.Unix(), 10)},
		"path": {"pages/index/index"}, "query": {"a=1&code=2"}, "scene": {"1001"},
	}
	got := ask(t, h.Server, request{method: "GET", path: "/prefetch/?" + query.Encode()})
	if got.HTTP != http.StatusOK || got.Body != `{"status":0,"code":0,"msg":"ok","data":{}}`+"\n" {
		t.Fatalf("HTTP %d %s", got.HTTP, got.Body)
	}
	if got := ask(t, h.Server, h.call(t, "/getinfo/", "json", "body", token)); got.HTTP != http.StatusOK {
		t.Errorf("HTTP %d %s", got.HTTP, got.Body)
	}
	var data sessionReply
	ask(t, h.Server, h.call(t, "/session/", "json", "body", token)).data(t, &data)
	want := keyStatusReply{State: app.KeyConfirmed}
	if data.KeyStatus != want || data.Next != app.NextOK {
		t.Errorf("%+v", data)
	}
}

// TestPrefetchOfOddQuery: WeChat does not say how it escapes a mini program's own query, and the code must not be lost for it.
func TestPrefetchOfOddQuery(t *testing.T) {
	h := newHouse(t)
	odd := "/prefetch?code=" + h.value(t, "code", "alice") + "&path=pages/index&query=a=1;b=%zz&code=5&scene=1001"
	if got := ask(t, h.Server, request{method: "GET", path: odd}); got.HTTP != http.StatusOK {
		t.Errorf("HTTP %d %s", got.HTTP, got.Body)
	}
	other := "/prefetch?appid=wxfedcba9876543210&code=" + h.value(t, "code", "alice")
	wantFailure(t, ask(t, h.Server, request{method: "GET", path: other}), app.Malformed)
	ours := strings.Replace(other, "wxfedcba9876543210", ourAppid, 1) // the code has not been spent
	if got := ask(t, h.Server, request{method: "GET", path: ours}); got.HTTP != http.StatusOK {
		t.Errorf("HTTP %d %s", got.HTTP, got.Body)
	}
}

// TestRefusedPrefetchIsNoted: with the code a key may be lost, which an operator has to see.
func TestRefusedPrefetchIsNoted(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.APIRate = 1 })
	bad := request{method: "GET", path: "/prefetch/"}
	wantFailure(t, ask(t, h.Server, bad), app.MissingParameter)
	wantFailure(t, ask(t, h.Server, bad), app.TooManyRequests)
	h.keeper.Close()
	events, err := h.store.Read().StrangerEvents(t.Context(), 10)
	if err != nil || len(events) != 1 || events[0].Reason != app.LoginLimited {
		t.Errorf("events are %+v, %v", events, err)
	}
}
