package db

import (
	"cmp"
	"context"
	"math"
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
	span := obtainedBetween
	if state == app.KeyConfirmed {
		span = confirmedBetween
	}
	where, arguments := span(appID, limit.Add(time.Millisecond), limit.Truncate(time.Hour).Add(time.Hour)).condition()
	var within int64
	err = q.one(ctx, "SELECT COUNT(*) FROM session_keys k WHERE "+where, arguments, &within)
	young = later + within
	return young, all - young, err
}

const (
	currentKeys = "k.app_id = ? AND k.superseded_at = 0"
	soundKeys   = currentKeys + " AND k.dead_at = 0 AND k.failed_at = 0"
)

// obtainedBetween is the range of current keys, neither dead nor suspect nor ever confirmed, that were obtained in [from, to).
func obtainedBetween(appID app.AppID, from, to time.Time) indexRange {
	return indexRange{
		where: soundKeys + " AND k.confirmed_at = 0", arguments: []any{appID}, columns: []string{"k.id"},
		after: position{int64(app.FirstID(from)) - 1}, last: position{int64(app.FirstID(to)) - 1},
	}
}

// confirmedBetween is the range of current keys, neither dead nor suspect, that were last confirmed in [from, to).
func confirmedBetween(appID app.AppID, from, to time.Time) indexRange {
	return indexRange{
		where: soundKeys, arguments: []any{appID}, columns: []string{"k.confirmed_at", "k.id"},
		after: position{max(1, milliseconds(from)), 0}, last: position{milliseconds(to), 0},
	}
}

// stateRanges are the ranges of the index that hold the current keys of a state, in the order of the index.
func stateRanges(appID app.AppID, state app.KeyState, now time.Time, aging time.Duration) []indexRange {
	old := now.Add(-aging).Add(time.Millisecond)
	young := now.Add(time.Millisecond) // not beyond: a walk ends
	whole := indexRange{where: currentKeys, arguments: []any{appID}}
	switch state {
	case app.KeyNew:
		return []indexRange{obtainedBetween(appID, old, young)}
	case app.KeyConfirmed:
		return []indexRange{confirmedBetween(appID, old, young)}
	case app.KeyAging:
		return []indexRange{obtainedBetween(appID, time.Time{}, old), confirmedBetween(appID, time.Time{}, old)}
	case app.KeySuspect:
		whole.where += " AND k.dead_at = 0"
		whole.columns = []string{"k.failed_at", "k.confirmed_at", "k.id"}
		whole.after, whole.last = position{1, 0, 0}, position{math.MaxInt64, 0, 0}
	case app.KeyDead:
		whole.columns = []string{"k.dead_at", "k.failed_at", "k.confirmed_at", "k.id"}
		whole.after, whole.last = position{1, 0, 0, 0}, position{math.MaxInt64, 0, 0, 0}
	default:
		return nil
	}
	return []indexRange{whole}
}

// KeysInState lists current keys of a state in the order of the index, beginning after one of them (zero: with the first). It
// is the rule of KeyRecord.Freshness, as ranges over what is stored.
func (q *Queries) KeysInState(
	ctx context.Context, appID app.AppID, state app.KeyState, now time.Time, aging time.Duration, after app.KeyRecord, limit int,
) ([]KeyInState, error) {
	var found []KeyInState
	for _, part := range stateRanges(appID, state, now, aging) {
		where, arguments := part.condition()
		some, err := q.keysWhere(ctx, where+" AND (k.dead_at, k.failed_at, k.confirmed_at, k.id) > (?, ?, ?, ?)",
			append(arguments, milliseconds(after.DeadAt), milliseconds(after.FailedAt), milliseconds(after.ConfirmedAt), after.ID),
			limit-len(found))
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
			where, arguments := part.condition()
			some, err := q.keysWhere(ctx, where+" AND k.tried_at < ?", append(arguments, milliseconds(triedBefore)), limit)
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
