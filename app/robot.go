package app

import "time"

// RobotID names a robot in our tables.
type RobotID int64

// RobotKind is where a robot speaks.
type RobotKind string

// The kinds of robots.
const (
	RobotWeCom    RobotKind = "wecom"    // 企业微信
	RobotFeishu   RobotKind = "feishu"   // 飞书
	RobotDingTalk RobotKind = "dingtalk" // 钉钉
	RobotWebhook  RobotKind = "webhook"  // any address that takes JSON
)

// RobotKinds lists the kinds in the order in which they are offered.
func RobotKinds() []RobotKind {
	return []RobotKind{RobotWeCom, RobotFeishu, RobotDingTalk, RobotWebhook}
}

// Robot tells a chat group, or a program, what needs attention. Its address and its signing secret are sealed; people see its host
// and a fingerprint.
type Robot struct {
	ID          RobotID
	Kind        RobotKind
	Name        string
	Language    string // of its messages: zh-CN or en
	Host        string
	Fingerprint string // of the address, 8 hex digits
	Signed      bool   // it has a signing secret
	Sealed      []byte // address and signing secret

	DisabledAt time.Time // zero: it is in use
	Report
	HourAt   time.Time // when the hour began in which its messages are counted
	HourSent int       // how many there were in it
}

// Report is how sending to an address fares.
type Report struct {
	SentAt    time.Time // when a message arrived last; zero: none has
	Failures  int       // in a row
	FailedAt  time.Time // when the last of them was
	NextTryAt time.Time // not before; zero: at once
	Problem   string    // of the last failure, in the words of package outgoing; "": the last message arrived
	Status    int       // HTTP status of that, 0: there was none or it was good
	Errcode   int       // the number with which the robot's side said no, 0: it did not
}

// Disabled says whether the robot is silent.
func (r Robot) Disabled() bool { return !r.DisabledAt.IsZero() }

// CreatedAt is when the robot was added.
func (r Robot) CreatedAt() time.Time { return ID(r.ID).Time() }

// Alert is one condition that is watched: since when it holds, and what became of it.
type Alert struct {
	AppID    AppID
	Name     string    // what it is about, such as configuration_refused/40125
	SeenFrom time.Time // since when it has been seen at every look
	SeenAt   time.Time // when it was seen last
	FiringAt time.Time // since when it has held long enough to be told; zero: not yet
	EndedAt  time.Time // since when it is over; zero: it is not
	Detail   []byte    // what was seen last, as JSON
}

// ToldAlert says that a robot was told of an alert.
type ToldAlert struct {
	AppID AppID
	Name  string
	At    time.Time
}
