package db

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"wxkeeper/app"
)

const (
	// entriesRead is how many entries of an index are read for one page where the index does not answer the whole filter and each
	// entry costs a look at another row; fewer, where it costs several. It keeps the slowest kinds of page near 5 ms among a million users.
	entriesRead = 1000

	// checkedAtOnce is how many users are read at a time where each must be checked after it was read.
	checkedAtOnce = 250
)

// position is a place in an index: the values of the columns that order it.
type position []int64

// indexRange is a range of an index: what is the same in all of it, and between which positions of the columns that follow.
type indexRange struct {
	where       string
	arguments   []any
	columns     []string
	backwards   bool
	after, last position // the range begins after the one and ends with the other
}

func (r indexRange) condition() (where string, arguments []any) {
	beyond, within := " > ", " <= "
	if r.backwards {
		beyond, within = " < ", " >= "
	}
	columns, values := "("+strings.Join(r.columns, ", ")+")", rowsOf(len(r.columns), 1)
	arguments = slices.Clone(r.arguments)
	for _, bound := range slices.Concat(r.after, r.last) {
		arguments = append(arguments, bound)
	}
	return r.where + " AND " + columns + beyond + values + " AND " + columns + within + values, arguments
}

func (r indexRange) order() string {
	direction := ""
	if r.backwards {
		direction = " DESC"
	}
	return " ORDER BY " + strings.Join(r.columns, direction+", ") + direction
}

// compare tells which of two positions comes first.
func (r indexRange) compare(a, b position) int {
	if r.backwards {
		a, b = b, a
	}
	return slices.Compare(a, b)
}

// narrowed is the part of the range after one position, up to another; nil: as far as the range goes.
func (r indexRange) narrowed(after, last position) indexRange {
	if after != nil && r.compare(after, r.after) > 0 {
		r.after = after
	}
	if last != nil && r.compare(last, r.last) < 0 {
		r.last = last
	}
	return r
}

// walk is a way through users along an index, and what they must fit.
type walk struct {
	name   string // in cursors
	table  string // the table whose index it is, with its alias
	user   string // the column that says which user
	ranges []walkRange

	rest    app.UserFilter           // what the index does not answer: it is looked up in the user's row
	also    string                   // further conditions
	alsoOf  []any                    // their arguments
	holds   string                   // folded text that the nickname holds
	current func(app.KeyRecord) bool // what the current key fits
	except  []app.UserID             // these are left out
}

// walkRange is a range that a walk goes along. Where there are several, the walk has positions of its own.
type walkRange struct {
	indexRange
	place func(position) position // of a position of the range in the walk
	upTo  func(position) position // the last position of the range up to one in the walk
}

// step is a user that a walk comes to.
type step struct {
	at   position // in the walk
	user app.UserID
}

// require adds a condition that the index does not answer.
func (w *walk) require(condition string, arguments ...any) {
	w.also += " AND " + condition
	w.alsoOf = append(w.alsoOf, arguments...)
}

// looks is how many other rows are looked at for each entry of the index, 0 where the index answers the whole filter. A key
// counts twice, since it is judged after it was read.
func (w walk) looks() int {
	looks := 0
	if w.readsRow() {
		looks++
	}
	if w.also != "" {
		looks++
	}
	if w.current != nil {
		looks += 2
	}
	return looks
}

func (w walk) readsRow() bool { return !w.rest.Empty() || w.also != "" || w.holds != "" }

func (w walk) checks() bool { return w.holds != "" || w.current != nil || w.except != nil }

func (w walk) compare(a, b position) int { return w.ranges[0].compare(a, b) }

// within gives the ranges of the walk after one position, up to another; nil: as far as it goes.
func (w walk) within(after, last position) []walkRange {
	narrowed := slices.Clone(w.ranges)
	for i, r := range w.ranges {
		from, to := after, last
		if r.upTo != nil && from != nil {
			from = r.upTo(from)
		}
		if r.upTo != nil && to != nil {
			to = r.upTo(to)
		}
		narrowed[i].indexRange = r.narrowed(from, to)
	}
	return narrowed
}

func (r walkRange) inWalk(at position) position {
	if r.place == nil {
		return at
	}
	return r.place(at)
}

// ahead finds a position that lies some entries ahead at most, nil where fewer are left.
func (w walk) ahead(ctx context.Context, q *Queries, after position, entries int) (position, error) {
	var nearest position
	for _, r := range w.within(after, nil) {
		at := make(position, len(r.columns))
		where, arguments := r.condition()
		err := q.one(ctx, "SELECT "+strings.Join(r.columns, ", ")+" FROM "+w.table+" WHERE "+where+r.order()+" LIMIT 1 OFFSET ?",
			append(arguments, entries/len(w.ranges)-1), at.fields()...)
		if app.KindOf(err) == app.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if there := r.inWalk(at); nearest == nil || w.compare(there, nearest) < 0 {
			nearest = there
		}
	}
	return nearest, nil
}

func (p position) fields() []any {
	fields := make([]any, len(p))
	for i := range p {
		fields[i] = &p[i]
	}
	return fields
}

// steps lists the users that come next, after one position and up to another, reading at most limit. It tells how far it has
// read; nil: to the end.
func (w walk) steps(ctx context.Context, q *Queries, after, last position, limit int) (found []step, readTo position, err error) {
	var all []reading
	for _, r := range w.within(after, last) {
		some, err := w.read(ctx, q, r, limit)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, some...)
	}
	if len(w.ranges) > 1 {
		slices.SortFunc(all, func(a, b reading) int { return w.compare(a.at, b.at) })
	}
	if len(all) >= limit {
		all = all[:limit]
		readTo = all[limit-1].at
	}
	for _, one := range all {
		if w.fits(one) {
			found = append(found, one.step)
		}
	}
	return found, readTo, nil
}

// reading is a step with what it is checked by.
type reading struct {
	step
	nickname string
	key      app.KeyRecord
}

func (w walk) fits(r reading) bool {
	return (w.current == nil || w.current(r.key)) && !slices.Contains(w.except, r.user) &&
		(w.holds == "" || strings.Contains(string(foldNickname(r.nickname)), w.holds))
}

func (w walk) read(ctx context.Context, q *Queries, r walkRange, limit int) ([]reading, error) {
	query, arguments := w.query(r, limit)
	var all []reading
	err := q.each(ctx, query, arguments, func(scan func(...any) error) error {
		var one reading
		at := make(position, len(r.columns))
		err := scan(append([]any{&one.user, &one.nickname, &one.key.ID, moment{&one.key.ConfirmedAt},
			moment{&one.key.FailedAt}, moment{&one.key.DeadAt}}, at.fields()...)...)
		one.at = r.inWalk(at)
		all = append(all, one)
		return err
	})
	return all, err
}

// query gives at least limit users of a range, if there are so many.
func (w walk) query(r walkRange, limit int) (query string, arguments []any) {
	where, arguments := r.condition()
	from, nickname, key := w.table, "''", "0, 0, 0, 0"
	if w.readsRow() && w.table != usersTable {
		from += " JOIN users u ON u.id = " + w.user
	}
	if !w.rest.Empty() {
		where += " AND " + rowFits
		arguments = append(arguments, rowArguments(w.rest)...)
	}
	if w.holds != "" {
		nickname = "u.nickname"
	}
	if w.current != nil {
		from += " JOIN session_keys c ON c.user_id = " + w.user + " AND c.superseded_at = 0"
		key = "c.id, c.confirmed_at, c.failed_at, c.dead_at"
	}
	query = "SELECT " + w.user + ", " + nickname + ", " + key + ", " + strings.Join(r.columns, ", ") + " FROM " + from +
		" WHERE " + where + w.also + r.order() + limitToAtLeast(limit)
	return query, append(arguments, w.alsoOf...)
}

// rowFits is what a user's row must fit. Each condition is switched on or off by its first argument: no engine takes it for a
// way into the table, and one statement serves all filters.
const rowFits = `(? = 0 OR u.last_seen_at >= ?) AND (? = 0 OR u.last_seen_at < ?) AND (? = 0 OR u.id >= ?) AND (? = 0 OR u.id < ?)
	AND (? = 0 OR u.client_version = ?) AND (? = 0 OR u.platform = ?) AND (? = 0 OR u.disabled_at > 0)`

func rowArguments(filter app.UserFilter) []any {
	return []any{
		!filter.SeenFrom.IsZero(), milliseconds(filter.SeenFrom), !filter.SeenTo.IsZero(), milliseconds(filter.SeenTo),
		!filter.NewFrom.IsZero(), app.FirstID(filter.NewFrom), !filter.NewTo.IsZero(), app.FirstID(filter.NewTo),
		filter.Version != "", filter.Version, filter.Platform != "", string(filter.Platform), filter.Disabled,
	}
}

const usersTable = "users u"

// bySeen walks from the user seen last to the one not seen for longest.
func bySeen(ask UserListing) walk {
	rest := ask.Filter
	rest.SeenFrom, rest.SeenTo = time.Time{}, time.Time{}
	return walk{name: "seen", table: usersTable, user: "u.id", rest: rest, ranges: []walkRange{{indexRange: indexRange{
		where: "u.app_id = ?", arguments: []any{ask.AppID}, columns: []string{"u.last_seen_at", "u.id"}, backwards: true,
		after: position{before(ask.Filter.SeenTo, milliseconds), 0}, last: position{milliseconds(ask.Filter.SeenFrom), 0},
	}}}}
}

// byDisabling walks from the user disabled last to the one disabled first.
func byDisabling(ask UserListing) walk {
	rest := ask.Filter
	rest.Disabled = false
	return walk{name: "disabled", table: usersTable, user: "u.id", rest: rest, ranges: []walkRange{{indexRange: indexRange{
		where: "u.app_id = ?", arguments: []any{ask.AppID}, columns: []string{"u.disabled_at", "u.id"}, backwards: true,
		after: position{math.MaxInt64, 0}, last: position{1, 0},
	}}}}
}

// byID walks a range of an index, in which users are ordered by id, from the newest to the oldest.
func byID(ask UserListing, name, table, user, where string, arguments ...any) walk {
	rest := ask.Filter
	rest.NewFrom, rest.NewTo, rest.Search, rest.KeyState = time.Time{}, time.Time{}, "", ""
	firstID := func(at time.Time) int64 { return int64(app.FirstID(at)) }
	return walk{name: name, table: table, user: user, rest: rest, ranges: []walkRange{{indexRange: indexRange{
		where: where, arguments: arguments, columns: []string{user}, backwards: true,
		after: position{before(ask.Filter.NewTo, firstID)}, last: position{firstID(ask.Filter.NewFrom)},
	}}}}
}

// before is the value a bound from above has in an index.
func before(at time.Time, value func(time.Time) int64) int64 {
	if at.IsZero() {
		return math.MaxInt64
	}
	return value(at)
}

// byKeyState walks from the user whose key has been in its state for longest.
func byKeyState(ask UserListing) walk {
	rest := ask.Filter
	rest.KeyState = ""
	w := walk{name: string(ask.Filter.KeyState), table: "session_keys k", user: "k.user_id", rest: rest}
	for _, r := range stateRanges(ask.AppID, ask.Filter.KeyState, ask.Now, ask.Aging) {
		w.ranges = append(w.ranges, walkRange{indexRange: r})
	}
	if len(w.ranges) == 2 { // aging
		w.ranges[0].place, w.ranges[0].upTo = placeOfObtained, upToObtained
		w.ranges[1].place, w.ranges[1].upTo = placeOfConfirmed, upToConfirmed
	}
	return w
}

// Keys that are aging lie in two ranges, those never confirmed and the others. The walk goes through both by when a key was last
// known to be good, those never confirmed first where the time is the same.
const (
	neverConfirmed = 0
	onceConfirmed  = 1
)

// lastKnownGood is as late as ids can tell: cursors can say anything.
var lastKnownGood = app.ID(math.MaxInt64).Time().UnixMilli() - 1

func placeOfObtained(at position) position {
	return position{app.ID(at[0]).Time().UnixMilli(), neverConfirmed, at[0]}
}

func upToObtained(at position) position {
	if at[1] == neverConfirmed {
		return at[2:]
	}
	later := min(at[0], lastKnownGood) + 1
	return position{int64(app.FirstID(time.UnixMilli(later))) - 1}
}

func placeOfConfirmed(at position) position { return position{at[0], onceConfirmed, at[1]} }

func upToConfirmed(at position) position {
	if at[1] == neverConfirmed {
		return position{at[0], 0}
	}
	return position{at[0], at[2]}
}
