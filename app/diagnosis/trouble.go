package diagnosis

import (
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// trouble is a kind of failure that hits everybody.
type trouble struct {
	reasons []app.Reason
	least   int // failures it takes: less is one user's bad luck
}

// troubles are asked about in this order.
var troubles = []trouble{
	{[]app.Reason{app.LoginConfig}, 1},
	{[]app.Reason{app.LoginStorage}, 1},
	{[]app.Reason{
		app.LoginWeChatUnreachable, app.LoginWeChatTimeout, app.LoginWeChatBusy, app.LoginWeChatOdd, app.LoginWaitingFull,
	}, 3},
	{[]app.Reason{app.LoginAppidMismatch}, 5}, // fewer: somebody else's mini program
}

const (
	troubleBack   = 15 * time.Minute // how long ago trouble may have been, where no time is said
	troubleBefore = 2 * time.Hour    // how far apart its failures may lie, at night or where there are few users
	troubleRun    = 48 * time.Hour   // how far back the beginning of a trouble is looked for
	loginsSampled = 200
)

// loginOutcomes are the reasons of logins, good and bad.
var loginOutcomes = slices.Concat(app.LoginSucceeded.Reasons(), app.LoginFailed.Reasons())

// logins are those of a time and of shortly before.
type logins struct {
	window Window
	newest []app.Event
	hours  map[app.Reason]int64 // how many there were by reason, in the hours of the time alone
	lost   bool                 // failures of the time have been dropped: only the counters tell of them
}

// everybodyIsHit says whether, in the time of the complaint, WeChat refused our configuration or failed, or our disk did.
func (t *Troubleshooter) everybodyIsHit(ctx context.Context, c *complaint) (Diagnosis, error) {
	window := c.window
	if !c.timeIsSaid() && len(c.named) == 0 {
		window.From = c.now.Add(-troubleBack)
	}
	met, one, err := t.prevailing(ctx, window)
	if err != nil || one == nil {
		return Diagnosis{}, err
	}
	d := c.finding("")
	d.Failures = met.count(one.reasons)
	d.Since = window.From
	hits, _ := met.hits(one)
	last := rulings[one.reasons[0]]
	if len(hits) > 0 {
		last = rulings[hits[0].Reason]
		d.rest(hits[0])
		d.show(hits...)
	}
	d.Finding, d.Action = last.finding, last.action
	switch {
	case d.Finding == ClientMistake: // of everybody: then it is ours
		d.Finding, d.Action = OurConfiguration, OpenConfiguration
	case d.Finding == WeChatUnreachable && (len(hits) == 0 || hits[0].Detail.Problem == string(wechat.ProblemBreakerOpen)):
		d.Finding, d.Action = WeChatFailing, NoAction // nobody has tried the way just then
	}
	if d.Since, err = t.began(ctx, one, d.Since); err != nil {
		return Diagnosis{}, err
	}
	return d, t.noteEnd(ctx, c, &d, one)
}

// prevailing is the first of the troubles that held in a window, nil: none did.
func (t *Troubleshooter) prevailing(ctx context.Context, window Window) (logins, *trouble, error) {
	met := logins{window: window}
	var err error
	if met.hours, err = t.count(ctx, loginOutcomes, window); err != nil {
		return met, nil, err
	}
	for i, one := range troubles {
		if met.count(one.reasons) == 0 {
			continue
		}
		if met.newest == nil {
			if err := t.sample(ctx, &met); err != nil {
				return met, nil, err
			}
		}
		if met.prevails(&troubles[i]) {
			return met, &troubles[i], nil
		}
	}
	return met, nil, nil
}

// sample reads the newest logins.
func (t *Troubleshooter) sample(ctx context.Context, met *logins) error {
	page, err := t.read.ListEvents(ctx, db.EventListing{
		AppID: t.App.ID, Limit: loginsSampled,
		Filter: app.EventFilter{Reasons: loginOutcomes, From: met.window.From.Add(-troubleBefore), To: met.window.To},
	})
	if err != nil {
		return err
	}
	met.newest = page.Events
	kept, err := t.read.StrangersKeptSince(ctx)
	met.lost = kept.After(met.window.From)
	return err
}

// hits are the logins in the window that met with a trouble, and how many logins there were.
func (l logins) hits(one *trouble) (hits []app.Event, all int) {
	for _, event := range l.newest {
		if !l.window.Contains(event.At()) {
			break
		}
		if all++; slices.Contains(one.reasons, event.Reason) {
			hits = append(hits, event)
		}
	}
	return hits, all
}

// run is how many logins met with a trouble since the newest that succeeded.
func (l logins) run(one *trouble) (n int) {
	var success time.Time
	if i := slices.IndexFunc(l.newest, worked); i >= 0 {
		success = l.newest[i].At().Add(strangersLate)
	}
	for _, event := range l.newest {
		if slices.Contains(one.reasons, event.Reason) && event.At().After(success) {
			n++
		}
	}
	return n
}

func (l logins) count(reasons []app.Reason) (n int64) {
	for _, reason := range reasons {
		n += l.hours[reason]
	}
	return n
}

// prevails says whether a trouble was met with in the window, and by all logins since the last that succeeded, or by half of
// those in the window.
func (l logins) prevails(one *trouble) bool {
	hits, all := l.hits(one)
	switch {
	case l.lost && len(hits) < one.least:
		return l.count(one.reasons) >= int64(one.least) && 2*l.count(one.reasons) >= l.count(loginOutcomes)
	case len(hits) == 0:
		return false
	}
	return l.run(one) >= one.least || len(hits) >= one.least && 2*len(hits) >= all
}

// count sums counters over the hours of a window: no less than what happened in the window itself.
func (t *Troubleshooter) count(ctx context.Context, reasons []app.Reason, window Window) (map[app.Reason]int64, error) {
	counts, err := t.read.CountedByHour(ctx, t.App.ID, namesOf(reasons), window.From, window.To)
	sums := map[app.Reason]int64{}
	for _, one := range counts {
		sums[app.Reason(one.Name)] += one.N
	}
	return sums, err
}

func namesOf(reasons []app.Reason) []string {
	names := make([]string, len(reasons))
	for i, reason := range reasons {
		names[i] = string(reason)
	}
	return names
}

// began says when a trouble that was met at a time began: an hour without it ends the search.
func (t *Troubleshooter) began(ctx context.Context, one *trouble, met time.Time) (time.Time, error) {
	counts, err := t.read.CountedByHour(ctx, t.App.ID, namesOf(one.reasons), met.Add(-troubleRun), met)
	if err != nil {
		return met, err
	}
	hour := met.Truncate(time.Hour)
	for slices.ContainsFunc(counts, func(h db.HourCount) bool { return h.N > 0 && h.Hour.Equal(hour.Add(-time.Hour)) }) {
		hour = hour.Add(-time.Hour)
	}
	first, found, err := t.first(ctx, one.reasons, Window{hour, met})
	if found {
		return first.At(), err
	}
	return met, err
}

// noteEnd says since when logins have succeeded again, if the trouble does not hold any more.
func (t *Troubleshooter) noteEnd(ctx context.Context, c *complaint, d *Diagnosis, one *trouble) error {
	now := Window{c.now.Add(-troubleBack), c.rightNow()}
	if c.window.To.After(now.From) {
		return nil
	}
	met, same, err := t.prevailing(ctx, now)
	if hits, _ := met.hits(one); err != nil || same != nil || len(hits) > 0 {
		return err
	}
	return t.noteSuccess(ctx, c, d, c.window.To)
}

// noteSuccess says when anybody's login first succeeded after a time.
func (t *Troubleshooter) noteSuccess(ctx context.Context, c *complaint, d *Diagnosis, after time.Time) error {
	success, found, err := t.first(ctx, app.LoginSucceeded.Reasons(), Window{after, c.rightNow()})
	if found {
		d.Healed, d.Action = success.At(), d.Action.onceHealed()
	}
	return err
}

// first is the oldest event of some reasons in a window.
func (t *Troubleshooter) first(ctx context.Context, reasons []app.Reason, in Window) (app.Event, bool, error) {
	page, err := t.read.ListEvents(ctx, db.EventListing{
		AppID: t.App.ID, Filter: app.EventFilter{Reasons: reasons, From: in.From, To: in.To},
		After: app.EventID(app.FirstID(in.From)), Limit: 1,
	})
	if err != nil || len(page.Events) == 0 {
		return app.Event{}, false, err
	}
	return page.Events[0], true, nil
}
