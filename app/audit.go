package app

import "time"

// Action is the stable id of what an operator did.
type Action string

// What operators do to users and to work that concerns many of them.
const (
	ActionRelogin     Action = "users.relogin"
	ActionReloginAll  Action = "users.relogin_all"
	ActionReloginMany Action = "users.relogin_many"
	ActionCheck       Action = "users.check"
	ActionReset       Action = "users.reset"
	ActionDisable     Action = "users.disable"
	ActionEnable      Action = "users.enable"
	ActionEndDevice   Action = "users.end_device"
	ActionRevealPhone Action = "users.reveal_phone"
	ActionErase       Action = "users.erase"
	ActionExport      Action = "users.export"
	ActionImport      Action = "users.import"
	ActionCancelJob   Action = "jobs.cancel"
	ActionPauseCheck  Action = "keys.pause_check"
	ActionResumeCheck Action = "keys.resume_check"
	ActionSettle      Action = "matters.settle"
	ActionExportAudit Action = "audit.export"
	ActionRestore     Action = "data.restore"
	ActionRotateKey   Action = "data.rotate_key"
	ActionReencrypt   Action = "data.reencrypt"
	ActionCheckAudit  Action = "audit.check"
)

// What operators do to the credentials of back ends.
const (
	ActionAddBackEnd    Action = "backends.add"
	ActionRevokeBackEnd Action = "backends.revoke"
)

// What operators do to apps.
const (
	ActionAddApp       Action = "apps.add"
	ActionChangeApp    Action = "apps.change"
	ActionSetAppSecret Action = "apps.set_secret"
	ActionSetAppPush   Action = "apps.set_push"
	ActionDisableApp   Action = "apps.disable"
	ActionEnableApp    Action = "apps.enable"
)

// What operators do to the accounts of operators.
const (
	ActionSignIn          Action = "operators.sign_in"
	ActionSignOut         Action = "operators.sign_out"
	ActionAddOperator     Action = "operators.add"
	ActionSetRole         Action = "operators.set_role"
	ActionSetPassword     Action = "operators.set_password"
	ActionDisableOperator Action = "operators.disable"
	ActionEnableOperator  Action = "operators.enable"
	ActionEndSessions     Action = "operators.end_sessions"
	ActionTurnOnTOTP      Action = "operators.totp_on"
	ActionTurnOffTOTP     Action = "operators.totp_off"
	ActionResetTOTP       Action = "operators.totp_reset"
	ActionNewRecovery     Action = "operators.recovery_new"
	ActionUseRecovery     Action = "operators.recovery_used"
	ActionPasswordGuessed Action = "operators.password_guessed"
	ActionCodeGuessed     Action = "operators.code_guessed"
)

// What operators do to the robots that tell of alerts.
const (
	ActionAddRobot     Action = "robots.add"
	ActionTestRobot    Action = "robots.test"
	ActionDisableRobot Action = "robots.disable"
	ActionEnableRobot  Action = "robots.enable"
	ActionRemoveRobot  Action = "robots.remove"
)

// What operators do to webhooks and their deliveries.
const (
	ActionAddWebhook     Action = "webhooks.add"
	ActionTestWebhook    Action = "webhooks.test"
	ActionRotateWebhook  Action = "webhooks.new_secret"
	ActionDisableWebhook Action = "webhooks.disable"
	ActionEnableWebhook  Action = "webhooks.enable"
	ActionRemoveWebhook  Action = "webhooks.remove"
	ActionReplayDelivery Action = "webhooks.replay"
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

// Who else acts: WeChat by message push, the rule that data is not kept for ever, a restore, which erases again, and strangers who guess.
const (
	ByWeChat    = "WeChat"
	ByRetention = "retention"
	ByRestore   = "restore"
	ByStranger  = "stranger"
)
