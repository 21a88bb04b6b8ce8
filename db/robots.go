package db

import (
	"context"

	"wxkeeper/app"
)

// RobotPlace is where a robot's address and signing secret stand.
func RobotPlace(id app.RobotID, kind app.RobotKind) Place {
	return Place{Table: "robots", Row: app.ID(id), Owner: app.OpenID(kind)}
}

const robotColumns = `id, kind, name, language, host, fingerprint, signed, sealed, disabled_at, ` + reportColumns + `, hour_at, hour_sent`

const reportColumns = `sent_at, failures, failed_at, next_try_at, problem, status, errcode`

func reportFields(report *app.Report) []any {
	return []any{
		moment{&report.SentAt}, &report.Failures, moment{&report.FailedAt}, moment{&report.NextTryAt}, &report.Problem, &report.Status,
		&report.Errcode,
	}
}

func reportValues(report app.Report) []any {
	return []any{
		milliseconds(report.SentAt), report.Failures, milliseconds(report.FailedAt), milliseconds(report.NextTryAt), report.Problem,
		report.Status, report.Errcode,
	}
}

// Robots lists all robots, the oldest first.
func (q *Queries) Robots(ctx context.Context) ([]app.Robot, error) {
	return q.robots(ctx, "ORDER BY id LIMIT 1000")
}

// Robot finds a robot.
func (q *Queries) Robot(ctx context.Context, id app.RobotID) (app.Robot, error) {
	robots, err := q.robots(ctx, "WHERE id = ?", id)
	if err != nil || len(robots) == 0 {
		return app.Robot{}, orNotFound(err)
	}
	return robots[0], nil
}

func (q *Queries) robots(ctx context.Context, which string, arguments ...any) ([]app.Robot, error) {
	var robots []app.Robot
	err := q.each(ctx, "SELECT "+robotColumns+" FROM robots "+which, arguments, func(scan func(...any) error) error {
		var r app.Robot
		fields := []any{
			&r.ID, &r.Kind, &r.Name, &r.Language, &r.Host, &r.Fingerprint, &r.Signed, &r.Sealed, moment{&r.DisabledAt},
		}
		err := scan(append(append(fields, reportFields(&r.Report)...), moment{&r.HourAt}, &r.HourSent)...)
		robots = append(robots, r)
		return err
	})
	return robots, err
}

// InsertRobot stores a new robot.
func (t *Tx) InsertRobot(r app.Robot) error {
	values := []any{
		r.ID, string(r.Kind), r.Name, r.Language, r.Host, r.Fingerprint, r.Signed, r.Sealed, milliseconds(r.DisabledAt),
	}
	values = append(append(values, reportValues(r.Report)...), milliseconds(r.HourAt), r.HourSent)
	_, err := t.change("INSERT INTO robots ("+robotColumns+") VALUES "+rowsOf(len(values), 1), values...)
	return err
}

// UpdateRobot stores whether a robot is in use and how it fares. NotFound: it was removed.
func (t *Tx) UpdateRobot(r app.Robot) error {
	values := append([]any{milliseconds(r.DisabledAt)}, reportValues(r.Report)...)
	return t.changeOne(`UPDATE robots SET disabled_at = ?, sent_at = ?, failures = ?, failed_at = ?, next_try_at = ?, problem = ?, status = ?,
		errcode = ?, hour_at = ?, hour_sent = ? WHERE id = ?`, append(values, milliseconds(r.HourAt), r.HourSent, r.ID)...)
}

// DeleteRobot deletes a robot and what it was told, overwriting its address in the file. NotFound: there is none.
func (t *Tx) DeleteRobot(id app.RobotID) error {
	if err := t.overwriteDeleted(); err != nil {
		return err
	}
	if err := t.ForgetTold(id); err != nil {
		return err
	}
	return t.changeOne(`DELETE FROM robots WHERE id = ?`, id)
}
