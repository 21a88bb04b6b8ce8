package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// AccessToken reads an app's access token as it is stored: sealed, with its end.
func (q *Queries) AccessToken(ctx context.Context, appID app.AppID) (sealed []byte, expires time.Time, err error) {
	err = q.one(ctx, `SELECT sealed, expires_at FROM access_tokens WHERE app_id = ?`, []any{appID}, &sealed, moment{&expires})
	return sealed, expires, err
}

// SaveAccessToken stores an app's sealed access token in the place of the one before.
func (t *Tx) SaveAccessToken(appID app.AppID, sealed []byte, expires time.Time) error {
	changed, err := t.change(`UPDATE access_tokens SET sealed = ?, expires_at = ? WHERE app_id = ?`,
		sealed, milliseconds(expires), appID)
	if err != nil || changed > 0 {
		return err
	}
	_, err = t.change(`INSERT INTO access_tokens (app_id, sealed, expires_at) VALUES (?, ?, ?)`,
		appID, sealed, milliseconds(expires))
	return err
}
