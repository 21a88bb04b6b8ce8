package app

import "time"

// Action is the stable id of what an operator did.
type Action string

// What operators do.
const (
	ActionRelogin    Action = "users.relogin"
	ActionReloginAll Action = "users.relogin_all"
	ActionCheck      Action = "users.check"
	ActionReset      Action = "users.reset"
	ActionErase      Action = "users.erase"
	ActionExport     Action = "users.export"
)

// AuditRow is one action of an operator. The rows are a chain: each carries a MAC over itself and the one before.
type AuditRow struct {
	Sequence int64
	At       time.Time
	Operator string // who, as they are called; "command line" for the program's owner
	Action   Action
	AppID    AppID
	UserID   UserID // 0: nobody in particular
	Reason   string // why, in the operator's words
	Detail   string // what came of it
	MAC      []byte
}

// CommandLine is who acts by the command line.
const CommandLine = "command line"

// Who else acts: WeChat by message push, and the rule that data is not kept for ever.
const (
	ByWeChat    = "WeChat"
	ByRetention = "retention"
)
