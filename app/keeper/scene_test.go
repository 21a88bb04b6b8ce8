package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

// scene is a user with a good key, in which one thing happens.
type scene struct {
	*house
	key   app.SessionKey
	login keeper.Login
}

func newScene(t *testing.T, change ...func(*keeper.Settings)) *scene {
	s := &scene{house: newHouse(t, change...), key: newKey(t)}
	s.login = s.house.login("oA", s.key)
	return s
}

// refused opens what cannot be opened.
func (s *scene) refused(sealed keeper.Sealed) {
	s.t.Helper()
	if _, err := s.open(s.login.Token, sealed); err == nil {
		s.t.Error("it opens")
	}
}

func (s *scene) opens(sealed keeper.Sealed) {
	s.t.Helper()
	if _, err := s.open(s.login.Token, sealed); err != nil {
		s.t.Error(err)
	}
}

// foreign is sealed under a key that is not held here.
func (s *scene) foreign() keeper.Sealed { return s.seal(newKey(s.t), profileOf("x")) }

// signed is a good payload whose rawData is signed with a key.
func (s *scene) signed(sealed keeper.Sealed, with app.SessionKey) keeper.Sealed {
	sealed.RawData, sealed.Signature = `{"nickName":"x"}`, wechat.SignRawData(with, `{"nickName":"x"}`)
	return sealed
}

// marked is a payload with a watermark of another appid or time.
func (s *scene) marked(of app.Appid, offset time.Duration) keeper.Sealed {
	return s.seal(s.key, payload{
		"nickName": "x", "watermark": payload{"appid": of, "timestamp": s.clock().Add(offset).Unix()},
	})
}

func (s *scene) call(token app.Token) {
	s.Session(context.Background(), s.caller(), keeper.ByToken(token.Reveal()))
}

// exchange logs in while WeChat answers this.
func (s *scene) exchange(answer string) {
	s.weChatSays(func(string) string { return answer })
	s.Login(context.Background(), s.caller(), "some-code")
}

func refusal(errcode int) string {
	return fmt.Sprintf(`{"errcode":%d,"errmsg":"refused rid: 6541-abc"}`, errcode)
}

// check has WeChat asked about the key while it answers this.
func (s *scene) check(answer string) {
	s.t.Helper()
	s.weChatSaysOfKeys(answer)
	if _, err := s.CheckNow(context.Background(), order, s.login.User); err != nil {
		s.t.Error(err)
	}
}

func (s *scene) resets(answer string) {
	s.t.Helper()
	s.lock.Lock()
	s.house.reset = func(string) string { return answer }
	s.lock.Unlock()
	if _, err := s.Reset(context.Background(), order, s.login.User); err != nil {
		s.t.Error(err)
	}
}

func (s *scene) pushed(event string, kinds ...int) {
	s.t.Helper()
	message := wechat.Message{Event: event, OpenID: "oA", CreatedAt: s.clock(), MsgID: "m1", RevokeInfo: kinds}
	if err := s.Pushed(context.Background(), s.caller(), message); err != nil {
		s.t.Error(err)
	}
}

// told waits until the user's newest event has the reason: it comes in the background.
func (s *scene) told(reason app.Reason) {
	s.t.Helper()
	s.eventually(string(reason), func() bool { return s.lastEvent("oA").Reason == reason })
}

// happened lists the reasons of all events there are now, with the notes that hold for the same events.
func (s *scene) happened() []app.Reason {
	s.t.Helper()
	events := s.strangers()
	for next := app.UserID(0); ; {
		users, err := s.store.Read().UsersAfter(context.Background(), next, 100)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(users) == 0 {
			break
		}
		for _, user := range users {
			own, err := s.store.Read().EventsOf(context.Background(), user.LastEvent, 1000)
			if err != nil {
				s.t.Fatal(err)
			}
			events = append(events, own...)
			next = user.ID
		}
	}
	var reasons []app.Reason
	for _, event := range events {
		reasons = append(append(reasons, event.Reason), event.Detail.Notes...)
	}
	return reasons
}

// sealedBadly is decrypted to something whose padding is wrong, under every key.
func (s *scene) sealedBadly() keeper.Sealed {
	for {
		sealed := s.foreign()
		_, err := s.open(s.login.Token, sealed)
		if err == nil {
			s.t.Error("it opens")
		}
		if slices.Contains(s.lastEvent("oA").Detail.Notes, app.OpenPadding) { // one in 255 looks well padded by chance
			return sealed
		}
	}
}

// storageFails makes the write of a login fail, and no other.
func storageFails(s *scene) {
	s.sql("CREATE TRIGGER fails BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'no room'); END")
	if _, err := s.tryLogin("oA", s.key); app.KindOf(err) != app.StorageUnavailable {
		s.t.Errorf("error is %v", err)
	}
}

func prefetch(s *scene) {
	fresh := newKey(s.t)
	s.weChatSays(func(string) string { return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, fresh.Reveal()) })
	if err := s.Prefetch(context.Background(), s.caller(), "some-code"); err != nil {
		s.t.Error(err)
	}
}

// loginAtOnce brings one code twice while WeChat is thinking about it.
func loginAtOnce(s *scene) {
	for duplicate := false; !duplicate; { // the second caller may be too late to wait with the first
		asked, release := make(chan struct{}, 2), make(chan struct{})
		s.weChatSays(func(string) string {
			asked <- struct{}{}
			<-release
			return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, s.key.Reveal())
		})
		ended := make(chan error, 2)
		try := func() {
			_, err := s.Login(context.Background(), s.caller(), "same-code")
			ended <- err
		}
		go try()
		<-asked
		go try()
		select {
		case <-asked:
		case <-time.After(50 * time.Millisecond):
		}
		close(release)
		if err := errors.Join(<-ended, <-ended); err != nil {
			s.t.Fatal(err)
		}
		events, err := s.store.Read().EventsOf(context.Background(), s.user("oA").LastEvent, 2)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, event := range events {
			duplicate = duplicate || event.Reason == app.LoginDuplicate
		}
	}
}

// loginLate lets a newer key overtake the answer to a login.
func loginLate(s *scene) {
	late, newer := newKey(s.t), newKey(s.t)
	s.weChatSays(func(code string) string {
		key := newer
		if code == "slow" {
			key = late
			if _, err := s.Login(context.Background(), s.caller(), "fast"); err != nil {
				s.t.Error(err)
			}
		}
		return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, key.Reveal())
	})
	if _, err := s.Login(context.Background(), s.caller(), "slow"); err != nil {
		s.t.Error(err)
	}
}

// road is the way to WeChat.
type road func(*http.Request) (*http.Response, error)

func (r road) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// answers gives a body with HTTP 200.
func answers(request *http.Request, body string) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: request,
	}, nil
}

// over gives a second keeper on the same data, with another way to WeChat.
func (h *house) over(way road, change func(*wechat.Options)) *keeper.Keeper {
	h.t.Helper()
	options := wechat.Options{BaseURL: "http://wechat.invalid", Appid: appid, Secret: "planted-app-secret", Transport: way}
	if change != nil {
		change(&options)
	}
	client, err := wechat.NewClient(options)
	if err != nil {
		h.t.Fatal(err)
	}
	same := h.Options
	same.WeChat = client
	k := keeper.New(same)
	h.t.Cleanup(k.Close)
	return k
}
