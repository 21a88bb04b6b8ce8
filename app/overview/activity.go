package overview

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// deliveries are the counters of webhooks.
var deliveries = []string{db.CountDelivered, db.CountDeliveryFailed, db.CountDeliveryGivenUp}

// reasonsOf lists the reasons of events of their own whose ids begin alike, in their order.
func reasonsOf(stem string) []string {
	var names []string
	for _, reason := range app.Reasons() {
		if strings.HasPrefix(string(reason), stem) && reason.Outcome() == app.OtherOutcome {
			names = append(names, string(reason))
		}
	}
	return names
}

// activities are those of some counters that were met on any of the days.
func activities(days [3]byReason, names []string) []Activity {
	var all []Activity
	for _, name := range names {
		n := func(day int) int64 { return days[day].n(app.Reason(name)) }
		if one := (Counts{n(0), n(1), n(2)}); one != (Counts{}) {
			all = append(all, Activity{name, one})
		}
	}
	return all
}

// compareBackEnds fills in what back ends asked for, of all of them together, the most frequent first.
func (o Overview) compareBackEnds(ctx context.Context, today *Today, now time.Time) error {
	var days [3]byReason
	for i, back := range []int{0, 1, 7} {
		until := now.AddDate(0, 0, -back)
		counts, err := o.countedByGroup(ctx, db.CountsByBackEnd, today.Midnight.AddDate(0, 0, -back), until)
		if err != nil {
			return err
		}
		days[i] = byReason{}
		for _, one := range counts {
			days[i].add(one.What, partOfHour(one, until, i == 0))
		}
	}
	asked := map[string]bool{}
	for _, day := range days {
		for what := range day {
			asked[string(what)] = true
		}
	}
	today.BackEnds = activities(days, slices.Sorted(maps.Keys(asked)))
	slices.SortStableFunc(today.BackEnds, func(a, b Activity) int { return cmp.Compare(b.Today, a.Today) })
	return nil
}
