package db_test

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// addOperatorSession stores a session that began at a time; its cookie's hash is one byte, again and again.
func addOperatorSession(t *testing.T, store *db.DB, of app.Operator, at time.Time, hash byte) app.OperatorSession {
	t.Helper()
	session := app.NewOperatorSession(of.ID, at.Local(), "192.0.2.1", "Firefox")
	write(t, store, func(tx *db.Tx) error {
		session.ID = app.OperatorSessionID(tx.NewID(at))
		return tx.InsertOperatorSession(session, cookieHash(hash))
	})
	return session
}

func cookieHash(b byte) (hash app.CookieHash) {
	copy(hash[:], bytes.Repeat([]byte{b}, len(hash)))
	return hash
}

func TestOperatorSessionRoundTrip(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	alice, bob := addOperator(t, store, "alice", app.RoleViewer), addOperator(t, store, "bob", app.RoleAdmin)
	want := addOperatorSession(t, store, alice, start, 1)
	addOperatorSession(t, store, bob, start, 2)
	session, operator, err := store.Read().OperatorSessionByHash(ctx, cookieHash(1))
	if err != nil || session != want || operator != alice {
		t.Errorf("read %+v of %+v, %v", session, operator, err)
	}
	if _, _, err := store.Read().OperatorSessionByHash(ctx, cookieHash(3)); app.KindOf(err) != app.NotFound {
		t.Errorf("an unknown cookie: %v", err)
	}
	if values, err := store.Read().OperatorSessionValues(ctx, want.ID); err != nil || len(values) != 0 {
		t.Errorf("values of a new session: %q, %v", values, err)
	}
	write(t, store, func(tx *db.Tx) error { return tx.SetOperatorSessionValues(want.ID, []byte("sealed")) })
	write(t, store, func(tx *db.Tx) error { return tx.SlideOperatorSession(want.ID, start.Add(time.Minute)) })
	want.SeenAt = start.Add(time.Minute).Local()
	sessions, err := store.Read().SessionsOfOperator(ctx, alice.ID)
	if err != nil || len(sessions) != 1 || sessions[0] != want {
		t.Errorf("listed %+v, %v", sessions, err)
	}
	if values, err := store.Read().OperatorSessionValues(ctx, want.ID); err != nil || string(values) != "sealed" {
		t.Errorf("values %q, %v", values, err)
	}
	twice := func(tx *db.Tx) error {
		return tx.InsertOperatorSession(app.OperatorSession{ID: 1, OperatorID: bob.ID}, cookieHash(1))
	}
	if err := store.Write(ctx, twice); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("two sessions of one cookie: %v", err)
	}
}

func TestEndedOperatorSessionsStayEnded(t *testing.T) {
	store, _ := open(t)
	alice, bob := addOperator(t, store, "alice", app.RoleViewer), addOperator(t, store, "bob", app.RoleAdmin)
	session := addOperatorSession(t, store, alice, start, 1)
	end := func(tx *db.Tx) error { return tx.EndOperatorSession(alice.ID, session.ID) }
	for what, work := range map[string]func(*db.Tx) error{
		"by another operator": func(tx *db.Tx) error { return tx.EndOperatorSession(bob.ID, session.ID) },
	} {
		if err := store.Write(t.Context(), work); app.KindOf(err) != app.NotFound {
			t.Errorf("ended %s: %v", what, err)
		}
	}
	write(t, store, end)
	for what, work := range map[string]func(*db.Tx) error{
		"ended twice": end,
		"slid":        func(tx *db.Tx) error { return tx.SlideOperatorSession(session.ID, start) },
		"given values": func(tx *db.Tx) error {
			return tx.SetOperatorSessionValues(session.ID, []byte("x"))
		},
	} {
		if err := store.Write(t.Context(), work); app.KindOf(err) != app.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := store.Read().OperatorSessionValues(t.Context(), session.ID); app.KindOf(err) != app.NotFound {
		t.Errorf("values are left: %v", err)
	}
}

func TestOperatorSessionsEndTogether(t *testing.T) {
	store, _ := open(t)
	alice, bob := addOperator(t, store, "alice", app.RoleViewer), addOperator(t, store, "bob", app.RoleAdmin)
	others := addOperatorSession(t, store, bob, start, 1)
	var ids []app.OperatorSessionID
	for i := range app.OperatorSessionsKept + 3 {
		ids = append(ids, addOperatorSession(t, store, alice, start.Add(time.Duration(i)*time.Second), byte(10+i)).ID)
	}
	kept := func(of app.Operator) (ids []app.OperatorSessionID) {
		t.Helper()
		sessions, err := store.Read().SessionsOfOperator(t.Context(), of.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range sessions {
			ids = append(ids, one.ID)
		}
		return ids
	}
	if got := kept(alice); len(got) != app.OperatorSessionsKept || got[0] != ids[len(ids)-1] || got[len(got)-1] != ids[3] {
		t.Errorf("kept %d of %d", len(got), len(ids))
	}
	write(t, store, func(tx *db.Tx) error { return tx.EndOperatorSessionByHash(cookieHash(12)) }) // the oldest went before
	write(t, store, func(tx *db.Tx) error { return tx.EndOperatorSessionByHash(cookieHash(13)) })
	if got := len(kept(alice)); got != app.OperatorSessionsKept-1 {
		t.Errorf("kept %d", got)
	}
	write(t, store, func(tx *db.Tx) error {
		ended, err := tx.EndOperatorSessions(alice.ID, ids[10])
		if ended != app.OperatorSessionsKept-2 {
			t.Errorf("ended %d", ended)
		}
		return err
	})
	if got := kept(alice); len(got) != 1 || got[0] != ids[10] {
		t.Errorf("kept %v", got)
	}
	if got := kept(bob); len(got) != 1 || got[0] != others.ID {
		t.Errorf("kept %v of somebody else", got)
	}
}

func TestOperatorSessionsOver(t *testing.T) {
	store, _ := open(t)
	alice := addOperator(t, store, "alice", app.RoleViewer)
	old := addOperatorSession(t, store, alice, start, 1)
	idle := addOperatorSession(t, store, alice, start.Add(time.Hour), 2)
	good := addOperatorSession(t, store, alice, start.Add(time.Hour), 3)
	write(t, store, func(tx *db.Tx) error {
		if err := tx.SlideOperatorSession(old.ID, start.Add(2*time.Hour)); err != nil {
			return err
		}
		return tx.SlideOperatorSession(good.ID, start.Add(2*time.Hour))
	})
	write(t, store, func(tx *db.Tx) error {
		deleted, err := tx.DeleteOperatorSessionsOver(start.Add(2*time.Hour), start.Add(time.Hour))
		if deleted != 2 {
			t.Errorf("deleted %d", deleted)
		}
		return err
	})
	for hash, id := range map[byte]app.OperatorSessionID{1: old.ID, 2: idle.ID, 3: good.ID} {
		_, _, err := store.Read().OperatorSessionByHash(t.Context(), cookieHash(hash))
		if (err == nil) != (id == good.ID) {
			t.Errorf("session %d: %v", hash, err)
		}
	}
}

func TestOperatorSessionCounts(t *testing.T) {
	store, _ := open(t)
	alice, bob := addOperator(t, store, "alice", app.RoleViewer), addOperator(t, store, "bob", app.RoleAdmin)
	addOperator(t, store, "carol", app.RoleAdmin)
	addOperatorSession(t, store, alice, start, 1)
	long := addOperatorSession(t, store, alice, start, 2)
	addOperatorSession(t, store, alice, start.Add(time.Minute), 3)
	addOperatorSession(t, store, bob, start.Add(time.Minute), 4)
	write(t, store, func(tx *db.Tx) error { return tx.SlideOperatorSession(long.ID, start.Add(time.Hour)) })
	for _, c := range []struct {
		seenAfter, begunAfter time.Duration
		want                  map[app.OperatorID]int
	}{
		{-time.Millisecond, -time.Millisecond, map[app.OperatorID]int{alice.ID: 3, bob.ID: 1}},
		{0, -time.Millisecond, map[app.OperatorID]int{alice.ID: 2, bob.ID: 1}},
		{0, 0, map[app.OperatorID]int{alice.ID: 1, bob.ID: 1}},
		{time.Minute, -time.Millisecond, map[app.OperatorID]int{alice.ID: 1}},
		{time.Hour, 0, map[app.OperatorID]int{}},
	} {
		got, err := store.Read().OperatorSessionCounts(t.Context(), start.Add(c.seenAfter), start.Add(c.begunAfter))
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("seen after %s, begun after %s: %v, %v", c.seenAfter, c.begunAfter, got, err)
		}
	}
}
