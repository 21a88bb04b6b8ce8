package db

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wxkeeper/app"
)

const keyColumns = `k.id, k.user_id, k.fingerprint, k.sealed, k.asked_us, k.superseded_at, k.confirmed_at, k.confirmed_by, k.failed_at,
	k.dead_at, k.dead_errcode, k.reset_at, k.tried_at`

// keyScan reads keyColumns.
func keyScan(key *app.KeyRecord, scan func(...any) error, more ...any) error {
	var fingerprint []byte
	err := scan(append([]any{
		&key.ID, &key.UserID, &fingerprint, &key.Sealed, microMoment{&key.AskedAt}, moment{&key.SupersededAt},
		moment{&key.ConfirmedAt}, &key.ConfirmedBy, moment{&key.FailedAt}, moment{&key.DeadAt}, &key.DeadErrcode,
		moment{&key.ResetAt}, moment{&key.TriedAt},
	}, more...)...)
	copy(key.Fingerprint[:], fingerprint)
	return err
}

// KeysOfUser lists the keys known for a user, newest first: the current one, then by the time WeChat was asked for them.
func (q *Queries) KeysOfUser(ctx context.Context, user app.UserID) ([]app.KeyRecord, error) {
	return q.keys(ctx, "k.user_id = ?", user)
}

// KeysWithMaterial lists those of a user's keys that are more than dates: the newest app.KeysKept.
func (q *Queries) KeysWithMaterial(ctx context.Context, user app.UserID) ([]app.KeyRecord, error) {
	return q.keys(ctx, "k.user_id = ? AND k.sealed IS NOT NULL", user)
}

func (q *Queries) keys(ctx context.Context, which string, user app.UserID) ([]app.KeyRecord, error) {
	keys := make([]app.KeyRecord, 0, app.KeysKept)
	err := q.each(brief(ctx), "SELECT "+keyColumns+" FROM session_keys k WHERE "+which+" ORDER BY k.id DESC"+limitTo(keyRecordsKept+1),
		[]any{user}, func(scan func(...any) error) error {
			var key app.KeyRecord
			err := keyScan(&key, scan)
			keys = append(keys, key)
			return err
		})
	slices.SortFunc(keys, newestFirst)
	return keys, err
}

// keyRecordsKept is how many keys of a user are remembered, most of them by their dates alone.
const keyRecordsKept = 10

func newestFirst(a, b app.KeyRecord) int {
	if a.Current() != b.Current() {
		if a.Current() {
			return -1
		}
		return 1
	}
	return cmp.Or(b.AskedAt.Compare(a.AskedAt), cmp.Compare(b.ID, a.ID))
}

// InsertKey stores a key of a user.
func (t *Tx) InsertKey(appID app.AppID, key app.KeyRecord) error {
	t.countKey(appID, key, 1)
	_, err := t.change(`INSERT INTO session_keys (user_id, id, app_id, fingerprint, sealed, asked_us, superseded_at, confirmed_at,
		confirmed_by, failed_at, dead_at, dead_errcode, reset_at, tried_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		key.UserID, key.ID, appID, key.Fingerprint[:], key.Sealed, microseconds(key.AskedAt), milliseconds(key.SupersededAt),
		milliseconds(key.ConfirmedAt), string(key.ConfirmedBy), milliseconds(key.FailedAt), milliseconds(key.DeadAt),
		key.DeadErrcode, milliseconds(key.ResetAt), milliseconds(key.TriedAt))
	return err
}

// SupersedeKey notes that a newer key has taken the current key's place. It changes nothing and gives false if the key's dates are
// not as given any more.
func (t *Tx) SupersedeKey(appID app.AppID, key app.KeyRecord, at time.Time) (bool, error) {
	changed, err := t.change(`UPDATE session_keys SET superseded_at = ?`+keyAsBefore, append([]any{milliseconds(at)}, keyDates(key)...)...)
	if err != nil || changed != 1 {
		return false, err
	}
	t.countKey(appID, key, -1)
	return true, nil
}

const keyAsBefore = ` WHERE user_id = ? AND id = ? AND asked_us = ? AND superseded_at = ? AND confirmed_at = ? AND failed_at = ? AND dead_at = ?`

// keyDates are the parameters of keyAsBefore.
func keyDates(key app.KeyRecord) []any {
	return []any{
		key.UserID, key.ID, microseconds(key.AskedAt), milliseconds(key.SupersededAt), milliseconds(key.ConfirmedAt),
		milliseconds(key.FailedAt), milliseconds(key.DeadAt),
	}
}

// UpdateKey stores changed dates of a key: when WeChat was asked for it, when and by what it was confirmed, when it failed,
// when it was found dead and when WeChat was asked in vain. It changes nothing and gives false if the dates are not those of
// before any more: somebody else has just learnt something newer.
func (t *Tx) UpdateKey(appID app.AppID, before, after app.KeyRecord) (bool, error) {
	known := keyDates(before)
	var changed int64
	var err error
	if onlyAskedAgain(before, after) { // as after most logins: no index holds that date
		changed, err = t.change(`UPDATE session_keys SET asked_us = ?`+keyAsBefore, append([]any{microseconds(after.AskedAt)}, known...)...)
	} else {
		changed, err = t.change(`UPDATE session_keys SET asked_us = ?, confirmed_at = ?, confirmed_by = ?, failed_at = ?,
			dead_at = ?, dead_errcode = ?, tried_at = ?`+keyAsBefore,
			append([]any{
				microseconds(after.AskedAt), milliseconds(after.ConfirmedAt), string(after.ConfirmedBy), milliseconds(after.FailedAt),
				milliseconds(after.DeadAt), after.DeadErrcode, milliseconds(after.TriedAt),
			}, known...)...)
	}
	if err != nil || changed != 1 {
		return false, err
	}
	t.recountKey(appID, before, after)
	return true, nil
}

func onlyAskedAgain(before, after app.KeyRecord) bool {
	return before.ConfirmedAt.Equal(after.ConfirmedAt) && before.ConfirmedBy == after.ConfirmedBy && before.FailedAt.Equal(after.FailedAt) &&
		before.DeadAt.Equal(after.DeadAt) && before.DeadErrcode == after.DeadErrcode && before.TriedAt.Equal(after.TriedAt)
}

// Key reads a key again. NotFound: it was forgotten.
func (q *Queries) Key(ctx context.Context, known app.KeyRecord) (app.KeyRecord, error) {
	keys, err := q.KeysOfUser(ctx, known.UserID)
	for _, key := range keys {
		if key.ID == known.ID {
			return key, nil
		}
	}
	if err == nil {
		err = app.Fail(app.NotFound, "")
	}
	return known, err
}

// ForgetKey deletes a superseded key with its dates.
func (t *Tx) ForgetKey(key app.KeyRecord) error {
	return t.changeOne(`DELETE FROM session_keys WHERE user_id = ? AND id = ?`, key.UserID, key.ID)
}

// AgeKeys destroys those of a user's keys that may never open anything again, and forgets those beyond the number remembered. It
// gives what is left, newest first.
func (t *Tx) AgeKeys(keys []app.KeyRecord) (left []app.KeyRecord, err error) {
	for i, key := range slices.SortedFunc(slices.Values(keys), newestFirst) {
		switch {
		case i >= keyRecordsKept:
			if err := t.ForgetKey(key); err != nil {
				return nil, err
			}
			continue
		case i >= app.KeysKept && len(key.Sealed) > 0:
			err := t.changeOne(`UPDATE session_keys SET sealed = NULL WHERE user_id = ? AND id = ?`, key.UserID, key.ID)
			if err != nil {
				return nil, err
			}
			key.Sealed = nil
		}
		left = append(left, key)
	}
	return left, nil
}
