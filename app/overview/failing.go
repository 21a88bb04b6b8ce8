package overview

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	weChatLately = 10 * time.Minute // WeChat fails if, in so long,
	weChatLeast  = 5                // so many logins failed because of it,
	weChatShare  = 5                // and one in so many

	successLately = 15 * time.Minute // too few succeed if, in so long,
	successTried  = 20               // so many were tried, and fewer succeeded than the settings say

	waveLeast  = 10  // a wave is so many failures for one reason in this hour and the one before,
	waveGrowth = 3   // so many times as many as in the same hours of yesterday,
	waveShare  = 200 // and of one login, or opening, in so many
)

// weChatReasons are the failures of logins that are WeChat's.
var weChatReasons = slices.DeleteFunc(app.LoginFailed.Reasons(), func(r app.Reason) bool { return r.Trouble() != app.WeChatTrouble })

// loginMinute is what became of the logins of one minute.
type loginMinute struct {
	logins  int64
	reasons map[app.Reason]int64 // of weChatReasons
}

func (m loginMinute) failed() (n int64) {
	for _, some := range m.reasons {
		n += some
	}
	return n
}

func (m loginMinute) fails() bool { return m.failed() > 0 && m.failed()*weChatShare >= m.logins }

// weChatFailing says whether WeChat fails logins now, and since when.
func (o Overview) weChatFailing(ctx context.Context, now time.Time) ([]Concern, error) {
	minutes, err := o.loginMinutes(ctx, now)
	if err != nil {
		return nil, err
	}
	recent := loginMinute{reasons: map[app.Reason]int64{}}
	for back := time.Duration(0); back < weChatLately; back += time.Minute {
		recent.merge(minutes[now.Add(-back).UTC().Truncate(time.Minute)])
	}
	if recent.failed() < weChatLeast || !recent.fails() {
		return nil, nil
	}
	concern := Concern{Kind: WeChatFailing, Reason: mostFrequent(recent.reasons)}
	ended := false
	concern.Since, concern.Count, ended = lastRun(minutes, now)
	if !ended { // it may have begun before the minutes that are known
		if concern.Since, err = o.failingSince(ctx, concern.Since); err != nil {
			return nil, err
		}
	}
	concern.Target = toEvents(app.EventFilter{Reasons: weChatReasons, From: concern.Since})
	newest, err := o.events(ctx, concern.Target.Events, 1)
	if len(newest) > 0 {
		concern.Problem, concern.Errcode = newest[0].Detail.Problem, newest[0].Errcode
	}
	return []Concern{concern}, err
}

// lastRun finds the last minutes that fail one after another, those without logins aside, and whether one that does not fail stands
// before them.
func lastRun(minutes map[time.Time]loginMinute, now time.Time) (since time.Time, failed int64, ended bool) {
	last := now.UTC().Truncate(time.Minute)
	for back := time.Duration(0); back < time.Hour && !ended; back += time.Minute {
		minute := minutes[last.Add(-back)]
		if minute.fails() {
			since = last.Add(-back)
			failed += minute.failed()
		} else {
			ended = minute.logins > 0 && failed > 0
		}
	}
	return since, failed, ended
}

func (o Overview) loginMinutes(ctx context.Context, now time.Time) (map[time.Time]loginMinute, error) {
	counts, _, err := o.Store.Read().CountedByMinute(ctx, o.Keeper.AppID(), "", now.Add(-time.Hour), now.Add(time.Millisecond))
	minutes := map[time.Time]loginMinute{}
	for _, one := range counts {
		if outcome := one.Reason.Outcome(); outcome != app.LoginSucceeded && outcome != app.LoginFailed {
			continue
		}
		minute, known := minutes[one.Minute]
		if !known {
			minute.reasons = map[app.Reason]int64{}
		}
		minute.logins += one.N
		if slices.Contains(weChatReasons, one.Reason) {
			minute.reasons[one.Reason] += one.N
		}
		minutes[one.Minute] = minute
	}
	return minutes, err
}

// successLow says of which of logins and openings too few have succeeded lately. Logins that WeChat fails are told by themselves.
func (o Overview) successLow(ctx context.Context, now time.Time, weChatFails bool) ([]Concern, error) {
	if o.SuccessLeast == 0 {
		return nil, nil
	}
	from := now.Add(-successLately)
	counts, _, err := o.Store.Read().CountedByMinute(ctx, o.Keeper.AppID(), "", from, now.Add(time.Millisecond))
	if err != nil {
		return nil, err
	}
	rates := map[app.Outcome]*Rate{app.LoginFailed: {}, app.OpenFailed: {}}
	reasons := map[app.Outcome]map[app.Reason]int64{app.LoginFailed: {}, app.OpenFailed: {}}
	for _, one := range counts {
		outcome := one.Reason.Outcome()
		switch outcome {
		case app.LoginSucceeded, app.LoginFailed:
			rates[app.LoginFailed].add(outcome, one.N)
		case app.OpenSucceeded, app.OpenFailed:
			rates[app.OpenFailed].add(outcome, one.N)
		default:
			continue
		}
		if failed := reasons[outcome]; failed != nil {
			failed[one.Reason] += one.N
		}
	}
	var all []Concern
	for _, failed := range []app.Outcome{app.LoginFailed, app.OpenFailed} {
		share, known := rates[failed].Share()
		if !known || rates[failed].Total() < successTried || 100*share >= float64(o.SuccessLeast) || failed == app.LoginFailed && weChatFails {
			continue
		}
		all = append(all, Concern{
			Kind: SuccessLow, Reason: mostFrequent(reasons[failed]), Count: rates[failed].Failed, Share: share, Since: from,
			Target: toEvents(app.EventFilter{Reasons: failed.Reasons(), From: from}),
		})
	}
	return all, nil
}

func (m *loginMinute) merge(other loginMinute) {
	m.logins += other.logins
	for reason, n := range other.reasons {
		m.reasons[reason] += n
	}
}

// failingSince goes back hour by hour through those in which one login in weChatShare failed because of WeChat.
func (o Overview) failingSince(ctx context.Context, at time.Time) (time.Time, error) {
	counts, err := o.countedByHour(ctx, reasonNames(Logins.reasons()), at.Add(-runFollowed), at)
	hours := map[time.Time]loginMinute{}
	for _, one := range counts {
		hour, known := hours[one.Hour.UTC()]
		if !known {
			hour.reasons = map[app.Reason]int64{}
		}
		if one.Name != db.CountExplained {
			hour.logins += one.N
		}
		if slices.Contains(weChatReasons, app.Reason(one.Name)) {
			hour.reasons[app.Reason(one.Name)] += one.N
		}
		hours[one.Hour.UTC()] = hour
	}
	began := at.UTC().Truncate(time.Hour)
	if !hours[began].fails() || err != nil {
		return at, err
	}
	for hours[began.Add(-time.Hour)].fails() {
		began = began.Add(-time.Hour)
	}
	first, found, err := o.firstEvent(ctx, app.EventFilter{Reasons: weChatReasons, From: began})
	if found && first.At().Before(at) {
		return first.At(), err
	}
	return at, err
}

// waves finds the reasons that have become much more frequent since yesterday. Those that are told as a concern of their own are
// left out.
func (o Overview) waves(ctx context.Context, now time.Time, weChatFails bool) ([]Concern, error) {
	first := lately(now)
	days := make([]byReason, 2)
	for i := range days {
		back := -time.Duration(i) * oneDay
		counts, err := o.countedByHour(ctx, reasonNames(app.Reasons()), first.Add(back), now.Add(back))
		if err != nil {
			return nil, err
		}
		days[i] = byReason{}
		for _, one := range counts {
			days[i].add(one.Name, one.N)
		}
	}
	attempts := map[app.Outcome]int64{app.LoginFailed: days[0].logins().Total(), app.OpenFailed: days[0].openings().Total()}
	var all []Concern
	for _, reason := range failureReasons {
		n, before := days[0].n(reason), days[1].n(reason)
		switch {
		case reason == app.LoginConfig || reason == app.LoginStorage || reason == app.OpenFuture,
			weChatFails && slices.Contains(weChatReasons, reason),
			n < waveLeast || n < waveGrowth*before || n*waveShare < attempts[reason.Outcome()]:
			continue
		}
		concern, err := o.wave(ctx, reason, first)
		if err != nil {
			return nil, err
		}
		concern.Count, concern.Before = n, before
		all = append(all, concern)
	}
	slices.SortStableFunc(all, func(a, b Concern) int { return cmp.Compare(b.Count, a.Count) })
	return all, nil
}

// wave says where and when a wave began, and which version most of it comes from.
func (o Overview) wave(ctx context.Context, reason app.Reason, from time.Time) (Concern, error) {
	concern := Concern{Kind: FailureWave, Reason: reason, Since: from}
	filter := app.EventFilter{Reasons: []app.Reason{reason}, From: from}
	concern.Target = toEvents(filter)
	began, found, err := o.firstEvent(ctx, filter)
	if err != nil {
		return concern, err
	}
	if found {
		concern.Since = began.At()
	}
	newest, err := o.events(ctx, filter, eventsSampled)
	versions := map[string]int64{}
	for _, event := range newest {
		versions[event.Client.Version]++
	}
	if len(newest) > 0 {
		concern.Version = mostFrequent(versions)
		concern.Share = float64(versions[concern.Version]) / float64(len(newest))
	}
	return concern, err
}
