// Package diagnosis is 排查: it answers a complaint ("登录不上", "手机号解密失败") with one verdict, the events it rests on and one
// thing to do.
//
// A complaint names a user, a support code, WeChat's rid or a time, in the words people use. The rules ask, in this order:
// is our configuration refused or WeChat failing, so that everybody is hit; is the user disabled; what do the events of the
// support code say; what was the user's newest failure, and is it everybody's; has it worked again since; has anything
// arrived at all. It only reads, in bounded steps, and says so where it did not see everything.
package diagnosis

import (
	"time"

	"wxkeeper/app"
)

// Finding is what a complaint comes down to.
type Finding string

// The findings.
const (
	// Nobody could be judged.
	Candidates         Finding = "candidates"           // several users fit: choose one
	UnknownUser        Finding = "unknown_user"         // nobody fits
	UnknownSupportCode Finding = "unknown_support_code" // no event has it
	UnknownRid         Finding = "unknown_rid"          // no event has it, as far back as Looked
	PastKeeping        Finding = "past_keeping"         // events of that time are no longer kept
	TooManyEvents      Finding = "too_many_events"      // the user has so many events since that those of that time were not reached

	// Everybody is hit.
	OurConfiguration  Finding = "our_configuration"  // WeChat refuses it
	WeChatFailing     Finding = "wechat_failing"     // WeChat answers late, busy or nonsense
	WeChatUnreachable Finding = "wechat_unreachable" // there is no way to WeChat: DNS, a firewall, TLS
	StorageFailing    Finding = "storage_failing"    // our disk
	Wave              Finding = "wave"               // many users have the same failure

	// One user, or one request.
	UserDisabled         Finding = "user_disabled"
	BlockedByWeChat      Finding = "blocked_by_wechat"
	KeyDead              Finding = "key_dead"
	KeyReplaced          Finding = "key_replaced"           // the key that failed is the past: a login has brought another since
	CheckPending         Finding = "check_pending"          // no key fits, and WeChat has not said yet whether ours is good
	CollectedBeforeLogin Finding = "collected_before_login" // our key is good and new: the data was collected before it came
	OtherKey             Finding = "other_key"              // our key is good: another server's data, or damaged on the way
	DataDamaged          Finding = "data_damaged"           // the signature proves the key
	ClientMistake        Finding = "client_mistake"         // the mini program does something wrong; Reason says what
	Suspicious           Finding = "suspicious"             // forged, or of another user
	Outdated             Finding = "outdated"               // what was sent is too old
	Limited              Finding = "limited"                // too many requests; Reason says by whose count
	InsideWeChat         Finding = "inside_wechat"          // the client says so; nothing of it reached this server. Reason says why
	SignedOut            Finding = "signed_out"             // the login has ended and no other has begun; Reason says by what

	// Nothing is wrong that can be seen here.
	FineNow        Finding = "fine_now"        // it worked lately; Reason is what had failed before, if anything
	NothingArrived Finding = "nothing_arrived" // no request in Window: the fault lies before the server
	OnlyChecked    Finding = "only_checked"    // neither login nor opening; the token was checked, or may have been where Since is zero
	NoFailures     Finding = "no_failures"     // without a user: nothing failed, as far as Looked; Evidence is what arrived
	Failures       Finding = "failures"        // without a user: several different failures
)

// Action is the one thing to do about a finding.
type Action string

// The actions. What they are about, Target says.
const (
	NoAction          Action = ""
	CheckNow          Action = "check_now"           // ask WeChat about the user's key
	ForceRelogin      Action = "force_relogin"       // of the user
	EnableUser        Action = "enable_user"         // let the user in again
	CopyForDevelopers Action = "copy_for_developers" // the Facts
	ShowSameVersion   Action = "show_same_version"   // other failures of the same version in that time
	ShowAll           Action = "show_all"            // all events of the reason in that time
	ShowDevices       Action = "show_devices"        // of the user
	OpenConfiguration Action = "open_configuration"  // of the mini program, to test the connection
	OpenSystem        Action = "open_system"         // the server's own state
)

// Target is what an action is about. Only what the action needs is set.
type Target struct {
	User    app.UserNumber
	Reason  app.Reason
	Version string
	Address string
	Window  Window
}

// Match says how events were tied to a user who is not named in them.
type Match string

// The ways to tie an event to a user.
const (
	MatchedExactly  Match = ""
	MatchedByDevice Match = "device" // same address, platform and model as the user's: likely, not certain
)

// Diagnosis is the answer to a question: one finding, what it rests on, and one action. Zero values mean: does not apply.
type Diagnosis struct {
	Asked   Asked
	Window  Window // the time that was looked at
	Finding Finding
	Action  Action
	Target  Target

	Reason app.Reason // of the event that decided
	Since  time.Time  // since when, or when: of the failure, the outage, the wave, the last trace
	Healed time.Time  // when the same thing worked again, or what hindered it was gone
	Looked time.Time  // events older than this were not looked through, or are dropped

	Failures int64   // how many, where the finding is about many; a lower bound if Looked is set
	Users    int     // how many users, or addresses where nobody knows the users
	Share    float64 // of Users that had Version
	Version  string  // of the mini program

	API            string // of WeChat's client, which failed inside it
	Errcode        int    // WeChat's answer
	Rid            string
	Operator       string // who disabled the user or ended the login
	OperatorReason string // why, in the operator's words

	User       *app.User
	Key        app.Freshness // of the user's current key; no State: there is none
	Match      Match
	Candidates []app.User // newest first
	More       bool       // there are more candidates, or may be: so many names fit a part of the nickname

	Evidence []app.Event // newest first
	KeptFor  time.Duration
}

const (
	candidatesShown = 20
	evidenceShown   = 20
)

// show adds events to the evidence, as many as are shown.
func (d *Diagnosis) show(events ...app.Event) {
	for _, event := range events {
		if len(d.Evidence) < evidenceShown {
			d.Evidence = append(d.Evidence, event)
		}
	}
}

// rest takes over what the event that decided says.
func (d *Diagnosis) rest(on app.Event) {
	d.Reason, d.Since, d.Errcode, d.Rid, d.Version = on.Reason, on.At(), on.Errcode, on.Rid, on.Client.Version
	d.API = on.Detail.API
}
