package db

import (
	"context"

	"wxkeeper/app"
)

// UserByExternalID finds a user by the name that the system they were imported from knew them by.
func (q *Queries) UserByExternalID(ctx context.Context, appID app.AppID, external string) (app.User, error) {
	return q.user(ctx, "u.id = (SELECT e.user_id FROM external_ids e WHERE e.app_id = ? AND e.external_id = ?)", appID, external)
}

// ExternalIDs tells the names that the system users were imported from knew them by. Whoever was not imported has none.
func (q *Queries) ExternalIDs(ctx context.Context, users []app.UserID) (map[app.UserID]string, error) {
	external := map[app.UserID]string{}
	for ids := range inChunks(users) {
		err := q.each(ctx, "SELECT user_id, external_id FROM external_ids WHERE user_id IN "+rowsOf(len(ids), 1), idArguments(ids),
			func(scan func(...any) error) error {
				var user app.UserID
				var name string
				err := scan(&user, &name)
				external[user] = name
				return err
			})
		if err != nil {
			return nil, err
		}
	}
	return external, nil
}

// SetExternalID gives a user an external id in the place of the one before. AlreadyExists: somebody else has it.
func (t *Tx) SetExternalID(appID app.AppID, user app.UserID, external string) error {
	changed, err := t.change(`UPDATE external_ids SET external_id = ? WHERE user_id = ?`, external, user)
	if err != nil || changed > 0 {
		return err
	}
	_, err = t.change(`INSERT INTO external_ids (app_id, external_id, user_id) VALUES (?, ?, ?)`, appID, external, user)
	return err
}
