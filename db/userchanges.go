package db

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wxkeeper/app"
)

// AddUserChanges remembers what changed of a user, as many of each fact as are kept. What was removed is forgotten with all that it was
// before: whoever withdraws a name or a number does not leave it in a list.
func (t *Tx) AddUserChanges(at time.Time, changes []app.UserChange) error {
	for _, one := range changes {
		if one.Removed {
			if err := t.forgetUserChanges(one.UserID, one.What); err != nil {
				return err
			}
		}
		one.ID = app.UserChangeID(t.NewID(at))
		_, err := t.change(`INSERT INTO user_changes (user_id, what, id, app_id, value, removed, reason) VALUES `+rowsOf(7, 1),
			one.UserID, string(one.What), one.ID, one.AppID, one.Value, one.Removed, string(one.Reason))
		if err != nil {
			return err
		}
		if err := t.dropOldestChange(one.UserID, one.What); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) forgetUserChanges(user app.UserID, what app.UserFact) error {
	if err := t.overwriteDeleted(); err != nil {
		return err
	}
	_, err := t.change(`DELETE FROM user_changes WHERE user_id = ? AND what = ?`, user, string(what))
	return err
}

func (t *Tx) dropOldestChange(user app.UserID, what app.UserFact) error {
	var oldestKept int64
	err := t.one(context.Background(), `SELECT id FROM user_changes WHERE user_id = ? AND what = ? ORDER BY id DESC LIMIT 1 OFFSET ?`,
		[]any{user, string(what), app.UserChangesKept - 1}, &oldestKept)
	if app.KindOf(err) == app.NotFound {
		return nil
	}
	if err == nil {
		_, err = t.change(`DELETE FROM user_changes WHERE user_id = ? AND what = ? AND id < ?`, user, string(what), oldestKept)
	}
	return err
}

// ChangesOfUser lists what changed of a user, newest first: at most app.UserChangesKept of each fact.
func (q *Queries) ChangesOfUser(ctx context.Context, user app.UserID) ([]app.UserChange, error) {
	var changes []app.UserChange
	err := q.each(ctx, `SELECT user_id, what, id, app_id, value, removed, reason FROM user_changes WHERE user_id = ?`, []any{user},
		func(scan func(...any) error) error {
			var one app.UserChange
			err := scan(&one.UserID, &one.What, &one.ID, &one.AppID, &one.Value, &one.Removed, &one.Reason)
			changes = append(changes, one)
			return err
		})
	slices.SortFunc(changes, func(a, b app.UserChange) int { return cmp.Compare(b.ID, a.ID) })
	return changes, err
}
