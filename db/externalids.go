package db

import (
	"context"

	"wxkeeper/app"
)

// UserByExternalID finds a user by the name that the system they were imported from knew them by.
func (q *Queries) UserByExternalID(ctx context.Context, appID app.AppID, external string) (app.User, error) {
	return q.user(ctx, "u.id = (SELECT e.user_id FROM external_ids e WHERE e.app_id = ? AND e.external_id = ?)", appID, external)
}

// ExternalID tells the name that the system a user was imported from knew them by, "" of anybody else.
func (q *Queries) ExternalID(ctx context.Context, user app.UserID) (string, error) {
	var external string
	err := q.one(brief(ctx), `SELECT external_id FROM external_ids WHERE user_id = ?`, []any{user}, &external)
	if app.KindOf(err) == app.NotFound {
		return "", nil
	}
	return external, err
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
