package alert

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
	"wxkeeper/db"
)

const (
	firstWait   = time.Minute // after the first failure of a robot; it doubles with each further one,
	longestWait = time.Hour   // up to this
)

// owed is what a robot does not know yet.
type owed struct{ firing, over []app.Alert }

func (o owed) none() bool { return len(o.firing)+len(o.over) == 0 }

// tell sends each robot what it is owed, all at once: no robot waits for another.
func (a *Alerts) tell(ctx context.Context, robots []app.Robot, alerts []app.Alert) error {
	failures := make([]error, len(robots))
	var telling sync.WaitGroup
	for i, robot := range robots {
		if !robot.Disabled() {
			telling.Go(func() { failures[i] = a.tellOne(ctx, robot, alerts) })
		}
	}
	telling.Wait()
	return errors.Join(failures...)
}

func (a *Alerts) tellOne(ctx context.Context, robot app.Robot, alerts []app.Alert) error {
	due, err := a.owed(ctx, robot, alerts)
	if err != nil || due.none() || robot.NextTryAt.After(a.Clock()) || !a.mayBeSent(&robot) {
		return err
	}
	message, err := due.message()
	if err != nil {
		return err
	}
	failure := a.send(ctx, robot, message)
	if ctx.Err() != nil {
		return nil // we are stopping: the next process tries again
	}
	err = a.Store.Write(ctx, func(tx *db.Tx) error { return a.noteTurn(tx, robot.ID, due, failure) })
	if app.KindOf(err) == app.NotFound {
		return nil // the robot was removed meanwhile
	}
	if err == nil && failure != nil && robot.Failures == 0 {
		a.Log.WarnContext(ctx, "robot not reached", "robot", robot.Name, "problem", failure.Error())
	}
	return err
}

// noteTurn stores what became of a message. The robot is read anew, since an admin may have changed it while the message was under way:
// one that was disabled stays so, and has been told nothing.
func (a *Alerts) noteTurn(tx *db.Tx, id app.RobotID, due owed, failure *outgoing.Error) error {
	robot, err := tx.Robot(context.Background(), id)
	if err != nil {
		return err
	}
	now := a.Clock()
	a.mayBeSent(&robot) // it was sent: it counts, also beside a test that took the last of the hour meanwhile
	robot.Report = reported(robot.Report, failure, now)
	if err := tx.UpdateRobot(robot); err != nil || failure != nil || robot.Disabled() {
		return err
	}
	for _, one := range due.firing {
		if err := tx.NoteTold(robot.ID, app.ToldAlert{AppID: one.AppID, Name: one.Name, At: now}); err != nil {
			return err
		}
	}
	for _, one := range due.over {
		if err := tx.NoteToldOver(robot.ID, one); err != nil {
			return err
		}
	}
	return nil
}

// owed compares what holds with what a robot was told.
func (a *Alerts) owed(ctx context.Context, robot app.Robot, alerts []app.Alert) (owed, error) {
	knows, err := a.Store.Read().AlertsTold(ctx, robot.ID)
	if err != nil {
		return owed{}, err
	}
	known := map[subject]bool{}
	for _, one := range knows {
		known[subject{one.AppID, one.Name}] = true
	}
	var due owed
	for _, one := range alerts {
		knows := known[subject{one.AppID, one.Name}]
		switch {
		case one.FiringAt.IsZero():
		case one.EndedAt.IsZero() && !knows:
			due.firing = append(due.firing, one)
		case !one.EndedAt.IsZero() && knows:
			due.over = append(due.over, one)
		}
	}
	return due, nil
}

func (o owed) message() (Message, error) {
	var message Message
	for _, one := range o.firing {
		var matter Matter
		if err := json.Unmarshal(one.Detail, &matter); err != nil {
			return message, err
		}
		message.Firing = append(message.Firing, matter)
	}
	for _, one := range o.over {
		var matter Matter
		if err := json.Unmarshal(one.Detail, &matter); err != nil {
			return message, err
		}
		matter.Until = one.EndedAt
		message.Over = append(message.Over, matter)
	}
	return message, nil
}

// mayBeSent counts a message, unless its robot has had its share of the hour.
func (a *Alerts) mayBeSent(robot *app.Robot) bool {
	now := a.Clock()
	if since := now.Sub(robot.HourAt); since < 0 || since >= time.Hour {
		robot.HourAt, robot.HourSent = now, 0
	}
	if robot.HourSent >= a.PerHour {
		return false
	}
	robot.HourSent++
	return true
}

// reported is how a robot fares after a message that failed, or did not.
func reported(before app.Report, failure *outgoing.Error, now time.Time) app.Report {
	if failure == nil {
		return app.Report{SentAt: now}
	}
	after := app.Report{
		SentAt: before.SentAt, Failures: before.Failures + 1, FailedAt: now, Problem: string(failure.Problem), Status: failure.Status,
		Errcode: failure.Errcode,
	}
	after.NextTryAt = now.Add(min(longestWait, firstWait<<min(before.Failures, 10)))
	return after
}
