package db

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wxkeeper/app"
)

// Current keys are counted by what their state follows from: the hour in which they were obtained or last confirmed, or that
// they failed, or that they are dead. A key comes of age without a write, and the counts with it.
const (
	keysUnconfirmed = "keys.unconfirmed"
	keysConfirmed   = "keys.confirmed"
	keysSuspect     = "keys.suspect"
	keysDead        = "keys.dead"
)

// keyBucket says under which counter and hour a current key is counted.
func keyBucket(key app.KeyRecord) (name string, at time.Time) {
	switch {
	case !key.DeadAt.IsZero():
		return keysDead, time.Unix(0, 0)
	case !key.FailedAt.IsZero():
		return keysSuspect, time.Unix(0, 0)
	case key.ConfirmedAt.IsZero():
		return keysUnconfirmed, key.ObtainedAt()
	default:
		return keysConfirmed, key.ConfirmedAt
	}
}

func (t *Tx) countKey(appID app.AppID, key app.KeyRecord, n int64) {
	if key.Current() {
		name, at := keyBucket(key)
		t.Count(appID, name, at, n)
	}
}

func (t *Tx) recountKey(appID app.AppID, before, after app.KeyRecord) {
	oldName, oldAt := keyBucket(before)
	newName, newAt := keyBucket(after)
	if oldName != newName || hourOf(oldAt) != hourOf(newAt) {
		t.countKey(appID, before, -1)
		t.countKey(appID, after, 1)
	}
}

// KeyCounts counts the current keys of an app by state. It reads one counter an hour, and the rows of the one hour that the
// limit between fresh and aging falls into.
func (q *Queries) KeyCounts(ctx context.Context, appID app.AppID, now time.Time, aging time.Duration) (map[app.KeyState]int64, error) {
	limit := now.Add(-aging)
	counts := map[app.KeyState]int64{}
	for name, state := range map[string]app.KeyState{keysDead: app.KeyDead, keysSuspect: app.KeySuspect} {
		n, err := q.Counted(ctx, appID, name, time.Unix(0, 0), time.Unix(0, 0))
		if err != nil {
			return nil, err
		}
		counts[state] = n
	}
	for name, state := range map[string]app.KeyState{keysUnconfirmed: app.KeyNew, keysConfirmed: app.KeyConfirmed} {
		young, old, err := q.splitKeys(ctx, appID, name, state, limit)
		if err != nil {
			return nil, err
		}
		counts[state] += young
		counts[app.KeyAging] += old
	}
	return counts, nil
}

// splitKeys counts the keys of one kind on both sides of a limit; one known to be good at the limit itself is old.
func (q *Queries) splitKeys(
	ctx context.Context, appID app.AppID, name string, state app.KeyState, limit time.Time,
) (young, old int64, err error) {
	const forever = 1 << 40
	all, err := q.Counted(ctx, appID, name, time.Unix(0, 0), time.Unix(forever, 0))
	if err != nil {
		return 0, 0, err
	}
	later, err := q.Counted(ctx, appID, name, limit.Add(time.Hour), time.Unix(forever, 0))
	if err != nil {
		return 0, 0, err
	}
	nextHour := limit.Truncate(time.Hour).Add(time.Hour)
	bounds := keyRange{from: limit.Add(time.Millisecond), to: nextHour, confirmed: state == app.KeyConfirmed}
	var within int64
	condition := bounds.condition(appID)
	err = q.one(ctx, "SELECT COUNT(*) FROM session_keys k WHERE "+condition.where, condition.arguments, &within)
	young = later + within
	return young, all - young, err
}

// keyRange is a range of the index: current keys, neither dead nor suspect, last known to be good in [from, to).
type keyRange struct {
	from, to  time.Time
	confirmed bool // by their confirmation; else by when they were obtained
}

// keyCondition is a range of the index in SQL.
type keyCondition struct {
	where     string
	arguments []any
}

func (r keyRange) condition(appID app.AppID) keyCondition {
	const fixed = "k.app_id = ? AND k.superseded_at = 0 AND k.dead_at = 0 AND k.failed_at = 0 AND "
	if r.confirmed {
		return keyCondition{fixed + "k.confirmed_at >= ? AND k.confirmed_at < ?",
			[]any{appID, max(1, milliseconds(r.from)), milliseconds(r.to)}}
	}
	return keyCondition{fixed + "k.confirmed_at = 0 AND k.id >= ? AND k.id < ?",
		[]any{appID, app.FirstID(r.from), app.FirstID(r.to)}}
}

// stateRanges are the ranges of the index that hold the current keys of a state, in the order of the index.
func stateRanges(appID app.AppID, state app.KeyState, now time.Time, aging time.Duration) []keyCondition {
	limit := now.Add(-aging)
	young := keyRange{from: limit.Add(time.Millisecond), to: now.Add(time.Millisecond)} // not beyond: a walk ends
	old := keyRange{to: limit.Add(time.Millisecond)}
	switch state {
	case app.KeyNew:
		return []keyCondition{young.condition(appID)}
	case app.KeyConfirmed:
		young.confirmed = true
		return []keyCondition{young.condition(appID)}
	case app.KeyAging:
		confirmed := old
		confirmed.confirmed = true
		return []keyCondition{old.condition(appID), confirmed.condition(appID)}
	case app.KeySuspect:
		return []keyCondition{{"k.app_id = ? AND k.superseded_at = 0 AND k.dead_at = 0 AND k.failed_at > 0", []any{appID}}}
	case app.KeyDead:
		return []keyCondition{{"k.app_id = ? AND k.superseded_at = 0 AND k.dead_at > 0", []any{appID}}}
	}
	return nil
}

// KeysInState lists current keys of a state in the order of the index, beginning after one of them (zero: with the first). It
// is the rule of KeyRecord.Freshness, as ranges over what is stored.
func (q *Queries) KeysInState(
	ctx context.Context, appID app.AppID, state app.KeyState, now time.Time, aging time.Duration, after app.KeyRecord, limit int,
) ([]KeyInState, error) {
	var found []KeyInState
	for _, part := range stateRanges(appID, state, now, aging) {
		where := part.where + " AND (k.dead_at, k.failed_at, k.confirmed_at, k.id) > (?, ?, ?, ?)"
		arguments := append(part.arguments, milliseconds(after.DeadAt), milliseconds(after.FailedAt),
			milliseconds(after.ConfirmedAt), after.ID)
		some, err := q.keysWhere(ctx, where, arguments, limit-len(found))
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// KeyInState is a current key with whose it is.
type KeyInState struct {
	Key    app.KeyRecord
	OpenID app.OpenID
	Number app.UserNumber
}

// KeysToCheck lists current keys that WeChat should be asked about: those that failed, then those last known to be good at
// a time or before, the longest unconfirmed first, leaving out those about which WeChat was asked in vain since another time.
func (q *Queries) KeysToCheck(
	ctx context.Context, appID app.AppID, goodBefore, triedBefore time.Time, limit int,
) ([]KeyInState, error) {
	untried := func(state app.KeyState) ([]KeyInState, error) {
		var keys []KeyInState
		for _, part := range stateRanges(appID, state, goodBefore, 0) {
			some, err := q.keysWhere(ctx, part.where+" AND k.tried_at < ?",
				append(part.arguments, milliseconds(triedBefore)), limit)
			if err != nil {
				return nil, err
			}
			keys = append(keys, some...)
		}
		return keys, nil
	}
	found, err := untried(app.KeySuspect)
	if err != nil {
		return nil, err
	}
	unconfirmed, err := untried(app.KeyAging)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(unconfirmed, func(a, b KeyInState) int {
		return cmp.Or(a.Key.KnownGoodAt().Compare(b.Key.KnownGoodAt()), cmp.Compare(a.Key.ID, b.Key.ID))
	})
	found = append(found, unconfirmed...)
	return found[:min(len(found), limit)], nil
}

// keysWhere lists current keys in the order of the index.
func (q *Queries) keysWhere(ctx context.Context, where string, arguments []any, limit int) ([]KeyInState, error) {
	var found []KeyInState
	err := q.each(ctx, "SELECT "+keyColumns+", u.openid, u.number FROM session_keys k JOIN users u ON u.id = k.user_id WHERE "+
		where+" ORDER BY k.dead_at, k.failed_at, k.confirmed_at, k.id LIMIT ?",
		append(arguments, limit), func(scan func(...any) error) error {
			var one KeyInState
			err := keyScan(&one.Key, scan, &one.OpenID, &one.Number)
			found = append(found, one)
			return err
		})
	return found, err
}
