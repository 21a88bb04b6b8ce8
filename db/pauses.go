package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// Work names a kind of work that an operator may pause.
type Work string

// CheckingKeys is the background check of session keys.
const CheckingKeys Work = "check keys"

// Pause tells who paused an app's work and since when. NotFound: nobody did.
func (q *Queries) Pause(ctx context.Context, appID app.AppID, work Work) (operator string, since time.Time, err error) {
	err = q.one(ctx, `SELECT operator, since FROM pauses WHERE app_id = ? AND work = ?`, []any{appID, string(work)},
		&operator, moment{&since})
	return operator, since, err
}

// PauseWork pauses an app's work. AlreadyExists: it is paused already.
func (t *Tx) PauseWork(appID app.AppID, work Work, operator string, at time.Time) error {
	_, err := t.change(`INSERT INTO pauses (app_id, work, operator, since) VALUES (?, ?, ?, ?)`,
		appID, string(work), operator, milliseconds(at))
	return err
}

// ResumeWork ends the pause of an app's work. NotFound: it is not paused.
func (t *Tx) ResumeWork(appID app.AppID, work Work) error {
	return t.changeOne(`DELETE FROM pauses WHERE app_id = ? AND work = ?`, appID, string(work))
}
