package views

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

const alertsAddress = "/admin/alerts"

// AlertsPage lists the robots that tell people what needs attention, with a form to add one.
type AlertsPage struct {
	Frame
	Robots   []app.Robot
	Firing   []Concern
	Hold     time.Duration // before something is told
	PerHour  int           // messages a robot gets in an hour at most
	Private  bool          // robots of private networks may be added
	New      NewRobot
	Unproven bool // whoever does something has to prove who they are
}

// NewRobot is the form of a robot to add, as it was filled in. What is secret in it is not shown again.
type NewRobot struct {
	Kind     app.RobotKind
	Name     string
	Language string
	Wrong    Wrong
}

func robotAddress(id app.RobotID, act string) string {
	return alertsAddress + "/" + strconv.FormatInt(int64(id), 10) + "/" + act
}

func robotElement(id app.RobotID, act string) string {
	return act + "-" + strconv.FormatInt(int64(id), 10)
}

func (f Frame) robotKinds() []Option {
	var options []Option
	for _, kind := range app.RobotKinds() {
		options = append(options, Option{string(kind), f.T("robot.kind." + string(kind))})
	}
	return options
}

func languageOptions() []Option {
	return []Option{{string(Chinese), "中文"}, {string(English), "English"}}
}

// reportBadge says in a word how sending to an address fares.
func (f Frame) reportBadge(disabled bool, report app.Report) Badge {
	switch {
	case disabled:
		return Badge{Tone: ToneFaint, Icon: "ban", Text: f.T("report.disabled")}
	case report.Problem != "":
		return Badge{Tone: ToneBad, Icon: "circle-x", Text: f.T("report.failing", "n", report.Failures)}
	case report.SentAt.IsZero():
		return Badge{Tone: ToneFaint, Icon: "minus", Text: f.T("report.unused")}
	}
	return Badge{Tone: ToneGood, Icon: "circle-check", Text: f.T("report.good")}
}

// reportCause says why the last message did not arrive, and when another try is made.
func (f Frame) reportCause(report app.Report) string {
	return f.OutgoingCause(report.Problem, report.Status, report.Errcode) + " · " + f.T("report.next", "when", f.onDay(report.NextTryAt))
}

// OutgoingCause says why a message to somebody else did not arrive.
func (f Frame) OutgoingCause(problem string, status, errcode int) string {
	switch {
	case status != 0:
		return "HTTP " + strconv.Itoa(status)
	case errcode != 0:
		return f.T("report.errcode", "errcode", strconv.Itoa(errcode))
	}
	return f.Problem(problem)
}

// robotHelp says what a robot's answer asks to be done; "": nothing that is known.
func (t Text) robotHelp(robot app.Robot) string {
	return t.words("robot.errcode." + string(robot.Kind) + "." + strconv.Itoa(robot.Errcode))
}

// AlertText is a message for people: what happened, since when, what to do, and where to see more. Times in it are whole dates, since
// a message may be read much later.
func (f Frame) AlertText(firing, over []Concern, address string) string {
	f.Now = time.Time{}
	name := strings.TrimSpace("wxkeeper " + f.EnvName)
	var lines []string
	add := func(text string) {
		if text != "" {
			lines = append(lines, text)
		}
	}
	switch {
	case len(firing)+len(over) == 0:
		add(f.T("alert.test", "name", name))
	case len(firing) == 0:
		add(f.T("alert.over", "name", name))
	default:
		add(f.T("alert.firing", "name", name))
	}
	add(address)
	for _, concern := range firing {
		add("• " + f.matterTitle(concern))
		add("  " + f.concernFacts(concern))
		if help := f.concernHelp(concern); help != "" {
			add("  " + help)
		}
	}
	if len(firing) > 0 && len(over) > 0 {
		add(f.T("alert.over", "name", name))
	}
	for _, concern := range over {
		add("• " + f.matterTitle(concern))
		add("  " + f.T("alert.span", "since", f.onDay(concern.Since), "until", f.onDay(concern.Until)))
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" }), "\n")
}

func (p AlertsPage) urlHint() string {
	if p.Private {
		return p.T("robot.url.hint.private")
	}
	return p.T("robot.url.hint")
}

// matterTitle says what is wrong, and with which app where there are several.
func (f Frame) matterTitle(c Concern) string {
	if c.Appid == "" {
		return f.concernTitle(c)
	}
	return f.T("frame.app", "appid", string(c.Appid)) + " · " + f.concernTitle(c)
}
