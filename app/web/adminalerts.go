package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/alert"
	"wxkeeper/app/outgoing"
	"wxkeeper/views"
)

const alertsPath = "/admin/alerts"

func (d *Dashboard) alertsPage(v *visit) error {
	return d.showAlerts(v, http.StatusOK, views.NewRobot{Kind: app.RobotWeCom, Language: string(v.text.Language)})
}

func (d *Dashboard) showAlerts(v *visit, status int, form views.NewRobot) error {
	robots, err := d.Alerts.Robots(v.context())
	if err != nil {
		return err
	}
	firing, err := d.Alerts.Firing(v.context())
	if err != nil {
		return err
	}
	page := views.AlertsPage{
		Robots: robots, Hold: d.Alerts.Hold, PerHour: d.Alerts.PerHour, Private: d.Alerts.Outgoing.Private(), New: form,
		Frame: v.frame(v.text.T("nav.alerts"), views.SectionAlerts), Unproven: !d.Accounts.Proven(v.session.present),
	}
	page.Firing = shownMatters(firing)
	page.Address = alertsPath
	return v.pageWith(status, views.Alerts(page))
}

// addRobot adds a robot. What is wrong with the form is said at its fields; what is secret in it has to be typed again.
func (d *Dashboard) addRobot(v *visit) error {
	form, err := v.form("kind", "name", "language", "secret_url", "secret_signing")
	if err != nil {
		return err
	}
	added := alert.NewRobot{
		Kind: app.RobotKind(form["kind"]), Name: form["name"], Language: form["language"],
		URL: app.Secret(strings.TrimSpace(form["secret_url"])), Secret: app.Secret(strings.TrimSpace(form["secret_signing"])),
	}
	robot, err := d.Alerts.Add(v.context(), v.operator.Name, added)
	failure := failureOf(err)
	switch {
	case err == nil:
		return v.done(v.text.T("robot.added", "name", robot.Name), alertsPath)
	case failure.Kind == app.TooManyRequests:
		return v.refuse("robot.full", alertsPath)
	case failure.Kind == app.Malformed:
		wrong := views.Wrong{failure.Field: "robot." + failure.Field + ".wrong"}
		return d.showAlerts(v, http.StatusUnprocessableEntity, views.NewRobot{
			Kind: added.Kind, Name: added.Name, Language: added.Language, Wrong: wrong,
		})
	}
	return err
}

// testRobot sends a test message and says what became of it.
func (d *Dashboard) testRobot(v *visit) error {
	return d.onRobot(v, func(robot app.Robot) error {
		err := d.Alerts.Test(v.context(), v.operator.Name, robot.ID)
		failure, failed := errors.AsType[*outgoing.Error](err)
		switch {
		case err == nil:
			return v.say(views.ToneGood, v.text.T("robot.tested", "name", robot.Name))
		case failed:
			cause := views.Frame{Text: v.text}.OutgoingCause(string(failure.Problem), failure.Status, failure.Errcode)
			return v.say(views.ToneWarn, v.text.T("robot.untested", "name", robot.Name, "cause", cause))
		case app.KindOf(err) == app.TooManyRequests:
			return v.say(views.ToneWarn, v.text.T("robot.toomany", "name", robot.Name))
		}
		return err
	})
}

func (d *Dashboard) disableRobot(v *visit) error {
	return d.onRobot(v, func(robot app.Robot) error {
		if err := d.Alerts.Disable(v.context(), v.operator.Name, robot.ID); err != nil {
			return err
		}
		return v.say(views.ToneGood, v.text.T("robot.disabled.done", "name", robot.Name))
	})
}

func (d *Dashboard) enableRobot(v *visit) error {
	return d.onRobot(v, func(robot app.Robot) error {
		if err := d.Alerts.Enable(v.context(), v.operator.Name, robot.ID); err != nil {
			return err
		}
		return v.say(views.ToneGood, v.text.T("robot.enabled.done", "name", robot.Name))
	})
}

func (d *Dashboard) removeRobot(v *visit) error {
	return d.onRobot(v, func(robot app.Robot) error {
		if err := d.Alerts.Remove(v.context(), v.operator.Name, robot.ID); err != nil {
			return err
		}
		return v.say(views.ToneGood, v.text.T("robot.removed", "name", robot.Name))
	})
}

// onRobot does something to the robot in the path, and leads back to the list.
func (d *Dashboard) onRobot(v *visit, work func(app.Robot) error) error {
	id, err := strconv.ParseInt(v.Param("robot"), 10, 64)
	if err != nil {
		return app.Fail(app.NotFound, "")
	}
	robot, err := d.Store.Read().Robot(v.context(), app.RobotID(id))
	if err != nil {
		return err
	}
	if err := work(robot); err != nil {
		return err
	}
	return v.goTo(alertsPath)
}

// AlertWriter puts alerts into words, with where the dashboard is (PublicURL; "": not known) and which installation this is.
func AlertWriter(publicURL, envName string, location *time.Location) func(string, alert.Message) string {
	address := ""
	if publicURL != "" {
		address = publicURL + adminPath
	}
	return func(language string, message alert.Message) string {
		frame := views.Frame{Text: views.Text{Language: views.Language(language)}, EnvName: envName, Location: location}
		return frame.AlertText(shownMatters(message.Firing), shownMatters(message.Over), address)
	}
}

func shownMatters(matters []alert.Matter) []views.Concern {
	var shown []views.Concern
	for _, matter := range matters {
		one := shownConcern(matter.Concern)
		one.Appid = matter.Appid
		shown = append(shown, one)
	}
	return shown
}
