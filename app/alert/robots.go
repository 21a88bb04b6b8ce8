package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	robotsMost    = 20
	longestName   = 64 // characters
	longestSecret = 200
)

// NewRobot is a robot to add.
type NewRobot struct {
	Kind     app.RobotKind
	Name     string
	Language string
	URL      app.Secret
	Secret   app.Secret // for its signature; "": it has none
}

// credentials are what of a robot is sealed.
type credentials struct{ URL, Secret string }

// Robots lists the robots, the oldest first, without what is sealed.
func (a *Alerts) Robots(ctx context.Context) ([]app.Robot, error) {
	robots, err := a.Store.Read().Robots(ctx)
	for i := range robots {
		robots[i].Sealed = nil
	}
	return robots, err
}

// Add adds a robot. Malformed, with the field: name, kind, language, url or secret is none that can be used. TooManyRequests: there are
// 20 already.
func (a *Alerts) Add(ctx context.Context, by string, added NewRobot) (app.Robot, error) {
	robot, err := a.check(added)
	if err != nil {
		return app.Robot{}, err
	}
	now := a.Clock()
	robot.ID = app.RobotID(app.NewID(now))
	robot.Sealed, err = a.Ring.SealValue(db.RobotPlace(robot.ID, robot.Kind), credentials{added.URL.Reveal(), added.Secret.Reveal()})
	if err != nil {
		return app.Robot{}, err
	}
	err = a.Store.Write(ctx, func(tx *db.Tx) error {
		others, err := tx.Robots(ctx)
		if err != nil {
			return err
		}
		if len(others) >= robotsMost {
			return app.Fail(app.TooManyRequests, "")
		}
		if err := tx.InsertRobot(robot); err != nil {
			return err
		}
		return a.audit(tx, by, app.ActionAddRobot, robot)
	})
	robot.Sealed = nil
	return robot, err
}

func (a *Alerts) check(added NewRobot) (app.Robot, error) {
	malformed := func(field string) (app.Robot, error) { return app.Robot{}, app.FailField(app.Malformed, "", field) }
	name := strings.TrimSpace(added.Name)
	switch {
	case !slices.Contains(app.RobotKinds(), added.Kind):
		return malformed("kind")
	case name == "" || !app.Printable(name, longestName):
		return malformed("name")
	case added.Language != "zh-CN" && added.Language != "en":
		return malformed("language")
	case !app.Printable(added.Secret.Reveal(), longestSecret), added.Secret != "" && added.Kind == app.RobotWeCom:
		return malformed("secret")
	}
	address, err := a.Outgoing.ParseURL(added.URL)
	if err != nil {
		return app.Robot{}, err
	}
	if !fits(added.Kind, address) {
		return malformed("url")
	}
	return app.Robot{
		Kind: added.Kind, Name: name, Language: added.Language, Host: address.Host, Signed: added.Secret != "",
		Fingerprint: a.Ring.AddressFingerprint(added.URL),
	}, nil
}

// Disable silences a robot and forgets what it was told. NotFound: it was removed.
func (a *Alerts) Disable(ctx context.Context, by string, id app.RobotID) error {
	return a.change(ctx, by, id, app.ActionDisableRobot, func(tx *db.Tx, robot app.Robot) error {
		if robot.Disabled() {
			return nil
		}
		robot.DisabledAt = a.Clock()
		if err := tx.ForgetTold(id); err != nil {
			return err
		}
		return tx.UpdateRobot(robot)
	})
}

// Enable lets a robot speak again, of what holds then. NotFound: it was removed.
func (a *Alerts) Enable(ctx context.Context, by string, id app.RobotID) error {
	return a.change(ctx, by, id, app.ActionEnableRobot, func(tx *db.Tx, robot app.Robot) error {
		enabled := robot
		enabled.DisabledAt, enabled.Report = time.Time{}, app.Report{SentAt: robot.SentAt}
		return tx.UpdateRobot(enabled)
	})
}

// Remove removes a robot and its address. NotFound: somebody else has.
func (a *Alerts) Remove(ctx context.Context, by string, id app.RobotID) error {
	return a.change(ctx, by, id, app.ActionRemoveRobot, func(tx *db.Tx, robot app.Robot) error { return tx.DeleteRobot(robot.ID) })
}

// Test sends a robot a message that says so. It fails with *outgoing.Error where the robot does not take it. TooManyRequests: it has had
// its share of the hour. NotFound: it was removed.
func (a *Alerts) Test(ctx context.Context, by string, id app.RobotID) error {
	var robot app.Robot
	err := a.change(ctx, by, id, app.ActionTestRobot, func(tx *db.Tx, found app.Robot) error {
		robot = found
		if !a.mayBeSent(&robot) {
			return app.Fail(app.TooManyRequests, "").After(robot.HourAt.Add(time.Hour).Sub(a.Clock()))
		}
		return tx.UpdateRobot(robot)
	})
	if err != nil {
		return err
	}
	failure := a.send(ctx, robot, Message{Test: true})
	report := reported(robot.Report, failure, a.Clock())
	err = a.Store.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		now, err := tx.Robot(ctx, id)
		if err != nil {
			return err
		}
		now.Report = report
		return tx.UpdateRobot(now)
	})
	if err == nil && failure != nil {
		err = failure
	}
	return err
}

func (a *Alerts) change(
	ctx context.Context, by string, id app.RobotID, action app.Action, work func(*db.Tx, app.Robot) error,
) error {
	return a.Store.Write(ctx, func(tx *db.Tx) error {
		robot, err := tx.Robot(context.WithoutCancel(ctx), id)
		if err != nil {
			return err
		}
		if err := work(tx, robot); err != nil {
			return err
		}
		return a.audit(tx, by, action, robot)
	})
}

// audit records an action by the robot's name, and by what tells two of one name apart.
func (a *Alerts) audit(tx *db.Tx, by string, action app.Action, robot app.Robot) error {
	return tx.Audit(a.Ring, app.AuditRow{
		At: a.Clock(), Operator: by, Action: action, Detail: fmt.Sprintf("%s (%s, %s)", robot.Name, robot.Host, robot.Fingerprint),
	})
}

// open gives what of a robot is sealed.
func (a *Alerts) open(robot app.Robot) (credentials, error) {
	var opened credentials
	err := a.Ring.OpenValue(db.RobotPlace(robot.ID, robot.Kind), robot.Sealed, &opened)
	return opened, err
}
