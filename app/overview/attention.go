package overview

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const (
	oneDay = 24 * time.Hour

	eventsSampled = 200 // to say where events come from
	mattersTold   = 20
	runFollowed   = 7 * oneDay // how far back the beginning of a trouble is looked for

	diskShare = 10      // the disk is nearly full where a tenth of it or less is free,
	diskLeft  = 1 << 30 // or less than this

	serversUsers = 3 // users in a day whose keys were taken elsewhere

	webhookMissed = 3 // turns in a row in which a webhook took nothing: with one message, six minutes

	shortPause = 5 * time.Minute // a pause of the check that ends sooner is nobody's concern
)

// Attention lists what needs attention, the most urgent first; nothing where all is well. A trouble that has gone away may be told
// for up to two hours more, since counters go by the hour. Where a look fails it gives what the others see, with the error.
func (o Overview) Attention(ctx context.Context, now time.Time) ([]Concern, error) {
	var all []Concern
	var failures []error
	for _, look := range []func(context.Context, time.Time) ([]Concern, error){
		o.storage, o.disk, o.backups, o.auditLog, o.configuration, o.quota, o.failing, o.webhooks, o.phones, o.reported, o.keysTaken, o.consent,
		o.pushes, o.checks,
	} {
		some, err := look(ctx, now)
		all, failures = append(all, some...), append(failures, err)
	}
	return all, errors.Join(failures...)
}

// lately is the beginning of the hour before the present one.
func lately(now time.Time) time.Time { return now.Truncate(time.Hour).Add(-time.Hour) }

// count sums counters from the hour of a time until now.
func (o Overview) count(ctx context.Context, reason app.Reason, from, now time.Time) (int64, error) {
	return o.Store.Read().Counted(ctx, o.Keeper.AppID(), string(reason), from, now)
}

// concern tells of a reason's events since a time, nil where there are none.
func (o Overview) concern(
	ctx context.Context, kind ConcernKind, reason app.Reason, from, now time.Time,
) ([]Concern, error) {
	n, err := o.count(ctx, reason, from, now)
	if err != nil || n == 0 {
		return nil, err
	}
	concern := Concern{Kind: kind, Count: n, Reason: reason, Since: from}
	filter := app.EventFilter{Reasons: []app.Reason{reason}, From: from}
	first, found, err := o.firstEvent(ctx, filter)
	if found {
		concern.Since = first.At()
	}
	concern.Target = toEvents(filter)
	return []Concern{concern}, err
}

// storage says whether writing fails now, or failed lately.
func (o Overview) storage(ctx context.Context, now time.Time) ([]Concern, error) {
	failed, err := o.concern(ctx, StorageFailing, app.LoginStorage, lately(now), now)
	if err == nil && len(failed) == 0 && o.Store.Ready(ctx) != nil {
		failed = []Concern{{Kind: StorageFailing}}
	}
	for i := range failed {
		failed[i].Target = Target{Page: SystemPage}
	}
	return failed, err
}

func (o Overview) disk(context.Context, time.Time) ([]Concern, error) {
	if o.Folder == "" {
		return nil, nil
	}
	free, size, known := DiskSpace(o.Folder)
	if !known || free >= diskLeft && free > size/diskShare {
		return nil, nil
	}
	return []Concern{{Kind: DiskNearlyFull, Free: free, Size: size, Target: Target{Page: SystemPage}}}, nil
}

// backups says whether scheduled backups fail.
func (o Overview) backups(ctx context.Context, _ time.Time) ([]Concern, error) {
	if !o.Backups {
		return nil, nil
	}
	since, problem, err := o.Store.Read().BackupFailingSince(ctx)
	if err != nil || problem == "" {
		return nil, err
	}
	return []Concern{{Kind: BackupFailing, Since: since, Problem: problem, Target: Target{Page: SystemPage}}}, nil
}

// auditLog says whether the last check of the audit log found it changed.
func (o Overview) auditLog(ctx context.Context, _ time.Time) ([]Concern, error) {
	check, err := o.Store.Read().AuditCheck(ctx)
	if err != nil || check.BrokenAt == 0 {
		return nil, err
	}
	return []Concern{{Kind: AuditBroken, Since: check.CheckedAt, Count: check.BrokenAt, Target: Target{Page: AuditPage}}}, nil
}

// quota says whether WeChat has refused calls today because the day's quota is used up. It stays so until midnight in China.
func (o Overview) quota(ctx context.Context, now time.Time) ([]Concern, error) {
	midnight := now.Add(keeper.UntilTomorrow(now) - oneDay)
	counts, err := o.countedByGroup(ctx, db.CountsByErrcode, midnight, now)
	if err != nil {
		return nil, err
	}
	concern := Concern{Kind: QuotaUsedUp, Errcode: wechat.ErrcodeDayQuota, Since: midnight, Until: midnight.Add(oneDay)}
	for _, one := range counts {
		if one.Name == strconv.Itoa(wechat.ErrcodeDayQuota) {
			concern.Count += one.N
		}
	}
	if concern.Count == 0 {
		return nil, nil
	}
	filter := app.EventFilter{Errcode: wechat.ErrcodeDayQuota, From: midnight}
	first, found, err := o.firstEvent(ctx, filter)
	if found {
		concern.Since = first.At()
	}
	concern.Target = toEvents(filter)
	return []Concern{concern}, err
}

// configuration finds the errcodes with which WeChat has refused our configuration within the hour.
func (o Overview) configuration(ctx context.Context, now time.Time) ([]Concern, error) {
	counts, err := o.countedByGroup(ctx, db.CountsByErrcode, now.Add(-runFollowed), now)
	if err != nil {
		return nil, err
	}
	hours := map[int]map[time.Time]int64{}
	for _, one := range counts {
		errcode, err := strconv.Atoi(one.Name)
		if refusal := (wechat.Error{Problem: wechat.ProblemErrcode, Errcode: errcode}); err != nil ||
			refusal.Class() != wechat.ClassConfiguration {
			continue
		}
		if hours[errcode] == nil {
			hours[errcode] = map[time.Time]int64{}
		}
		hours[errcode][one.Hour.UTC()] = one.N
	}
	var all []Concern
	for _, errcode := range slices.Sorted(maps.Keys(hours)) {
		some, err := o.refused(ctx, errcode, hours[errcode], now)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// refused tells of one errcode, unless nobody has met it for an hour or logins succeed again.
func (o Overview) refused(ctx context.Context, errcode int, hours map[time.Time]int64, now time.Time) ([]Concern, error) {
	filter := app.EventFilter{Errcode: errcode, From: now.Add(-time.Hour)}
	newest, err := o.events(ctx, filter, 1)
	if err != nil || len(newest) == 0 {
		return nil, err
	}
	event := newest[0]
	if event.Reason == app.LoginConfig {
		over, err := o.loginsSince(ctx, event)
		if err != nil || over {
			return nil, err
		}
	}
	concern := Concern{
		Kind: ConfigurationRefused, Errcode: errcode, Reason: event.Reason, Address: event.Detail.Address,
		Count: hours[lately(now).UTC()] + hours[now.Truncate(time.Hour).UTC()],
	}
	filter.From = runBefore(hours, event.At())
	first, found, err := o.firstEvent(ctx, filter)
	if concern.Since = filter.From; found {
		concern.Since = first.At()
	}
	filter.From = concern.Since
	concern.Target = toEvents(filter)
	return []Concern{concern}, err
}

// loginsSince says whether a login has succeeded since an event.
func (o Overview) loginsSince(ctx context.Context, event app.Event) (bool, error) {
	page, err := o.Store.Read().ListEvents(ctx, db.EventListing{
		AppID: o.Keeper.AppID(), Filter: app.EventFilter{Reasons: app.LoginSucceeded.Reasons()}, After: event.ID, Limit: 1,
	})
	return len(page.Events) > 0, err
}

// runBefore is where the hours begin that go on without a gap until a time.
func runBefore(hours map[time.Time]int64, at time.Time) time.Time {
	began := at.UTC().Truncate(time.Hour)
	for hours[began.Add(-time.Hour)] > 0 {
		began = began.Add(-time.Hour)
	}
	return began
}

// failing tells what fails beyond the usual: because of WeChat, because of our clock, or for any other reason.
func (o Overview) failing(ctx context.Context, now time.Time) ([]Concern, error) {
	weChat, err := o.weChatFailing(ctx, now)
	if err != nil {
		return nil, err
	}
	clock, err := o.concern(ctx, ClockWrong, app.OpenFuture, lately(now), now)
	if err != nil {
		return nil, err
	}
	low, err := o.successLow(ctx, now, len(weChat) > 0)
	if err != nil {
		return nil, err
	}
	waves, err := o.waves(ctx, now, len(weChat) > 0)
	return slices.Concat(weChat, low, clock, waves), err
}

// keysTaken says whether several users' keys died within a day although they were good just before.
func (o Overview) keysTaken(ctx context.Context, now time.Time) ([]Concern, error) {
	filter := app.EventFilter{Reasons: []app.Reason{app.KeyTakenElsewhere}, From: now.Add(-oneDay)}
	events, err := o.events(ctx, filter, eventsSampled)
	users := map[app.UserID]bool{}
	for _, event := range events {
		users[event.UserID] = true
	}
	if err != nil || len(users) < serversUsers {
		return nil, err
	}
	return []Concern{{
		Kind: KeysTakenElsewhere, Reason: app.KeyTakenElsewhere, Count: int64(len(users)), Since: events[len(events)-1].At(),
		Target: toEvents(filter),
	}}, nil
}

func (o Overview) consent(ctx context.Context, _ time.Time) ([]Concern, error) {
	matters, err := o.Keeper.Matters(ctx, mattersTold)
	var all []Concern
	for _, matter := range matters {
		all = append(all, Concern{
			Kind: ConsentToSettle, Since: matter.At(), Count: 1, Reason: matter.Reason, Problem: matter.Problem,
			User: matter.User, Event: matter.EventID, Target: Target{Page: UserPage, User: matter.UserID},
		})
	}
	return all, err
}

// webhooks tells which back ends do not take what they are told, and whether a message was lost to one within a day.
func (o Overview) webhooks(ctx context.Context, now time.Time) ([]Concern, error) {
	hooks, err := o.Store.Read().Webhooks(ctx)
	hooks = slices.DeleteFunc(hooks, app.Webhook.Disabled)
	if err != nil || len(hooks) == 0 {
		return nil, err
	}
	var all []Concern
	there := Target{Page: IntegrationsPage}
	for _, hook := range hooks {
		if hook.Failures >= webhookMissed {
			all = append(all, Concern{Kind: WebhookFailing, Webhook: hook.ID, Called: hook.Name, Count: int64(hook.Waiting), Target: there})
		}
	}
	lost := Concern{Kind: WebhookLost, Target: there}
	for _, name := range []string{db.CountDeliveryGivenUp, db.CountDeliveryDropped} {
		n, err := o.Store.Read().Counted(ctx, o.Keeper.AppID(), name, now.Add(-oneDay), now)
		if err != nil {
			return all, err
		}
		lost.Count += n
	}
	if lost.Count > 0 {
		all = append(all, lost)
	}
	return all, nil
}

// phones says whether WeChat refuses phone numbers to everybody.
func (o Overview) phones(ctx context.Context, now time.Time) ([]Concern, error) {
	return o.concerns(ctx, PhonesRefused, []app.Reason{app.PhoneNotGranted, app.PhoneConfig}, now)
}

// reported says what clients report that is ours to mend. It never reached this server, so that nothing else here shows it.
func (o Overview) reported(ctx context.Context, now time.Time) ([]Concern, error) {
	return o.concerns(ctx, ClientsReport, []app.Reason{
		app.ReportPhoneQuota, app.ReportPhoneNotGranted, app.ReportPrivacyGuide, app.ReportDomain, app.ReportCertificate,
	}, now)
}

// concerns tells of each reason's events of late.
func (o Overview) concerns(ctx context.Context, kind ConcernKind, reasons []app.Reason, now time.Time) ([]Concern, error) {
	var all []Concern
	for _, reason := range reasons {
		some, err := o.concern(ctx, kind, reason, lately(now), now)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func (o Overview) pushes(ctx context.Context, now time.Time) ([]Concern, error) {
	return o.concern(ctx, PushRefused, app.PushBadSignature, now.Add(-oneDay), now)
}

// checks says whether the background check stands still.
func (o Overview) checks(ctx context.Context, now time.Time) ([]Concern, error) {
	probing, err := o.Keeper.Probing(ctx)
	if err != nil {
		return nil, err
	}
	concern := Concern{Kind: ChecksPaused, Target: Target{Page: KeysPage}}
	switch {
	case !probing.Stopped.Since.IsZero():
		concern.Since, concern.Operator = probing.Stopped.Since, probing.Stopped.Operator
	case probing.PausedUntil.Sub(now) > shortPause:
		concern.Until, concern.Problem = probing.PausedUntil, probing.Pause
	default:
		return nil, nil
	}
	return []Concern{concern}, nil
}

// mostFrequent is the key with the highest number, the first of several.
func mostFrequent[K cmp.Ordered](counts map[K]int64) (key K) {
	most := int64(0)
	for _, one := range slices.Sorted(maps.Keys(counts)) {
		if counts[one] > most {
			key, most = one, counts[one]
		}
	}
	return key
}
