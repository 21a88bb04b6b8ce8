package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wxkeeper/app"
)

// EraseUser deletes a user and all that belongs to them, overwriting it in the file, and keeps a keyed hash of the openid so
// that a restored backup can be erased again. What was erased stays in the write-ahead log until Checkpoint.
func (t *Tx) EraseUser(ring *KeyRing, user app.User, at time.Time) error {
	if err := t.overwriteDeleted(); err != nil {
		return err
	}
	t.reindexNickname(user, "")
	for _, erase := range []func(app.User) error{t.eraseEvents, t.eraseKeys, t.eraseRows} {
		if err := erase(user); err != nil {
			return err
		}
	}
	return t.RememberErased(Erasure{AppID: user.AppID, Hash: ring.OpenIDHash(user.AppID, user.OpenID), At: at})
}

// RememberErased notes that somebody was erased.
func (t *Tx) RememberErased(erased Erasure) error {
	changed, err := t.change(`UPDATE erased SET erased_at = ? WHERE app_id = ? AND openid_hash = ?`,
		milliseconds(erased.At), erased.AppID, erased.Hash)
	if err != nil || changed > 0 {
		return err
	}
	_, err = t.change(`INSERT INTO erased (app_id, openid_hash, erased_at) VALUES (?, ?, ?)`,
		erased.AppID, erased.Hash, milliseconds(erased.At))
	return err
}

// eraseEvents deletes a user's events. Those of this transaction, which are the newest, are not written yet, and never will be.
func (t *Tx) eraseEvents(user app.User) error {
	t.erased = append(t.erased, user.ID)
	newest := user.LastEvent
	for _, event := range slices.Backward(t.events) {
		if event.ID == newest {
			newest = event.Previous
		}
	}
	for id := newest; id != 0; {
		event, err := t.event(context.Background(), id)
		if app.KindOf(err) == app.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.changeOne(`DELETE FROM events WHERE id = ?`, id); err != nil {
			return err
		}
		id = event.Previous
	}
	return nil
}

func (t *Tx) eraseKeys(user app.User) error {
	keys, err := t.KeysOfUser(context.Background(), user.ID)
	if err != nil {
		return err
	}
	for _, key := range keys {
		t.countKey(user.AppID, key, -1)
	}
	_, err = t.change(`DELETE FROM session_keys WHERE user_id = ?`, user.ID)
	return err
}

func (t *Tx) eraseRows(user app.User) error {
	if err := t.endSessionsOf(user); err != nil {
		return err
	}
	if _, err := t.change(`DELETE FROM matters WHERE user_id = ?`, user.ID); err != nil {
		return err
	}
	if err := t.dropAvatar(user.ID, ""); err != nil {
		return err
	}
	if err := t.eraseDeliveries(user); err != nil {
		return err
	}
	for _, table := range []string{"external_ids", "user_changes"} {
		if _, err := t.change("DELETE FROM "+table+" WHERE user_id = ?", user.ID); err != nil {
			return err
		}
	}
	t.countUsers(user.AppID, -1)
	return t.changeOne(`DELETE FROM users WHERE id = ?`, user.ID)
}

// Erased says when a user was erased, the zero time if never.
func (q *Queries) Erased(ctx context.Context, ring *KeyRing, appID app.AppID, openid app.OpenID) (time.Time, error) {
	var at time.Time
	err := q.one(ctx, `SELECT erased_at FROM erased WHERE app_id = ? AND openid_hash = ?`,
		[]any{appID, ring.OpenIDHash(appID, openid)}, moment{&at})
	if app.KindOf(err) == app.NotFound {
		return time.Time{}, nil
	}
	return at, err
}

// OpenIDHash names an openid without telling it: a keyed hash, 16 bytes.
func (r *KeyRing) OpenIDHash(appID app.AppID, openid app.OpenID) []byte {
	return keyedHash(r.phoneHash, fmt.Sprintf("openid\x00%d\x00%s", appID, openid))[:16]
}

// UsersNotSeenSince lists users of an app who were last seen before a time, longest ago first.
func (q *Queries) UsersNotSeenSince(ctx context.Context, appID app.AppID, at time.Time, limit int) ([]app.User, error) {
	return q.users(ctx, "u.app_id = ? AND u.last_seen_at < ? ORDER BY u.last_seen_at, u.id LIMIT ?",
		appID, milliseconds(at), limit)
}

// NotePush remembers a message that WeChat pushed. False: it came before.
func (t *Tx) NotePush(messageID string, at time.Time) (fresh bool, err error) {
	var seen int
	err = t.one(context.Background(), `SELECT COUNT(*) FROM pushes WHERE message_id = ?`, []any{messageID}, &seen)
	if err != nil || seen > 0 {
		return false, err
	}
	_, err = t.change(`INSERT INTO pushes (message_id, at) VALUES (?, ?)`, messageID, milliseconds(at))
	return err == nil, err
}

// ForgetPushesBefore forgets pushed messages that WeChat will not send again.
func (t *Tx) ForgetPushesBefore(at time.Time) error {
	_, err := t.change(`DELETE FROM pushes WHERE at < ?`, milliseconds(at))
	return err
}

// Checkpoint moves the write-ahead log into the database file and empties it, so that what was erased is gone from both. It
// holds up writes for moments only; a reader that is under way for seconds can put it off, and then it reports so.
func (d *DB) Checkpoint(ctx context.Context) error { return d.checkpoints.empty(ctx) }
