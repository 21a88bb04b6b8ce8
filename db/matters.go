package db

import (
	"context"

	"wxkeeper/app"
)

const matterQuery = `SELECT m.event_id, m.app_id, m.user_id, u.number, m.reason, m.problem
	FROM matters m JOIN users u ON u.id = m.user_id WHERE `

func matterFields(matter *app.Matter) []any {
	return []any{&matter.EventID, &matter.AppID, &matter.UserID, &matter.User, &matter.Reason, &matter.Problem}
}

// AddMatter leaves an event to a person.
func (t *Tx) AddMatter(matter app.Matter) error {
	_, err := t.change(`INSERT INTO matters (event_id, app_id, user_id, reason, problem) VALUES (?, ?, ?, ?, ?)`,
		matter.EventID, matter.AppID, matter.UserID, string(matter.Reason), matter.Problem)
	return err
}

// Matter finds what waits for a person by its event.
func (q *Queries) Matter(ctx context.Context, appID app.AppID, event app.EventID) (app.Matter, error) {
	var matter app.Matter
	err := q.one(ctx, matterQuery+"m.app_id = ? AND m.event_id = ?", []any{appID, event}, matterFields(&matter)...)
	return matter, err
}

// Matters lists what waits for a person in an app, longest first.
func (q *Queries) Matters(ctx context.Context, appID app.AppID, limit int) ([]app.Matter, error) {
	var matters []app.Matter
	err := q.each(ctx, matterQuery+"m.app_id = ? ORDER BY m.event_id LIMIT ?", []any{appID, limit},
		func(scan func(...any) error) error {
			var matter app.Matter
			err := scan(matterFields(&matter)...)
			matters = append(matters, matter)
			return err
		})
	return matters, err
}

// SettleMatter forgets what a person has dealt with. NotFound: somebody else has.
func (t *Tx) SettleMatter(matter app.Matter) error {
	return t.changeOne(`DELETE FROM matters WHERE event_id = ?`, matter.EventID)
}
