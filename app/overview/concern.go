package overview

import (
	"strconv"
	"time"

	"wxkeeper/app"
)

// ConcernKind says what needs attention.
type ConcernKind string

// The kinds, in the order in which they are told.
const (
	StorageFailing       ConcernKind = "storage_failing"       // writes fail, or have failed lately
	DiskNearlyFull       ConcernKind = "disk_nearly_full"      // less than a tenth, or 1 GiB, is free
	BackupFailing        ConcernKind = "backup_failing"        // scheduled backups fail
	AuditBroken          ConcernKind = "audit_broken"          // the audit log was changed behind our back
	ConfigurationRefused ConcernKind = "configuration_refused" // WeChat refuses our appid, secret, address or account
	QuotaUsedUp          ConcernKind = "quota_used_up"         // WeChat refuses calls until midnight in China
	WeChatFailing        ConcernKind = "wechat_failing"        // logins fail because WeChat does not answer as it should
	SuccessLow           ConcernKind = "success_low"           // too few logins, or openings, succeed
	ClockWrong           ConcernKind = "clock_wrong"           // data was sealed in our future
	FailureWave          ConcernKind = "failure_wave"          // a failure is much more frequent than yesterday
	WebhookFailing       ConcernKind = "webhook_failing"       // a back end does not take what it is told
	WebhookLost          ConcernKind = "webhook_lost"          // messages to back ends were given up, or not kept
	PhonesRefused        ConcernKind = "phones_refused"        // WeChat gives no phone numbers to this mini program
	ClientsReport        ConcernKind = "clients_report"        // something that is ours to mend fails inside WeChat, as clients say
	KeysTakenElsewhere   ConcernKind = "keys_taken_elsewhere"  // two servers share one appid, it seems
	ConsentToSettle      ConcernKind = "consent_to_settle"     // a withdrawal of an unknown kind waits for a person
	PushRefused          ConcernKind = "push_refused"          // pushes came with a wrong signature
	ChecksPaused         ConcernKind = "checks_paused"         // the background check of keys stands still
)

// Concern is one thing that needs attention. What it does not know is left zero.
type Concern struct {
	Kind   ConcernKind
	Since  time.Time
	Count  int64 // events; of KeysTakenElsewhere users; of AuditBroken the row that is wrong; of WebhookFailing what waits
	Before int64 // of FailureWave: events in the same hours of yesterday

	Reason  app.Reason // of the events, the most frequent one
	Errcode int        // WeChat's answer
	Address string     // ours as WeChat sees it
	// Problem is what kept WeChat from answering, in the words of package wechat; of ConsentToSettle the event's words, of BackupFailing
	// the system's.
	Problem string

	Version string  // of the mini program from which most of a FailureWave comes; "": none was told
	Share   float64 // and the part that comes from there, from 0 to 1; of SuccessLow the part that succeeds

	User  app.UserNumber // of ConsentToSettle
	Event app.EventID    // and what to settle

	Webhook app.WebhookID // of WebhookFailing,
	Called  string        // and what people call it

	Operator string    // who paused the check; "": it pauses by itself
	Until    time.Time // until when, where it does

	Free, Size uint64 // bytes of the disk

	Target Target
}

// Name tells a concern from all others that there can be at the same time.
func (c Concern) Name() string {
	switch c.Kind {
	case ConfigurationRefused:
		return string(c.Kind) + "/" + strconv.Itoa(c.Errcode)
	case SuccessLow:
		return string(c.Kind) + "/" + string(c.Reason.Outcome())
	case FailureWave:
		return string(c.Kind) + "/" + string(c.Reason)
	case WebhookFailing:
		return string(c.Kind) + "/" + strconv.FormatInt(int64(c.Webhook), 10)
	case ConsentToSettle:
		return string(c.Kind) + "/" + strconv.FormatInt(int64(c.Event), 10)
	}
	return string(c.Kind)
}

// Page is a page of the dashboard that a concern leads to.
type Page string

// The pages.
const (
	EventsPage       Page = "events"
	UserPage         Page = "user"
	KeysPage         Page = "keys"
	SystemPage       Page = "system"
	AuditPage        Page = "audit"
	IntegrationsPage Page = "integrations"
)

// Target is where a concern leads.
type Target struct {
	Page   Page
	Events app.EventFilter // of EventsPage
	User   app.UserID      // of UserPage
}

func toEvents(filter app.EventFilter) Target { return Target{Page: EventsPage, Events: filter} }
