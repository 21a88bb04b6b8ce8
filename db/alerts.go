package db

import (
	"context"

	"wxkeeper/app"
)

// Alerts lists the conditions of all apps that are watched, by name.
func (q *Queries) Alerts(ctx context.Context) ([]app.Alert, error) {
	var alerts []app.Alert
	err := q.each(ctx, `SELECT app_id, name, seen_from, seen_at, firing_at, ended_at, detail FROM alerts ORDER BY app_id, name LIMIT 1000`,
		nil, func(scan func(...any) error) error {
			var one app.Alert
			err := scan(&one.AppID, &one.Name, moment{&one.SeenFrom}, moment{&one.SeenAt}, moment{&one.FiringAt}, moment{&one.EndedAt}, &one.Detail)
			alerts = append(alerts, one)
			return err
		})
	return alerts, err
}

// SaveAlert stores what is known of a condition.
func (t *Tx) SaveAlert(one app.Alert) error {
	values := []any{
		milliseconds(one.SeenFrom), milliseconds(one.SeenAt), milliseconds(one.FiringAt), milliseconds(one.EndedAt), string(one.Detail),
		one.AppID, one.Name,
	}
	changed, err := t.change(`UPDATE alerts SET seen_from = ?, seen_at = ?, firing_at = ?, ended_at = ?, detail = ?
		WHERE app_id = ? AND name = ?`, values...)
	if err != nil || changed > 0 {
		return err
	}
	_, err = t.change(`INSERT INTO alerts (seen_from, seen_at, firing_at, ended_at, detail, app_id, name) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		values...)
	return err
}

// DeleteAlert forgets a condition, and who was told of it.
func (t *Tx) DeleteAlert(one app.Alert) error {
	if _, err := t.change(`DELETE FROM alerts_told WHERE app_id = ? AND name = ?`, one.AppID, one.Name); err != nil {
		return err
	}
	_, err := t.change(`DELETE FROM alerts WHERE app_id = ? AND name = ?`, one.AppID, one.Name)
	return err
}

// AlertsTold lists what a robot was told and not yet told to be over.
func (q *Queries) AlertsTold(ctx context.Context, robot app.RobotID) ([]app.ToldAlert, error) {
	var told []app.ToldAlert
	err := q.each(ctx, `SELECT app_id, name, told_at FROM alerts_told WHERE robot_id = ? LIMIT 1000`, []any{robot},
		func(scan func(...any) error) error {
			var one app.ToldAlert
			err := scan(&one.AppID, &one.Name, moment{&one.At})
			told = append(told, one)
			return err
		})
	return told, err
}

// NoteTold notes that a robot was told of a condition.
func (t *Tx) NoteTold(robot app.RobotID, told app.ToldAlert) error {
	_, err := t.change(`INSERT INTO alerts_told (robot_id, app_id, name, told_at) VALUES (?, ?, ?, ?)`,
		robot, told.AppID, told.Name, milliseconds(told.At))
	return err
}

// NoteToldOver notes that a robot was told that a condition is over.
func (t *Tx) NoteToldOver(robot app.RobotID, of app.Alert) error {
	_, err := t.change(`DELETE FROM alerts_told WHERE robot_id = ? AND app_id = ? AND name = ?`, robot, of.AppID, of.Name)
	return err
}

// ForgetTold forgets what a robot was told.
func (t *Tx) ForgetTold(robot app.RobotID) error {
	_, err := t.change(`DELETE FROM alerts_told WHERE robot_id = ?`, robot)
	return err
}
