package web

import (
	"net/http"

	"wxkeeper/app"
)

// route is one way to reach the dashboard.
type route struct {
	method, path string
	role         app.Role // whom it needs at least
	handler      func(*visit) error
}

// everybody needs not have signed in.
const everybody app.Role = ""

const (
	adminPath = "/admin/"
	usersPath = "/admin/users"
)

// routes is the whole route table of the dashboard. Nothing changes by GET, but for the audit row of an export.
func (d *Dashboard) routes() []route {
	const (
		get, post               = http.MethodGet, http.MethodPost
		viewer, operator, admin = app.RoleViewer, app.RoleOperator, app.RoleAdmin
	)
	table := []route{
		{get, "/", everybody, d.home},
		{get, "/admin", everybody, d.home},
		{get, "/admin/login", everybody, d.signInPage},
		{post, "/admin/login", everybody, d.signIn},
		{post, "/admin/login/code", everybody, d.signInWithCode},
		{post, "/admin/language", everybody, d.setLanguage},
		{post, "/admin/theme", everybody, d.setTheme},
		{post, "/admin/logout", everybody, d.signOut},
		{get, "/admin/help", viewer, d.helpPage},

		{get, "/admin/", viewer, d.overviewPage},
		{post, "/admin/matters/:event/settle", operator, d.settle},

		{get, "/admin/troubleshoot", viewer, d.troubleshootPage},

		{get, "/admin/users", viewer, d.usersPage},
		{get, "/admin/users.csv", viewer, d.provenUnmasked(d.usersCSV)},
		{post, "/admin/users/relogin", operator, d.reloginMany},
		{post, "/admin/users/relogin-all", admin, d.reloginAll},
		{get, "/admin/jobs", viewer, d.jobsPage},
		{get, "/admin/jobs/:job", viewer, d.jobPage},
		{post, "/admin/jobs/:job/cancel", operator, d.cancelJob},

		{get, "/admin/avatars/:name", viewer, d.avatarPicture},
		{get, "/admin/users/:number", viewer, d.userPage},
		{get, "/admin/users/:number/keys", viewer, d.userKeysPage},
		{get, "/admin/users/:number/devices", viewer, d.userDevicesPage},
		{get, "/admin/users/:number/history", viewer, d.userHistoryPage},
		{get, "/admin/users/:number/events", viewer, d.userEventsPage},
		{get, "/admin/users/:number/audit", operator, d.userAuditPage},
		{post, "/admin/users/:number/check", operator, d.checkUser},
		{post, "/admin/users/:number/relogin", operator, d.reloginUser},
		{post, "/admin/users/:number/reset", operator, d.resetUser},
		{post, "/admin/users/:number/disable", operator, d.disableUser},
		{post, "/admin/users/:number/enable", operator, d.enableUser},
		{post, "/admin/users/:number/phone", operator, d.revealPhone},
		{post, "/admin/users/:number/devices/:device/end", operator, d.endDevice},
		{post, "/admin/users/:number/export", operator, d.proven(d.exportUser)},
		{post, "/admin/users/:number/erase", admin, d.proven(d.eraseUser)},

		{get, "/admin/keys", viewer, d.keysPage},
		{post, "/admin/keys/pause", operator, d.pauseChecks},
		{post, "/admin/keys/resume", operator, d.resumeChecks},

		{get, "/admin/events", viewer, d.eventsPage},
		{get, "/admin/events/live", viewer, d.liveEvents},

		{get, "/admin/audit", operator, d.auditPage},
		{get, "/admin/audit.csv", admin, d.auditCSV},
		{post, "/admin/audit/check", operator, d.checkAudit},

		{get, "/admin/operators", admin, d.operatorsPage},
		{post, "/admin/operators", admin, d.proven(d.addOperator)},
		{get, "/admin/operators/:operator", admin, d.operatorPage},
		{post, "/admin/operators/:operator/role", admin, d.proven(d.setOperatorRole)},
		{post, "/admin/operators/:operator/disable", admin, d.proven(d.disableOperator)},
		{post, "/admin/operators/:operator/enable", admin, d.proven(d.enableOperator)},
		{post, "/admin/operators/:operator/end-sessions", admin, d.endOperatorSessions},

		{get, "/admin/integrations", admin, d.integrationsPage},
		{post, "/admin/integrations/backends", admin, d.proven(d.addBackEnd)},
		{post, "/admin/integrations/backends/:backend/revoke", admin, d.proven(d.revokeBackEnd)},
		{post, "/admin/integrations/webhooks", admin, d.proven(d.addWebhook)},
		{post, "/admin/integrations/webhooks/:webhook/test", admin, d.proven(d.testWebhook)},
		{post, "/admin/integrations/webhooks/:webhook/secret", admin, d.proven(d.renewWebhookSecret)},
		{post, "/admin/integrations/webhooks/:webhook/disable", admin, d.proven(d.disableWebhook)},
		{post, "/admin/integrations/webhooks/:webhook/enable", admin, d.proven(d.enableWebhook)},
		{post, "/admin/integrations/webhooks/:webhook/remove", admin, d.proven(d.removeWebhook)},
		{post, "/admin/integrations/deliveries/:delivery/replay", admin, d.proven(d.replayDelivery)},

		{get, "/admin/alerts", admin, d.alertsPage},
		{post, "/admin/alerts", admin, d.proven(d.addRobot)},
		{post, "/admin/alerts/:robot/test", admin, d.proven(d.testRobot)},
		{post, "/admin/alerts/:robot/disable", admin, d.proven(d.disableRobot)},
		{post, "/admin/alerts/:robot/enable", admin, d.proven(d.enableRobot)},
		{post, "/admin/alerts/:robot/remove", admin, d.proven(d.removeRobot)},

		{get, "/admin/account", viewer, d.accountPage},
		{post, "/admin/account/password", viewer, d.changePassword},
		{post, "/admin/account/sessions/:session/end", viewer, d.endOwnSession},
		{post, "/admin/account/sessions/end-others", viewer, d.endOtherSessions},
		{get, "/admin/account/totp", viewer, d.totpPage},
		{post, "/admin/account/totp", viewer, d.turnOnTOTP},
		{post, "/admin/account/totp/off", viewer, d.turnOffTOTP},
		{post, "/admin/account/totp/recovery", viewer, d.proven(d.newRecoveryCodes)},
		{get, "/admin/prove", viewer, d.askToProve},
		{post, "/admin/prove", viewer, d.prove},

		{get, "/admin/system", operator, d.systemPage},
	}
	if d.Site != nil {
		table = append(table,
			route{get, "/admin/apps", viewer, d.appsPage},
			route{post, "/admin/apps", admin, d.proven(d.addApp)},
			route{get, "/admin/apps/:appid", admin, d.appPage},
			route{post, "/admin/apps/:appid", admin, d.proven(d.changeApp)},
			route{post, "/admin/apps/:appid/secret", admin, d.proven(d.setAppSecret)},
			route{post, "/admin/apps/:appid/push", admin, d.proven(d.setAppPush)},
			route{post, "/admin/apps/:appid/try", admin, d.tryApp},
			route{post, "/admin/apps/:appid/disable", admin, d.proven(d.disableApp)},
			route{post, "/admin/apps/:appid/enable", admin, d.proven(d.enableApp)},
		)
	}
	if d.Phones != nil {
		table = append(table,
			route{get, "/admin/phones", operator, d.phonesPage},
			route{get, "/admin/phones/:phone", operator, d.phonePage},
			route{post, "/admin/phones/:phone/:act", operator, d.playPhone},
		)
	}
	return table
}

// home leads to the overview.
func (d *Dashboard) home(v *visit) error { return v.goTo(adminPath) }
