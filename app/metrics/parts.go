package metrics

import (
	"context"
	"runtime"
	"strconv"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/meter"
	"wxkeeper/app/overview"
	"wxkeeper/app/web"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

func (c collector) tellProcess(t teller) {
	t.value(buildInfo, 1, c.Version, runtime.Version())
	tellLimits(t, everyApp, c.Site.LimitHits(), c.Store.Meters().Limits, c.Accounts.LimitHits(), c.BackEnds.LimitHits())
}

// everyApp stands for an appid where something is shared by all apps.
const everyApp = ""

func tellLimits(t teller, appid string, tallies ...*meter.Tally[app.Limit]) {
	for _, limits := range tallies {
		for limit, n := range limits.Each() {
			t.value(limitHits, float64(n), appid, string(limit))
		}
	}
}

// results are the outcomes as labels.
var results = map[app.Outcome]string{
	app.LoginSucceeded: "ok", app.LoginFailed: "failed", app.OpenSucceeded: "ok", app.OpenFailed: "failed",
}

// keyNames are the places of keys in a user's history.
var keyNames = [...]string{"current", "previous", "earlier"}

func (c collector) tellEvents(t teller, of web.Served) {
	appid := string(of.Keeper.Appid())
	for kind, n := range c.Store.Meters().Events(of.Keeper.AppID()).Each() {
		outcome := kind.Reason.Outcome()
		value, result, reason := float64(n), results[outcome], string(kind.Reason)
		switch {
		case outcome == app.NoteOnly:
		case kind.Explains:
			t.value(openingsExplained, value, appid, reason)
		case outcome == app.LoginSucceeded || outcome == app.LoginFailed:
			t.value(logins, value, appid, result, reason)
		case outcome == app.OpenSucceeded:
			t.value(openings, value, appid, result, reason, keyNames[kind.Key])
		case outcome == app.OpenFailed:
			t.value(openings, value, appid, result, reason, "none")
		default:
			t.value(otherEvents, value, appid, reason)
		}
	}
}

func tellAPI(t teller, of web.Served) {
	appid := string(of.Keeper.Appid())
	for endpoint := range of.API.Endpoints() {
		for code, n := range endpoint.Codes.Each() {
			t.value(apiAnswers, float64(n), appid, endpoint.Path, strconv.Itoa(code))
		}
		t.spread(apiDuration, endpoint.Times.Distribution(), second, appid, endpoint.Path)
	}
}

func tellWeChat(t teller, of web.Served) {
	appid := string(of.Keeper.Appid())
	counts, times := of.WeChat.Calls()
	for call, n := range counts {
		t.value(weChatCalls, float64(n), appid, call.API, string(call.Problem), call.Errcode)
	}
	for api, spread := range times {
		t.spread(weChatDuration, spread, second, appid, api)
	}
	health := of.WeChat.Health(t.now)
	for _, state := range []wechat.Breaker{wechat.BreakerClosed, wechat.BreakerOpen, wechat.BreakerProbing} {
		t.yes(weChatBreaker, health.Breaker == state, appid, string(state))
	}
	t.value(weChatWaiting, float64(of.WeChat.LoginsWaiting()), appid)
	t.time(weChatTokenExpiry, health.AccessTokenUntil, appid)
}

func (c collector) tellWriter(t teller) {
	meters := c.Store.Meters()
	t.spread(dbCommitWrites, meters.Batch.Distribution(), 1)
	t.spread(dbTransaction, meters.Transaction.Distribution(), second)
	t.spread(dbFlush, meters.Flush.Distribution(), second)
	t.value(dbLost, float64(meters.Lost.Load()))
}

// tellDatabase asks the disk for its sizes too.
func (c collector) tellDatabase(ctx context.Context, t teller) error {
	if free, size, known := overview.DiskSpace(c.Folder); known {
		t.value(diskFree, float64(free))
		t.value(diskSize, float64(size))
	}
	health, err := c.Store.Health(ctx)
	t.value(dbWaiting, float64(health.Waiting))
	t.value(dbWaitingMost, float64(health.QueueLength))
	t.yes(dbFailing, health.WriteFailed)
	if err != nil {
		return err
	}
	t.value(dbFile, float64(health.FileBytes))
	t.value(dbLog, float64(health.LogBytes))
	return nil
}

func (c collector) tellPopulations(ctx context.Context, t teller) error {
	for _, served := range c.Site.Served() {
		if err := c.tellPopulation(ctx, t, served.Keeper); err != nil {
			return err
		}
	}
	return nil
}

// tellPopulation reads counters: nothing is counted row by row but the keys of one hour.
func (c collector) tellPopulation(ctx context.Context, t teller, of *keeper.Keeper) error {
	read, appID, appid := c.Store.Read(), of.AppID(), string(of.Appid())
	people, err := read.CountUsers(ctx, appID)
	if err != nil {
		return err
	}
	devices, err := read.SessionCount(ctx, appID)
	if err != nil {
		return err
	}
	keys, err := read.KeyCounts(ctx, appID, t.now, of.Settings().KeyAging)
	if err != nil {
		return err
	}
	t.value(users, float64(people), appid)
	t.value(sessions, float64(devices), appid)
	for _, state := range app.KeyStates() {
		t.value(sessionKeys, float64(keys[state]), appid, string(state))
	}
	return nil
}

// deliveries are the counters of webhooks as labels.
var deliveries = map[string]string{db.CountDelivered: "ok", db.CountDeliveryFailed: "failed"}

// tellWebhooks tells of all webhooks together: their names are an operator's.
func (c collector) tellWebhooks(ctx context.Context, t teller) error {
	for name, n := range c.Store.Meters().Deliveries.Each() {
		switch value := float64(n); name {
		case db.CountDeliveryGivenUp:
			t.value(webhookGivenUp, value)
		case db.CountDeliveryDropped:
			t.value(webhookDropped, value)
		default:
			t.value(webhookTries, value, deliveries[name])
		}
	}
	hooks, err := c.Store.Read().Webhooks(ctx)
	if err != nil {
		return err
	}
	waiting := 0
	for _, hook := range hooks {
		waiting += hook.Waiting
	}
	t.value(webhookWaiting, float64(waiting))
	return nil
}

func (c collector) tellOperators(t teller) {
	for result, n := range c.Accounts.SignIns().Each() {
		t.value(signIns, float64(n), string(result))
	}
}

func (c collector) tellOperatorSessions(ctx context.Context, t teller) error {
	counts, err := c.Accounts.SessionCounts(ctx)
	if err != nil {
		return err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	t.value(operatorSessions, float64(total))
	return nil
}

func (c collector) tellJobs(t teller) {
	for _, run := range c.Jobs(t.now) {
		t.value(jobPeriod, run.Every.Seconds(), run.Name)
		t.time(jobLastRun, run.StartedAt, run.Name)
		t.time(jobLastSuccess, run.GoodAt, run.Name)
		t.value(jobDuration, run.Took.Seconds(), run.Name)
		t.yes(jobFailing, run.Problem != "", run.Name)
	}
}

func (c collector) tellBackups(ctx context.Context, t teller) error {
	t.yes(backupScheduled, c.Backups)
	last, err := c.Store.Read().LastBackup(ctx)
	if known(err) != nil {
		return err
	}
	t.time(backupLastSuccess, last.StartedAt)
	t.value(backupDuration, last.Took.Seconds())
	t.value(backupSize, float64(last.Bytes))
	since, _, err := c.Store.Read().BackupFailingSince(ctx)
	if err != nil {
		return err
	}
	t.yes(backupFailing, !since.IsZero())
	return nil
}

func (c collector) tellAudit(ctx context.Context, t teller) error {
	check, err := c.Store.Read().AuditCheck(ctx)
	if err != nil {
		return err
	}
	t.time(auditChecked, check.CheckedAt)
	t.value(auditRows, float64(check.CheckedTo))
	t.yes(auditBroken, check.BrokenAt != 0)
	return nil
}
