package db

import (
	"time"

	"wxkeeper/app"
)

// DisableUser refuses a user from a time on. AlreadyExists: the user is disabled already.
func (t *Tx) DisableUser(user app.User, at time.Time) error {
	return t.setDisabled(user, at, `UPDATE users SET disabled_at = ? WHERE id = ? AND disabled_at = 0`)
}

// EnableUser lets a disabled user in again. AlreadyExists: the user is not disabled.
func (t *Tx) EnableUser(user app.User) error {
	return t.setDisabled(user, time.Time{}, `UPDATE users SET disabled_at = ? WHERE id = ? AND disabled_at > 0`)
}

func (t *Tx) setDisabled(user app.User, at time.Time, statement string) error {
	err := t.changeOne(statement, milliseconds(at), user.ID)
	if app.KindOf(err) == app.NotFound {
		return app.Fail(app.AlreadyExists, "")
	}
	return err
}
