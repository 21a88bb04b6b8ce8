package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"wxkeeper/app/sandbox"
)

const sessionCall = "POST /session/"

func TestEnsureFreshLogsInOnlyWhenToldTo(t *testing.T) {
	for name, test := range map[string]struct {
		next   string
		refuse int
		want   []string
	}{
		"ok":           {next: "ok", want: []string{loginCall, sessionCall}},
		"login first":  {next: "login_first", want: []string{loginCall, sessionCall, loginCall}},
		"token is bad": {refuse: 2, want: []string{loginCall, sessionCall, loginCall}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			keeper, visitor := newStubKeeper(t, w)
			keeper.next = test.next
			for range 2 { // the first time there is no token
				keeper.refuse["/session/"] = []int{test.refuse}
				if err := visitor.EnsureFresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			keeper.wantCalls(t, test.want...)
		})
	}
}

// EnsureFresh heals what wx.checkSession does not see, and is not misled by what only wx.checkSession sees.
func TestEnsureFreshDoesNotAskThePhone(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	keeper.next = "ok"
	launch(t, visitor)
	w.phone.ExpireKey()
	if err := visitor.EnsureFresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	keeper.wantCalls(t, loginCall, sessionCall)
}

func TestEnsureFreshTellsWhatFailed(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	keeper.refuse["/session/"] = []int{7}
	wantRefused(t, visitor.EnsureFresh(t.Context()), 7)
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		io.WriteString(response, `{"code":0,"data":{"token":"t","next":1}}`)
	}))
	defer server.Close()
	visitor = sandbox.NewMiniProgram(w.phone, server.URL, server.Client())
	launch(t, visitor)
	if visitor.EnsureFresh(t.Context()) == nil {
		t.Error("an answer of another shape was taken")
	}
}

func TestDataCollectedBeforeTheLogin(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	old := w.phone.SessionKey()
	w.phone.ReplaceKeyAtLogin()
	if _, err := visitor.CollectThenLogin(t.Context(), sandbox.SealedPhone); err != nil {
		t.Fatal(err)
	}
	if w.phone.SessionKey() == old {
		t.Error("the login should have replaced the key")
	}
	keeper.wantCalls(t, loginCall, loginCall, getInfoCall) // the stub still has the old key

	keeper.refuse["/getinfo/"] = []int{3}
	if _, err := visitor.CollectThenLogin(t.Context(), sandbox.SealedPhone); err != nil {
		t.Error(err)
	}
	if last := keeper.calls[3:]; !slices.Equal(last, []string{loginCall, getInfoCall, loginCall, getInfoCall}) {
		t.Errorf("calls %v", last)
	}
	keeper.refuse["/login/"] = []int{7}
	_, err := visitor.CollectThenLogin(t.Context(), sandbox.SealedPhone)
	wantRefused(t, err, 7)
}

func TestAColdStartKeepsTheTokenAndBringsData(t *testing.T) {
	w := newWorld(t)
	keeper, visitor := newStubKeeper(t, w)
	launch(t, visitor)
	setPrefetch(t, w, sandbox.Prefetch{URL: newDeveloper(t, says("fetched")).url, NewKey: true})
	if err := visitor.ColdStart(t.Context(), sandbox.Entry{}); err != nil || visitor.Fetched() != "fetched" {
		t.Errorf("fetched %q, error %v", visitor.Fetched(), err)
	}
	data, err := visitor.User1(t.Context()) // under a key that only whoever took the pre-fetch's code could have
	wantNickname(t, data, err, w.phone.Person().Nickname)
	keeper.wantCalls(t, loginCall, getInfoCall, loginCall, getInfoCall)
}
