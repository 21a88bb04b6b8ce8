package keeper_test

import (
	"context"
	"sync"
	"testing"

	"wxkeeper/app"
	"wxkeeper/db"
)

// TestCallsAtOnceOfOneUser: each call reads the user before its turn to write comes. What others have written meanwhile is kept, and
// every call finds its place in the chain of events.
func TestCallsAtOnceOfOneUser(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	const openings, logins = 30, 10
	hold, held := make(chan bool), make(chan bool)
	var all sync.WaitGroup
	all.Go(func() { // so that they gather
		if err := h.store.Write(context.Background(), func(*db.Tx) error { close(held); <-hold; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	for range openings {
		sealed := h.seal(key, payload{"nickName": "李雷", "gender": 1})
		all.Go(func() {
			if _, err := h.open(login.Token, sealed); err != nil {
				t.Error(err)
			}
		})
	}
	for range logins {
		all.Go(func() {
			if _, err := h.Login(context.Background(), h.caller(), "code-"+app.NewToken().Reveal()); err != nil {
				t.Error(err)
			}
		})
	}
	close(hold)
	all.Wait()
	events, err := h.store.Read().EventsOf(context.Background(), h.user("oA").LastEvent, 100)
	if err != nil || len(events) != 1+openings+logins {
		t.Errorf("%d events, %v", len(events), err)
	}
	if n, err := h.store.Read().SessionsOfUser(context.Background(), h.user("oA").ID); err != nil || len(n) != 1+logins {
		t.Errorf("%d sessions, %v", len(n), err)
	}
	if keys := h.keys("oA"); len(keys) != 1 {
		t.Errorf("%d keys", len(keys))
	}
}
