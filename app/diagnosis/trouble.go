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
	loginsSampled = 200
	troubleRun    = 48 * time.Hour // how far back the beginning of a trouble is looked for
)

// everybodyIsHit says whether, in the time of the complaint, WeChat refused our configuration or failed, or our disk did.
func (t *Troubleshooter) everybodyIsHit(ctx context.Context, c *complaint) (Diagnosis, error) {
	window := c.window
	if !c.timeIsSaid() && len(c.named) == 0 {
		window.From = c.now.Add(-troubleBack)
	}
	for _, one := range troubles {
		d, err := t.suffers(ctx, c, one, window)
		if err != nil || d.Finding != "" {
			return d, err
		}
	}
	return Diagnosis{}, nil
}

// suffers says whether a trouble held in a window: it was the last that logins met with in it, or half of what they met with.
func (t *Troubleshooter) suffers(ctx context.Context, c *complaint, one trouble, window Window) (Diagnosis, error) {
	counted, err := t.count(ctx, one.reasons, window)
	if err != nil || counted < int64(one.least) {
		return Diagnosis{}, err
	}
	logins, err := t.read.ListEvents(ctx, db.EventListing{
		AppID: t.App.ID, Filter: app.EventFilter{Reasons: loginOutcomes, From: window.From, To: window.To}, Limit: loginsSampled,
	})
	if err != nil {
		return Diagnosis{}, err
	}
	hits := slices.DeleteFunc(slices.Clone(logins.Events), func(e app.Event) bool { return !slices.Contains(one.reasons, e.Reason) })
	if len(hits) < one.least || !one.prevails(logins.Events) {
		return Diagnosis{}, nil
	}
	d := c.finding(rulings[hits[0].Reason].finding)
	d.Action = rulings[hits[0].Reason].action
	d.rest(hits[0])
	if d.Finding == ClientMistake { // of everybody: then the mistake is ours
		d.Finding, d.Action = OurConfiguration, OpenConfiguration
	}
	if d.Finding == WeChatUnreachable && hits[0].Detail.Problem == string(wechat.ProblemBreakerOpen) {
		d.Finding, d.Action = WeChatFailing, NoAction // nobody has tried the way just now
	}
	d.show(hits...)
	d.Failures = counted
	d.Since, err = t.began(ctx, one, hits[len(hits)-1].At())
	return d, err
}

// loginOutcomes are the reasons of logins, good and bad.
var loginOutcomes = slices.Concat(app.LoginSucceeded.Reasons(), app.LoginFailed.Reasons())

// prevails says whether a trouble was all that logins met with after the newest that succeeded, or half of what all met with.
func (one trouble) prevails(newestFirst []app.Event) bool {
	var success time.Time
	if i := slices.IndexFunc(newestFirst, worked); i >= 0 {
		success = newestFirst[i].At().Add(strangersLate)
	}
	hits, since := 0, 0
	for _, event := range newestFirst {
		if !slices.Contains(one.reasons, event.Reason) {
			continue
		}
		hits++
		if event.At().After(success) {
			since++
		}
	}
	return since >= one.least || 2*hits >= len(newestFirst)
}

// count sums counters over the hours of a window: no less than what happened in the window itself.
func (t *Troubleshooter) count(ctx context.Context, reasons []app.Reason, window Window) (n int64, err error) {
	counts, err := t.read.CountedByHour(ctx, t.App.ID, namesOf(reasons), window.From, window.To)
	for _, one := range counts {
		n += one.N
	}
	return n, err
}

func namesOf(reasons []app.Reason) []string {
	names := make([]string, len(reasons))
	for i, reason := range reasons {
		names[i] = string(reason)
	}
	return names
}

// began says when a trouble that was met at a time began: hours without it end the search.
func (t *Troubleshooter) began(ctx context.Context, one trouble, met time.Time) (time.Time, error) {
	counts, err := t.read.CountedByHour(ctx, t.App.ID, namesOf(one.reasons), met.Add(-troubleRun), met)
	if err != nil {
		return met, err
	}
	hour := met.Truncate(time.Hour)
	for slices.ContainsFunc(counts, func(h db.HourCount) bool { return h.N > 0 && h.Hour.Equal(hour.Add(-time.Hour)) }) {
		hour = hour.Add(-time.Hour)
	}
	page, err := t.read.ListEvents(ctx, db.EventListing{
		AppID: t.App.ID, Filter: app.EventFilter{Reasons: one.reasons, From: hour, To: met},
		After: app.EventID(app.FirstID(hour)), Limit: 1,
	})
	if err == nil && len(page.Events) > 0 {
		met = page.Events[0].At()
	}
	return met, err
}
