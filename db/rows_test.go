package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestUserRoundTrip(t *testing.T) {
	store, one := open(t)
	before := addUser(t, store, newUser(one, "oSYNTH", 123456789))
	after := before
	after.UnionID = "u1"
	after.Profile = app.Profile{
		Nickname: "小明🎉👨‍👩‍👧‍👦🇨🇳👍🏽\x00'\"<b>", AvatarURL: "https://thirdwx.qlogo.cn/0", Gender: 2,
		Language: "zh_CN", City: "广州", Province: "广东", Country: "中国",
	}
	after.ProfileAt = start.Add(time.Second).Local()
	after.Phone = app.SealedPhone{Sealed: []byte{1, 2}, Hash: []byte{3}, Tail: "0000"}
	after.PhoneAt = start.Add(2 * time.Second).Local()
	after.LastSeenAt = start.Add(time.Hour).Local()
	after.LastEvent = 77
	after.Opened = app.RecentPayloads("12345678")
	write(t, store, func(tx *db.Tx) error { return updateUser(tx, before, after) })
	got, err := store.Read().UserByOpenID(t.Context(), one.ID, "oSYNTH")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, got); diff != "" {
		t.Errorf("-stored +read\n%s", diff)
	}
}

func TestOpenidsAreComparedByteByByte(t *testing.T) {
	store, one := open(t)
	for i, openid := range []string{"0070", "70", "oABC", "oabc", "oabc "} {
		addUser(t, store, newUser(one, openid, app.UserNumber(i+1)))
	}
	for i, openid := range []string{"0070", "70", "oABC", "oabc", "oabc "} {
		got, err := store.Read().UserByOpenID(t.Context(), one.ID, app.OpenID(openid))
		if err != nil || got.Number != app.UserNumber(i+1) {
			t.Errorf("%q is user %d, %v", openid, got.Number, err)
		}
	}
	err := store.Write(t.Context(), inserting(newUser(one, "0070", 9)))
	if app.KindOf(err) != app.AlreadyExists {
		t.Errorf("second user of one openid: %v", err)
	}
	err = store.Write(t.Context(), inserting(newUser(one, "other", 1)))
	if app.KindOf(err) != app.AlreadyExists {
		t.Errorf("second user of one number: %v", err)
	}
}

func TestNicknameIndexFollowsTheNickname(t *testing.T) {
	store, one := open(t)
	user := addUser(t, store, newUser(one, "oSYNTH", 1))
	for _, nickname := range []string{"小明", "小明明", "ＡＢｃ 小红", "王", "", "🎉👨‍👩‍👧", "aaaa"} {
		before := user
		user.Profile.Nickname = nickname
		write(t, store, func(tx *db.Tx) error { return updateUser(tx, before, user) })
		if indexed, err := store.Read().NicknameIndexed(t.Context(), user); err != nil || !indexed {
			t.Errorf("%q is not indexed: %v", nickname, err)
		}
	}
	rows, err := db.Column[int](store, "SELECT COUNT(*) FROM nickname_grams")
	if err != nil || rows != 2 { // of aaaa: a and aa
		t.Errorf("%d index rows left, %v", rows, err)
	}
	for nickname, gram := range map[string]string{"ＡＢｃ": "abc"[0:2], "小 明": "小 ", "李\u200d四": "李四"} {
		before := user
		user.Profile.Nickname = nickname
		write(t, store, func(tx *db.Tx) error { return updateUser(tx, before, user) })
		n, err := db.Column[int](store, "SELECT COUNT(*) FROM nickname_grams WHERE gram = ? AND user_id = ?", gram, user.ID)
		if err != nil || n != 1 {
			t.Errorf("%q is not found by %q: %v", nickname, gram, err)
		}
	}
}

func TestEventsOfUserAreAChain(t *testing.T) {
	store, one := open(t)
	user := addUser(t, store, newUser(one, "oSYNTH", 1))
	want := app.Event{
		AppID: one.ID, UserID: user.ID, RequestID: "2345ABCD", Reason: app.OpenOKPrevious,
		Fingerprint: app.Fingerprint{1, 2, 3, 4, 5, 6, 7, 8}, Errcode: -1, Rid: "6123-abc",
		Detail: app.Detail{Notes: []app.Reason{app.OpenReplayed}, Key: 1, Kind: "profile", SealedAt: start},
		Client: app.Client{Appid: "wx1", Version: "12", Platform: app.PlatformIOS, Model: "iPhone", WeChatVersion: "8.0.50", Address: "192.0.2.1"},
	}
	for i := range 120 {
		write(t, store, func(tx *db.Tx) error {
			event := want
			event.Previous = user.LastEvent
			event.Errcode = i
			before := user
			user.LastEvent = tx.AddEvent(start.Add(time.Duration(i)*time.Second), event)
			return updateUser(tx, before, user)
		})
	}
	events, err := store.Read().EventsOf(t.Context(), user.LastEvent, 50)
	if err != nil || len(events) != 50 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	rest, err := store.Read().EventsOf(t.Context(), events[49].Previous, 500)
	if err != nil || len(rest) != 70 || rest[69].Errcode != 0 {
		t.Fatalf("%d further events, %v", len(rest), err)
	}
	got := events[0]
	want.ID, want.Previous, want.Errcode = got.ID, events[1].ID, 119
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-written +read\n%s", diff)
	}
	if got.At().Unix() != start.Add(119*time.Second).Unix() {
		t.Errorf("event is dated %v", got.At())
	}

	write(t, store, func(tx *db.Tx) error {
		deleted, err := tx.DeleteEventsBefore(start.Add(100*time.Second), 60)
		if deleted != 60 {
			t.Errorf("deleted %d in one step", deleted)
		}
		return err
	})
	write(t, store, func(tx *db.Tx) error {
		_, err := tx.DeleteEventsBefore(start.Add(100*time.Second), 60)
		return err
	})
	left, err := store.Read().EventsOf(t.Context(), user.LastEvent, 500)
	if err != nil || len(left) != 20 {
		t.Errorf("%d events left after the old ones went, %v; want 20", len(left), err)
	}
}

func TestStrangersEventsAreARing(t *testing.T) {
	store, one := open(t)
	const more = 150
	for done := 0; done < db.StrangerEventsKept+more; done += 5000 {
		write(t, store, func(tx *db.Tx) error {
			for i := range min(5000, db.StrangerEventsKept+more-done) {
				tx.AddEvent(start, app.Event{AppID: one.ID, Reason: app.LoginCodeInvalid, Errcode: done + i})
			}
			return nil
		})
	}
	events, err := store.Read().StrangerEvents(t.Context(), 2*db.StrangerEventsKept)
	if err != nil || len(events) != db.StrangerEventsKept {
		t.Fatalf("%d events kept, %v", len(events), err)
	}
	if oldest := events[len(events)-1].Errcode; oldest != more {
		t.Errorf("the oldest kept is number %d, want %d", oldest, more)
	}
	n, err := store.Read().Counted(t.Context(), one.ID, string(app.LoginCodeInvalid), start, start)
	if err != nil || n != db.StrangerEventsKept+more {
		t.Errorf("counted %d, %v", n, err)
	}
}

func TestEventsAreFoundByTheirSupportCode(t *testing.T) {
	store, one := open(t)
	at := start.Add(300 * time.Millisecond)
	user, stranger := app.NewRequestID(at), app.NewRequestID(at)
	write(t, store, func(tx *db.Tx) error {
		tx.AddEvent(at.Add(5*time.Second), app.Event{AppID: one.ID, UserID: 1, RequestID: user, Reason: app.OpenOK})
		tx.AddEvent(at, app.Event{AppID: one.ID, RequestID: stranger, Reason: app.LoginCodeUsed})
		return nil
	})
	for request, reason := range map[app.RequestID]app.Reason{user: app.OpenOK, stranger: app.LoginCodeUsed} {
		for _, later := range []time.Duration{0, time.Minute, 29 * 24 * time.Hour, 90 * 24 * time.Hour} {
			now := at.Add(later + 6*time.Second)
			events, err := store.Read().EventsOfRequest(t.Context(), request, now, at.Add(-time.Hour))
			if err != nil || len(events) != 1 || events[0].Reason != reason {
				t.Errorf("%s after %v: %v, %v", request, later, events, err)
			}
		}
	}
	if events, err := store.Read().EventsOfRequest(t.Context(), "23456789", at, at.Add(-time.Hour)); err != nil || len(events) > 0 {
		t.Errorf("unknown support code: %v, %v", events, err)
	}
}

func TestTheOldestSessionEnds(t *testing.T) {
	store, one := open(t)
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, start)
	if err != nil {
		t.Fatal(err)
	}
	user := addUser(t, store, newUser(one, "oSYNTH", 1))
	var tokens []app.TokenHash
	for i := range app.SessionsKept + 5 {
		at := start.Add(time.Duration(i) * time.Minute)
		token := app.NewToken().Hash()
		tokens = append(tokens, token)
		write(t, store, func(tx *db.Tx) error {
			ended, err := tx.InsertSession(one.ID, app.Session{ID: app.SessionID(tx.NewID(at)), UserID: user.ID, SeenAt: at}, token)
			if ended != (i >= app.SessionsKept) {
				t.Errorf("session %d ended another: %v", i, ended)
			}
			return err
		})
	}
	for i, token := range tokens {
		_, _, err := store.Read().SessionByToken(t.Context(), one.ID, token)
		if ended := app.KindOf(err) == app.NotFound; ended != (i < 5) {
			t.Errorf("session %d: %v", i, err)
		}
	}
	if _, _, err := store.Read().SessionByToken(t.Context(), one.ID+1, tokens[24]); app.KindOf(err) != app.NotFound {
		t.Errorf("another app's session: %v", err)
	}
	sessions, err := store.Read().SessionsOfUser(t.Context(), user.ID)
	if err != nil || len(sessions) != app.SessionsKept || !sessions[0].SeenAt.Equal(start.Add(24*time.Minute)) {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	wantSessions := func(what string, want int64) {
		t.Helper()
		if n, err := store.Read().SessionCount(t.Context(), one.ID); err != nil || n != want {
			t.Errorf("%s: %d sessions are counted, %v", what, n, err)
		}
	}
	wantSessions("the oldest ended", app.SessionsKept)
	write(t, store, func(tx *db.Tx) error { return tx.EndSession(one.ID, sessions[0]) })
	wantSessions("one ended", app.SessionsKept-1)
	write(t, store, func(tx *db.Tx) error { return tx.EraseUser(ring, user, start) })
	wantSessions("the user is erased", 0)
}

func TestKeysBeyondTheThirdAreDestroyed(t *testing.T) {
	store, one := open(t)
	user := addUser(t, store, newUser(one, "oSYNTH", 1))
	for i := range 14 {
		at := start.Add(time.Duration(i) * time.Minute)
		write(t, store, func(tx *db.Tx) error {
			known, err := tx.KeysOfUser(t.Context(), user.ID)
			if err != nil {
				return err
			}
			if len(known) > 0 {
				if _, err := tx.SupersedeKey(one.ID, known[0], at); err != nil {
					return err
				}
			}
			key := app.KeyRecord{ID: app.KeyID(tx.NewID(at)), UserID: user.ID, AskedAt: at, Sealed: []byte{byte(i)}}
			if err := tx.InsertKey(one.ID, key); err != nil {
				return err
			}
			_, err = tx.AgeKeys(append([]app.KeyRecord{key}, known...))
			return err
		})
	}
	keys, err := store.Read().KeysOfUser(t.Context(), user.ID)
	if err != nil || len(keys) != 10 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for i, key := range keys {
		if key.Current() != (i == 0) || (len(key.Sealed) > 0) != (i < app.KeysKept) {
			t.Errorf("key %d: superseded %v, %d bytes", i, key.SupersededAt, len(key.Sealed))
		}
	}
}

func TestKeyDatesChangeOnlyFromWhatWasRead(t *testing.T) {
	store, one := open(t)
	key := app.KeyRecord{ID: 5, UserID: 6, AskedAt: start, Sealed: []byte{1}}
	write(t, store, func(tx *db.Tx) error { return tx.InsertKey(one.ID, key) })
	confirmed := key
	confirmed.Confirm(start.Add(time.Minute), app.ConfirmedByOpening)
	failed := key
	failed.Fail(start.Add(time.Second))
	for i, after := range []app.KeyRecord{confirmed, failed} {
		write(t, store, func(tx *db.Tx) error {
			changed, err := tx.UpdateKey(one.ID, key, after)
			if changed != (i == 0) {
				t.Errorf("update %d changed %v", i, changed)
			}
			return err
		})
	}
}

func TestLeaseHasOneHolder(t *testing.T) {
	store, _ := open(t)
	take := func(holder int64, at time.Time) (lease db.Lease, err error) {
		err = store.Write(t.Context(), func(tx *db.Tx) (err error) {
			lease, err = tx.TakeLease("sweep", holder, at, time.Minute)
			return err
		})
		return lease, err
	}
	first, err := take(1, start)
	if err != nil || first.Fence != 1 {
		t.Fatalf("%v, %v", first, err)
	}
	if _, err := take(2, start.Add(59*time.Second)); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("taken twice: %v", err)
	}
	if again, err := take(1, start.Add(30*time.Second)); err != nil || again.Fence != 1 {
		t.Errorf("renewed: %v, %v", again, err)
	}
	second, err := take(2, start.Add(91*time.Second))
	if err != nil || second.Fence != 2 {
		t.Errorf("after its end: %v, %v", second, err)
	}
	write(t, store, func(tx *db.Tx) error { return tx.GiveLeaseBack(second) })
	if third, err := take(3, start.Add(92*time.Second)); err != nil || third.Fence != 3 {
		t.Errorf("after it was given back: %v, %v", third, err)
	}
}

func TestUsersAfterWalksAll(t *testing.T) {
	store, one := open(t)
	for i := range 25 {
		addUser(t, store, newUser(one, fmt.Sprint("openid-", i), app.UserNumber(i+1)))
	}
	var last app.UserID
	walked := map[app.UserID]bool{}
	for {
		users, err := store.Read().UsersAfter(t.Context(), last, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(users) == 0 {
			break
		}
		for _, user := range users {
			walked[user.ID] = true
			last = user.ID
		}
	}
	if len(walked) != 25 {
		t.Errorf("walked over %d users", len(walked))
	}
}

// updateUser fails where the user is not as before.
func updateUser(tx *db.Tx, before, after app.User) error {
	updated, err := tx.UpdateUser(before, after)
	if err == nil && !updated {
		err = app.Fail(app.NotFound, "")
	}
	return err
}

// TestCallingAppOfAnEvent: one's own mini program is stored as an empty text, and neither lists nor filters show that.
func TestCallingAppOfAnEvent(t *testing.T) {
	store, one := open(t)
	callers := []app.Appid{"", one.Appid, "wxfedcba9876543210"}
	write(t, store, func(tx *db.Tx) error {
		for _, caller := range callers {
			tx.AddEvent(start, app.Event{AppID: one.ID, UserID: 1, Reason: app.OpenOK, Client: app.Client{Appid: caller}})
		}
		return nil
	})
	for i, caller := range callers {
		listing := db.EventListing{AppID: one.ID, Filter: app.EventFilter{Appid: caller}, Limit: 10}
		page, err := store.Read().ListEvents(t.Context(), listing)
		want := 1
		if caller == "" {
			want = len(callers) // no filter at all
		}
		if err != nil || len(page.Events) != want || page.Events[want-1-min(i, want-1)].Client.Appid != caller {
			t.Errorf("events of %q: %v, %v", caller, page.Events, err)
		}
	}
	stored, err := db.Column[int](store, `SELECT COUNT(*) FROM events WHERE client_appid = ''`)
	if err != nil || stored != 1 {
		t.Errorf("%d empty texts, %v", stored, err)
	}
}
