package overview

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Compared is a rate of today so far beside the same hours of yesterday and of a week ago. Of an hour that has begun, the
// earlier days count a part as long.
type Compared struct{ Today, Yesterday, WeekAgo Rate }

// Counts are numbers of today so far beside those of the same hours, as Compared has them.
type Counts struct{ Today, Yesterday, WeekAgo int64 }

// Today is what the overview tells of the day so far.
type Today struct {
	Midnight time.Time // when the day began where the operators are
	Login    Compared
	Opening  Compared

	Users       int64  // all there are
	NewUsers    Counts // logged in for the first time
	ActiveUsers Counts // seen at least once; the day of this number is China's
	Rescued     Counts // openings that only an earlier key made possible

	Failures  []Failure  // by reason, the most frequent first
	Versions  []Split    // by version of the mini program, the one with most logins and openings first
	Platforms []Split    // as Versions
	Errcodes  []Errcodes // the most frequent first

	Phones   []Activity // phone numbers by code, by what became of them
	Profiles []Activity // what users entered and uploaded
	Reports  []Activity // failures inside WeChat
	BackEnds []Activity // by the call, such as sign; refused: of any
	Webhooks []Activity // db.CountDelivered and its like

	Keys   map[app.KeyState]int64
	WeChat wechat.Health
}

// Activity is how often something happened that is neither a login nor an opening. What did not happen at all is left out.
type Activity struct {
	What string
	Counts
}

// Failure is how often logins or openings failed for a reason.
type Failure struct {
	Reason app.Reason
	Counts
}

// Split is the part of one version or platform.
type Split struct {
	Name           string // a version or platform, app.Unknown where none was told, db.VersionOther for those beyond the bound
	Login, Opening Rate
	Rescued        int64
}

// Errcodes is how many events carry one errcode of WeChat's.
type Errcodes struct {
	Errcode int
	N       int64
}

// splitsShown is how many versions are told apart, those with most logins and openings.
const splitsShown = 20

// Today tells of the day so far, as it is where the operators are.
func (o Overview) Today(ctx context.Context, now time.Time, location *time.Location) (Today, error) {
	local := now.In(location)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, location)
	today := Today{Midnight: midnight, WeChat: o.WeChat.Health(now)}
	if err := o.compare(ctx, &today, local); err != nil {
		return today, err
	}
	if err := o.split(ctx, &today, now); err != nil {
		return today, err
	}
	read := o.Store.Read()
	var err error
	if today.Users, err = read.CountUsers(ctx, o.Keeper.AppID()); err != nil {
		return today, err
	}
	today.Keys, err = read.KeyCounts(ctx, o.Keeper.AppID(), now, o.Keeper.Settings().KeyAging)
	return today, err
}

// compare fills in what is told beside earlier days.
func (o Overview) compare(ctx context.Context, today *Today, now time.Time) error {
	var days [3]byReason
	for i, back := range []int{0, 1, 7} {
		var err error
		if days[i], err = o.partOfDay(ctx, today.Midnight.AddDate(0, 0, -back), now.AddDate(0, 0, -back), i == 0); err != nil {
			return err
		}
	}
	counts := func(reason app.Reason) Counts { return Counts{days[0].n(reason), days[1].n(reason), days[2].n(reason)} }
	today.Login = Compared{days[0].logins(), days[1].logins(), days[2].logins()}
	today.Opening = Compared{days[0].openings(), days[1].openings(), days[2].openings()}
	today.NewUsers, today.Rescued = counts(app.LoginFirst), counts(app.OpenOKPrevious)
	today.ActiveUsers = counts(db.UsersActive)
	for _, reason := range failureReasons {
		if n := counts(reason); n.Today > 0 {
			today.Failures = append(today.Failures, Failure{reason, n})
		}
	}
	slices.SortStableFunc(today.Failures, func(a, b Failure) int { return cmp.Compare(b.Today, a.Today) })
	some := func(names ...string) []Activity { return activities(days, names) }
	today.Phones = some(reasonsOf("phone.")...)
	today.Profiles = some(slices.Concat(reasonsOf("profile."), reasonsOf("avatar."))...)
	today.Reports, today.Webhooks = some(reasonsOf("report.")...), some(deliveries...)
	return o.compareBackEnds(ctx, today, now)
}

// partOfDay counts from midnight to a time. Unless that is now, its hour has gone on since, and counts in part.
func (o Overview) partOfDay(ctx context.Context, midnight, until time.Time, isNow bool) (byReason, error) {
	names := append(slices.Concat(reasonNames(app.Reasons()), deliveries), db.UsersActive)
	counts, err := o.countedByHour(ctx, names, midnight, until)
	sums := byReason{}
	for _, one := range counts {
		sums.add(one.Name, partOfHour(one, until, isNow))
	}
	return sums, err
}

func partOfHour(one db.HourCount, until time.Time, isNow bool) int64 {
	hour := until.Truncate(time.Hour)
	if one.Hour.Equal(hour) && !isNow {
		return part(one.N, until.Sub(hour))
	}
	return one.N
}

// part is what an hour's number comes to in a part of the hour, rounded.
func part(n int64, of time.Duration) int64 {
	return (n*int64(of/time.Second) + 1800) / 3600
}

// split fills in where the logins and openings of the day came from.
func (o Overview) split(ctx context.Context, today *Today, now time.Time) error {
	versions, err := o.countedByGroup(ctx, db.CountsByVersion, today.Midnight, now)
	if err != nil {
		return err
	}
	platforms, err := o.countedByGroup(ctx, db.CountsByPlatform, today.Midnight, now)
	if err != nil {
		return err
	}
	errcodes, err := o.countedByGroup(ctx, db.CountsByErrcode, today.Midnight, now)
	today.Versions, today.Platforms, today.Errcodes = splits(versions), splits(platforms), sumErrcodes(errcodes)
	return err
}

// splits sums up a group by name. Those beyond splitsShown are put together.
func splits(counts []db.HourCount) []Split {
	byName := map[string]Split{}
	for _, one := range counts {
		split := byName[one.Name]
		split.add(one)
		byName[one.Name] = split
	}
	var all []Split
	for name, split := range byName {
		split.Name = name
		all = append(all, split)
	}
	slices.SortFunc(all, func(a, b Split) int {
		return cmp.Or(cmp.Compare(b.total(), a.total()), cmp.Compare(a.Name, b.Name))
	})
	return foldTail(all)
}

func (s *Split) add(one db.HourCount) {
	switch what := app.Outcome(one.What); what {
	case app.LoginSucceeded, app.LoginFailed:
		s.Login.add(what, one.N)
	case app.OpenSucceeded, app.OpenFailed:
		s.Opening.add(what, one.N)
	default: // db.CountRescued
		s.Rescued += one.N
	}
}

func (s Split) total() int64 { return s.Login.Total() + s.Opening.Total() }

// foldTail puts all but the first into the one that stands for the others.
func foldTail(all []Split) []Split {
	if len(all) <= splitsShown {
		return all
	}
	rest := Split{Name: db.VersionOther}
	shown := slices.DeleteFunc(slices.Clone(all[:splitsShown]), func(s Split) bool { return s.Name == db.VersionOther })
	for _, split := range all {
		if !slices.ContainsFunc(shown, func(s Split) bool { return s.Name == split.Name }) {
			rest.Login = Rate{rest.Login.OK + split.Login.OK, rest.Login.Failed + split.Login.Failed}
			rest.Opening = Rate{rest.Opening.OK + split.Opening.OK, rest.Opening.Failed + split.Opening.Failed}
			rest.Rescued += split.Rescued
		}
	}
	return append(shown, rest)
}

func sumErrcodes(counts []db.HourCount) []Errcodes {
	sums := map[string]int64{}
	for _, one := range counts {
		sums[one.Name] += one.N
	}
	var all []Errcodes
	for name, n := range sums {
		if errcode, err := strconv.Atoi(name); err == nil {
			all = append(all, Errcodes{errcode, n})
		}
	}
	slices.SortFunc(all, func(a, b Errcodes) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Errcode, b.Errcode)) })
	return all
}
