package diagnosis

import (
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// nothingArrived is told only where no trace of the user lies in the window. A token that is checked with success leaves no
// event, only the time at which the device was seen, coarsely, and a later time replaces an earlier one: what cannot be ruled
// out is not denied.
func (t *Troubleshooter) nothingArrived(ctx context.Context, c *complaint) (Diagnosis, error) {
	if c.user == nil || len(c.named) > 0 {
		return Diagnosis{}, nil
	}
	d := c.finding(NothingArrived)
	if !c.timeIsSaid() {
		d.Window.From = c.now.Add(-tracesBack)
	}
	if !c.reached {
		d.Finding = TooManyEvents
		return d, nil
	}
	checked, maybe, shadow := c.checks(d.Window)
	switch {
	case !checked.IsZero() || maybe || !shadow.Before(d.Window.To):
		d.Finding, d.Action, d.Since = OnlyChecked, CopyForDevelopers, checked
		return d, nil
	case shadow.After(d.Window.From):
		d.Window.From = shadow
	}
	d.Since = c.lastTrace(d.Window.From)
	if d.Version = c.user.ClientVersion; d.Version != "" {
		d.Action = ShowSameVersion
	}
	return d, t.noteDropped(ctx, &d)
}

// checks tells of tokens being checked in a window: when it happened for certain, whether it may have happened and been
// replaced by a later time, and until when one after the last noted would not have been noted.
func (c *complaint) checks(in Window) (checked time.Time, maybe bool, shadow time.Time) {
	for _, session := range c.sessions {
		switch {
		case in.Contains(session.SeenAt):
			checked = later(checked, session.SeenAt)
		case session.SeenAt.Before(in.From):
			shadow = later(shadow, session.SeenAt.Add(app.Coarse))
		default:
			maybe = maybe || session.CreatedAt().Before(in.To) && session.SeenAt.After(session.CreatedAt())
		}
	}
	return checked, maybe, shadow
}

// lastTrace is when the user was last seen before a time.
func (c *complaint) lastTrace(before time.Time) (last time.Time) {
	seen := []time.Time{c.user.FirstSeenAt(), c.user.LastSeenAt}
	for _, session := range c.sessions {
		seen = append(seen, session.CreatedAt(), session.SeenAt)
	}
	for _, at := range seen {
		if at.Before(before) {
			last = later(last, at)
		}
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// noteDropped says so where failed logins of nobody known, which may have been the user's, are not kept back to the window's
// beginning.
func (t *Troubleshooter) noteDropped(ctx context.Context, d *Diagnosis) error {
	kept, err := t.read.StrangersKeptSince(ctx)
	if err != nil || !kept.After(d.Window.From) {
		return err
	}
	counted, err := t.count(ctx, app.LoginFailed.Reasons(), d.Window)
	if len(counted) > 0 {
		d.Looked = kept
	}
	return err
}

// failures are the reasons of all that failed, here or inside WeChat.
var failures = slices.Concat(app.LoginFailed.Reasons(), app.OpenFailed.Reasons(), phoneFailures, clientReports)

const failuresRead = 200

// answerTime judges a time without a user: everybody's trouble, one user's, a wave, or all that failed.
func (t *Troubleshooter) answerTime(ctx context.Context, c *complaint) (Diagnosis, error) {
	d, err := t.everybodyIsHit(ctx, c)
	if err != nil || d.Finding != "" {
		return t.complete(d, c), err
	}
	if d, err = t.phoneTime(ctx, c); err != nil || d.Finding != "" {
		return d, err
	}
	page, arrived, err := t.failuresOf(ctx, c)
	if err != nil {
		return Diagnosis{}, err
	}
	if len(page.Events) == 0 {
		return c.withoutFailure(page, arrived), nil
	}
	return t.judgeFailures(ctx, c, page)
}

// judgeFailures judges what failed in a time: one user's, everybody's, a wave, or several things.
func (t *Troubleshooter) judgeFailures(ctx context.Context, c *complaint, page db.EventPage) (Diagnosis, error) {
	if len(versionsOf(page.Events)) == 1 {
		d, err := t.answerNamed(ctx, c, ofRequest(page.Events, page.Events[0]))
		d.Failures = int64(len(page.Events))
		return d, err
	}
	reason := commonestReason(page.Events)
	if d, err := t.ofEverybody(ctx, c, page, reason); err != nil || d.Finding != "" {
		return t.complete(d, c), err
	}
	if mayBeWave(reason) {
		middle := page.Events[len(page.Events)/2].At()
		d, err := t.wave(ctx, c, reason, middle)
		if err != nil || d.Finding != "" {
			return t.complete(d, c), err
		}
	}
	return t.complete(c.severalFailures(page, reason), c), nil
}

// severalFailures tells of the failures of several users.
func (c *complaint) severalFailures(page db.EventPage, commonestReason app.Reason) Diagnosis {
	d := c.finding(Failures)
	d.Action, d.Reason = ShowAll, commonestReason
	d.Since = page.Events[len(page.Events)-1].At()
	versions := versionsOf(page.Events)
	d.Failures, d.Users = int64(len(page.Events)), len(versions)
	d.Version, d.Share = commonest(versions)
	if page.Next != 0 {
		d.Looked = d.Since
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

// ofRequest are those of some events that belong to the request of one of them.
func ofRequest(events []app.Event, one app.Event) []app.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e app.Event) bool {
		return e.ID != one.ID && (e.RequestID == "" || e.RequestID != one.RequestID)
	})
}

// listing asks for the events of some reasons in the time that a complaint is about.
func (t *Troubleshooter) listing(c *complaint, reasons []app.Reason) db.EventListing {
	return db.EventListing{AppID: t.App.ID, Limit: failuresRead, Filter: app.EventFilter{
		Reasons: reasons, From: c.window.From, To: c.window.To, Version: c.asked.Version, Address: c.asked.Address,
	}}
}

// failuresOf lists what failed in the window, and if nothing did, what arrived there.
func (t *Troubleshooter) failuresOf(ctx context.Context, c *complaint) (found, arrived db.EventPage, err error) {
	listing := t.listing(c, failures)
	if c.asked.Address != "" { // few come from one address: all of them are found with the failures, at no cost
		listing.Filter.Reasons = nil
		arrived, err = t.read.ListEvents(ctx, listing)
		found = arrived
		found.Events = slices.DeleteFunc(slices.Clone(arrived.Events), func(e app.Event) bool { return !slices.Contains(failures, e.Reason) })
		return found, arrived, err
	}
	found, err = t.read.ListEvents(ctx, listing)
	if err == nil && len(found.Events) == 0 {
		listing.Filter.Reasons, listing.Limit = nil, evidenceShown
		arrived, err = t.read.ListEvents(ctx, listing)
	}
	return found, arrived, err
}

// withoutFailure tells whether anything arrived at all.
func (c *complaint) withoutFailure(searched, arrived db.EventPage) Diagnosis {
	d := c.finding(NoFailures)
	if searched.Next != 0 {
		d.Looked = app.ID(searched.Next).Time()
	}
	if len(arrived.Events) > 0 {
		d.Since = arrived.Events[0].At()
	} else if !arrived.Stopped {
		d.Finding = NothingArrived
	}
	d.show(arrived.Events...)
	return d
}
