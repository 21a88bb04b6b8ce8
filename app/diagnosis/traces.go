package diagnosis

import (
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// nothingArrived is true only where no trace of the user lies in the window. A request that neither logs in nor sends data to
// be opened leaves no event, only the time at which a device was seen, and that coarsely.
func (t *Troubleshooter) nothingArrived(_ context.Context, c *complaint) (Diagnosis, error) {
	if c.user == nil {
		return Diagnosis{}, nil
	}
	window := c.window
	if !c.timeIsSaid() && len(c.named) == 0 {
		window.From = c.now.Add(-tracesBack)
	}
	seen := c.seen()
	d := c.finding(NothingArrived)
	d.Window = window
	d.Version = c.user.ClientVersion
	within := func(at time.Time) bool { return at.After(window.From.Add(-app.Coarse)) && at.Before(window.To) }
	switch {
	case !c.reached:
		d.Finding = TooManyEvents
	case slices.ContainsFunc(seen, within):
		d.Finding, d.Action, d.Since = OnlyChecked, CopyForDevelopers, seen[slices.IndexFunc(seen, within)]
	default:
		d.Action = ShowSameVersion
		if before := slices.IndexFunc(seen, window.To.After); before >= 0 {
			d.Since = seen[before]
		}
	}
	d.show(slices.DeleteFunc(slices.Clone(c.own), func(e app.Event) bool { return !window.Contains(e.At()) })...)
	return d, nil
}

// seen are the times at which the user was seen, the latest first.
func (c *complaint) seen() []time.Time {
	seen := []time.Time{c.user.LastSeenAt}
	for _, session := range c.sessions {
		seen = append(seen, session.SeenAt, session.CreatedAt())
	}
	for _, event := range c.own {
		if event.RequestID != "" { // a request's, not what was learnt or done without one
			seen = append(seen, event.At())
		}
	}
	slices.SortFunc(seen, func(a, b time.Time) int { return b.Compare(a) })
	return seen
}

// failures are the reasons of logins and openings that failed.
var failures = slices.Concat(app.LoginFailed.Reasons(), app.OpenFailed.Reasons())

const failuresRead = 200

// answerTime judges a time without a user: everybody's trouble, a wave, the one failure there was, or all of them.
func (t *Troubleshooter) answerTime(ctx context.Context, c *complaint) (Diagnosis, error) {
	d, err := t.everybodyIsHit(ctx, c)
	if err != nil || d.Finding != "" {
		return t.complete(d, c), err
	}
	filter := app.EventFilter{
		Reasons: failures, From: c.window.From, To: c.window.To, Version: c.asked.Version, Address: c.asked.Address,
	}
	page, err := t.read.ListEvents(ctx, db.EventListing{AppID: t.App.ID, Filter: filter, Limit: failuresRead})
	if err != nil {
		return Diagnosis{}, err
	}
	if len(page.Events) == 0 {
		return t.withoutFailure(ctx, c, filter, page)
	}
	if len(versionsOf(page.Events)) == 1 {
		return t.answerNamed(ctx, c, page.Events)
	}
	reason := commonestReason(page.Events)
	d, err = t.wave(ctx, c, reason, c.window.To)
	if err != nil || d.Finding != "" {
		return t.complete(d, c), err
	}
	return t.severalFailures(c, page, reason), nil
}

// severalFailures tells of the failures of several users: their common meaning, if they have one.
func (t *Troubleshooter) severalFailures(c *complaint, page db.EventPage, reason app.Reason) Diagnosis {
	d := c.finding(Failures)
	d.Action, d.Reason = CopyForDevelopers, reason
	d.Since = page.Events[len(page.Events)-1].At()
	d.Failures, d.Users = int64(len(page.Events)), len(versionsOf(page.Events))
	d.Version, d.Share = commonest(versionsOf(page.Events))
	if page.Next != 0 {
		d.Looked = app.ID(page.Next).Time()
	}
	d.show(page.Events...)
	return d
}

func commonestReason(events []app.Event) (reason app.Reason) {
	counts := map[app.Reason]int{}
	for _, event := range events {
		if counts[event.Reason]++; counts[event.Reason] > counts[reason] {
			reason = event.Reason
		}
	}
	return reason
}

// withoutFailure tells whether anything arrived at all.
func (t *Troubleshooter) withoutFailure(
	ctx context.Context, c *complaint, filter app.EventFilter, searched db.EventPage,
) (Diagnosis, error) {
	filter.Reasons = nil
	page, err := t.read.ListEvents(ctx, db.EventListing{AppID: t.App.ID, Filter: filter, Limit: evidenceShown})
	d := c.finding(NoFailures)
	if searched.Next != 0 {
		d.Looked = app.ID(searched.Next).Time()
	}
	if len(page.Events) == 0 && !page.Stopped {
		d.Finding = NothingArrived
	}
	if len(page.Events) > 0 {
		d.Since = page.Events[0].At()
	}
	d.show(page.Events...)
	return d, err
}
