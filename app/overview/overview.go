// Package overview gathers the numbers behind the dashboard's first page: how logins and openings fare beside earlier days,
// where failures gather, what needs attention, and the stream of events as they happen. It reads and changes nothing.
//
// Totals come from counters by hour, never from counting rows; what is told by the minute is read from the newest events.
package overview

import (
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Overview answers for one app.
type Overview struct {
	Store  *db.DB
	Keeper *keeper.Keeper
	WeChat *wechat.Client
	Folder string // the data folder, whose disk is watched; "": none is

	Backups bool // are taken by themselves, and watched

	SuccessLeast int // percent of logins, and of openings, that should succeed; 0: that is not watched
}

// Rate is how many of something succeeded and how many did not.
type Rate struct{ OK, Failed int64 }

// Total is all of them.
func (r Rate) Total() int64 { return r.OK + r.Failed }

// Share is the part that succeeded, from 0 to 1; not known where there was nothing.
func (r Rate) Share() (share float64, known bool) {
	if r.Total() == 0 {
		return 0, false
	}
	return float64(r.OK) / float64(r.Total()), true
}

func (r *Rate) add(outcome app.Outcome, n int64) {
	switch outcome {
	case app.LoginSucceeded, app.OpenSucceeded:
		r.OK += n
	case app.LoginFailed, app.OpenFailed:
		r.Failed += n
	}
}

// reasonNames are the counters from which everything about reasons follows.
func reasonNames(reasons []app.Reason) []string {
	names := []string{db.CountExplained}
	for _, reason := range reasons {
		names = append(names, string(reason))
	}
	return names
}

// byReason is how often each reason was counted.
type byReason map[app.Reason]int64

// add counts a counter by its name. An opening that no key fitted is counted where its explanation is, as soon as there is one.
func (b byReason) add(name string, n int64) {
	if name == db.CountExplained {
		b[app.OpenNoKeyFits] -= n
		return
	}
	b[app.Reason(name)] += n
}

// n is how often a reason was met. Where the explanation of a failure is counted in a later hour than the failure, that hour
// alone would have less than none.
func (b byReason) n(reason app.Reason) int64 { return max(0, b[reason]) }

// rate sums up the reasons of two outcomes.
func (b byReason) rate(good, bad app.Outcome) Rate {
	var rate Rate
	for _, outcome := range []app.Outcome{good, bad} {
		for _, reason := range outcome.Reasons() {
			rate.add(outcome, b.n(reason))
		}
	}
	return rate
}

func (b byReason) logins() Rate { return b.rate(app.LoginSucceeded, app.LoginFailed) }

func (b byReason) openings() Rate { return b.rate(app.OpenSucceeded, app.OpenFailed) }

var failureReasons = slices.Concat(app.LoginFailed.Reasons(), app.OpenFailed.Reasons())

// countedByHour reads counters of the app.
func (o Overview) countedByHour(ctx context.Context, names []string, from, to time.Time) ([]db.HourCount, error) {
	return o.Store.Read().CountedByHour(ctx, o.Keeper.AppID(), names, from, to)
}

// countedByGroup reads a group of counters of the app.
func (o Overview) countedByGroup(ctx context.Context, group db.CounterGroup, from, to time.Time) ([]db.HourCount, error) {
	return o.Store.Read().CountedByGroup(ctx, o.Keeper.AppID(), group, from, to)
}

// events lists events of the app.
func (o Overview) events(ctx context.Context, filter app.EventFilter, limit int) ([]app.Event, error) {
	page, err := o.Store.Read().ListEvents(ctx, db.EventListing{AppID: o.Keeper.AppID(), Filter: filter, Limit: limit})
	return page.Events, err
}

// firstEvent finds the oldest event that a filter means; false also where it is so rare that finding it would take long.
func (o Overview) firstEvent(ctx context.Context, filter app.EventFilter) (app.Event, bool, error) {
	page, err := o.Store.Read().ListEvents(ctx, db.EventListing{
		AppID: o.Keeper.AppID(), Filter: filter, After: max(1, app.EventID(app.FirstID(filter.From))-1), Limit: 1,
	})
	if err != nil || len(page.Events) == 0 {
		return app.Event{}, false, err
	}
	return page.Events[0], true, nil
}
