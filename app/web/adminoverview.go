package web

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
	"wxkeeper/views"
)

func (d *Dashboard) overviewPage(v *visit) error {
	page, err := d.overview(v)
	if err != nil {
		return err
	}
	return v.page(views.Overview(page))
}

// settle notes that somebody has dealt with a matter.
func (d *Dashboard) settle(v *visit) error {
	form, err := v.form("reason", "reason_text")
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(v.Param("event"), 10, 64)
	if err != nil {
		return app.Fail(app.NotFound, "")
	}
	err = d.Keeper.Settle(v.context(), v.order(form), app.EventID(id))
	switch app.KindOf(err) {
	case app.MissingParameter, app.Malformed:
		return d.askWhySettled(v, app.EventID(id), form)
	case app.NotFound:
		return v.refuse("concern.settledBefore", adminPath)
	}
	if err != nil {
		return err
	}
	return v.done(v.text.T("concern.settled"), adminPath)
}

// askWhySettled shows the page again with the form that lacked a reason.
func (d *Dashboard) askWhySettled(v *visit, event app.EventID, form fields) error {
	page, err := d.overview(v)
	if err != nil {
		return err
	}
	for i, concern := range page.Concerns {
		if concern.Matter == event {
			page.Concerns[i].Wrong, page.Concerns[i].Chosen, page.Concerns[i].Words = true, form["reason"], form["reason_text"]
		}
	}
	return v.pageWith(http.StatusUnprocessableEntity, views.Overview(page))
}

func (d *Dashboard) overview(v *visit) (views.OverviewPage, error) {
	ctx, now := v.context(), v.now()
	today, err := d.Overview.Today(ctx, now, d.Location)
	if err != nil {
		return views.OverviewPage{}, err
	}
	concerns, err := d.concerns.look(ctx, d.Overview, now)
	if err != nil {
		return views.OverviewPage{}, err
	}
	page := views.OverviewPage{
		Frame: v.frame(v.text.T("nav.overview"), views.SectionOverview),
		Login: ratesOf(today.Login), Opening: ratesOf(today.Opening), Rescued: views.Counts(today.Rescued), Active: views.Counts(today.ActiveUsers),
		New: views.Counts(today.NewUsers), Users: today.Users, Keys: today.Keys, WeChat: healthOf(v.text, today.WeChat),
		Range: views.ChooseRange(v.QueryParam("range")), By: views.ChooseGroup(v.QueryParam("by")), API: d.apiAddress(v) + loginPath + "/",
	}
	for _, concern := range concerns {
		page.Concerns = append(page.Concerns, d.concernOf(v, concern))
		if concern.Kind == overview.WeChatFailing {
			page.WeChat.FailingSince = concern.Since
		}
	}
	d.gather(&page, today)
	if v.operator.Role.Allows(app.RoleAdmin) {
		for i := range page.Others {
			page.Others[i].Address = cmp.Or(page.Others[i].Address, integrationsPath)
		}
	}
	return page, d.drawCourses(ctx, &page)
}

// gather fills in where the failures of the day gather, each with where its events are.
func (d *Dashboard) gather(page *views.OverviewPage, today overview.Today) {
	events := func(filter app.EventFilter) string {
		filter.From = today.Midnight
		return d.eventsAddress(filter)
	}
	ofReason := func(reason app.Reason) string { return events(app.EventFilter{Reasons: []app.Reason{reason}}) }
	page.RescuedAddress = ofReason(app.OpenOKPrevious)
	for _, failure := range today.Failures {
		page.Failures = append(page.Failures, views.FailureCount{
			Reason: failure.Reason, Counts: views.Counts(failure.Counts), Address: ofReason(failure.Reason),
		})
	}
	for _, one := range today.Errcodes {
		page.Errcodes = append(page.Errcodes, views.ErrcodeCount{
			Errcode: one.Errcode, N: one.N, Address: events(app.EventFilter{Errcode: one.Errcode}),
		})
	}
	add := func(kind string, some []overview.Activity) {
		for _, one := range some {
			other := views.OtherCount{Kind: kind, What: one.What, Counts: views.Counts(one.Counts)}
			if kind == "event" {
				other.Address = ofReason(app.Reason(one.What))
			}
			page.Others = append(page.Others, other)
		}
	}
	add("event", slices.Concat(today.Phones, today.Profiles, today.Reports))
	add("backend", today.BackEnds)
	add("webhook", today.Webhooks)
	page.Versions = splitsOf(today.Versions, func(name string) string { return events(app.EventFilter{Version: name}) })
	page.Platforms = splitsOf(today.Platforms, func(name string) string { return events(app.EventFilter{Platform: app.Platform(name)}) })
}

// failuresBy are what the chart of failures is about, by the choices of the page.
var failuresBy = map[string]overview.Subject{
	"reason": overview.Failures, "version": overview.FailuresByVersion, "platform": overview.FailuresByPlatform,
}

func (d *Dashboard) drawCourses(ctx context.Context, page *views.OverviewPage) error {
	for _, drawn := range []struct {
		subject overview.Subject
		into    *views.Course
	}{{overview.Logins, &page.Logins}, {overview.Openings, &page.Openings}, {failuresBy[page.By], &page.Failing}} {
		series, err := d.Overview.Series(ctx, drawn.subject, overview.Range(page.Range), page.Now, d.Location)
		if err != nil {
			return err
		}
		drawn.into.At, page.Complete = series.Starts, series.Complete
		for _, line := range series.Lines {
			drawn.into.Lines = append(drawn.into.Lines, views.CourseLine(line))
		}
	}
	return nil
}

func ratesOf(compared overview.Compared) views.Rates {
	return views.Rates{Today: views.Rate(compared.Today), Yesterday: views.Rate(compared.Yesterday), WeekAgo: views.Rate(compared.WeekAgo)}
}

func splitsOf(splits []overview.Split, address func(name string) string) []views.Split {
	var all []views.Split
	for _, split := range splits {
		one := views.Split{Name: split.Name, Login: views.Rate(split.Login), Opening: views.Rate(split.Opening), Rescued: split.Rescued}
		if split.Name != db.VersionOther {
			one.Address = address(split.Name)
		}
		all = append(all, one)
	}
	return all
}

const healthMinutes = 60

func healthOf(text views.Text, health wechat.Health) views.WeChatHealth {
	hour := health.Summary(healthMinutes)
	told := views.WeChatHealth{
		Calls: hour.Calls, Failed: hour.Failed, P50: hour.P50, P95: hour.P95, Breaker: string(health.Breaker), TokenUntil: health.AccessTokenUntil,
	}
	if failure := health.LastFailure; failure != nil {
		told.FailedAt, told.Cause = failure.At, text.Cause(failure.Errcode, string(failure.Problem), failure.Address)
	}
	return told
}

// shownConcern is a concern as pages show it, without where it leads.
func shownConcern(concern overview.Concern) views.Concern {
	return views.Concern{
		Kind: string(concern.Kind), Since: concern.Since, Until: concern.Until, Count: concern.Count, Before: concern.Before,
		Event: app.Event{
			Reason: concern.Reason, Errcode: concern.Errcode, Detail: app.Detail{Problem: concern.Problem, Address: concern.Address},
		},
		Called: concern.Called, Version: concern.Version, Share: int(math.Round(100 * concern.Share)), User: concern.User, Matter: concern.Event, By: concern.Operator,
		Free: concern.Free, Size: concern.Size, To: string(concern.Target.Page),
	}
}

// concernOf is a concern as the page shows it, with where this operator may go to see more.
func (d *Dashboard) concernOf(v *visit, concern overview.Concern) views.Concern {
	shown := shownConcern(concern)
	switch concern.Target.Page {
	case overview.EventsPage:
		shown.Address = d.eventsAddress(concern.Target.Events)
	case overview.UserPage:
		shown.Address = views.UserAddress(concern.User)
	case overview.KeysPage:
		shown.Address = keysPath
	case overview.SystemPage:
		if v.operator.Role.Allows(app.RoleOperator) {
			shown.Address = "/admin/system"
		}
	case overview.AuditPage:
		if v.operator.Role.Allows(app.RoleOperator) {
			shown.Address = "/admin/audit"
		}
	case overview.IntegrationsPage:
		if v.operator.Role.Allows(app.RoleAdmin) {
			shown.Address = integrationsPath
		}
	}
	return shown
}

// eventTimeLayout is how times stand in the addresses of lists of events, in the dashboard's time zone.
const eventTimeLayout = "2006-01-02T15:04"

// eventsAddress is where the events are listed that a filter means.
func (d *Dashboard) eventsAddress(filter app.EventFilter) string {
	query := url.Values{}
	for _, reason := range filter.Reasons {
		query.Add("reason", string(reason))
	}
	set := func(name, value string, known bool) {
		if known {
			query.Set(name, value)
		}
	}
	set("version", filter.Version, filter.Version != "")
	set("platform", string(filter.Platform), filter.Platform != "")
	set("errcode", strconv.Itoa(filter.Errcode), filter.Errcode != 0)
	set("address", filter.Address, filter.Address != "")
	set("from", filter.From.In(d.Location).Format(eventTimeLayout), !filter.From.IsZero())
	set("to", filter.To.In(d.Location).Format(eventTimeLayout), !filter.To.IsZero())
	return "/admin/events?" + query.Encode()
}

// apiAddress is where mini programs reach this server: as the settings say, else as this browser does.
func (d *Dashboard) apiAddress(v *visit) string { return d.addressOf(v, d.AppPath) }

// addressOf is where the API of the app under a path is reached.
func (d *Dashboard) addressOf(v *visit, appPath string) string {
	return d.proxies.addressOf(d.PublicURL, v.Request(), appPath)
}

// concerns remembers for a moment what needs attention, since every page says how much that is.
type concerns struct {
	lock sync.Mutex
	at   time.Time
	n    int
}

// attentionEvery is how old the number may be.
const attentionEvery = 30 * time.Second

// look finds what needs attention now, and remembers how much it is.
func (c *concerns) look(ctx context.Context, source overview.Overview, now time.Time) ([]overview.Concern, error) {
	found, err := source.Attention(ctx, now)
	if err == nil {
		c.lock.Lock()
		c.at, c.n = now, len(found)
		c.lock.Unlock()
	}
	return found, err
}

// count tells how much needed attention lately. One visitor at a time looks anew, the others take what is known; where that
// cannot be found out, pages are shown all the same.
func (c *concerns) count(ctx context.Context, source overview.Overview, now time.Time) int {
	c.lock.Lock()
	known, old := c.n, now.Sub(c.at) >= attentionEvery
	if old {
		c.at = now
	}
	c.lock.Unlock()
	if !old {
		return known
	}
	found, err := c.look(ctx, source, now)
	if err != nil {
		return known
	}
	return len(found)
}
