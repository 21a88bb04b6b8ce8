package db

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

// UsersPerPage is how many users a page has at most.
const UsersPerPage = 500

// UserListing asks for users of an app.
type UserListing struct {
	AppID  app.AppID
	Filter app.UserFilter
	Order  app.UserOrder // ByFirstSeen, else by when users were last seen
	After  string        // Next of the page before, empty: from the beginning
	Limit  int           // users on a page, from 1 to UsersPerPage

	Now   time.Time     // as of when keys are in their states
	Aging time.Duration // a key unconfirmed for so long counts as aging

	PhoneHash func(number string) []byte // KeyRing.PhoneHash; nil: no search for full phone numbers
}

// UserPage is a page of users.
type UserPage struct {
	Users   []ListedUser
	Next    string // cursor of the next page, empty: this is the last
	Stopped bool   // enough was read before the page was full: Next goes on, and may find more or nothing
}

// ListedUser is a user with the current session key, the zero KeyRecord where there is none.
type ListedUser struct {
	app.User
	Key app.KeyRecord
}

// UserCount is how many users match a filter.
type UserCount struct {
	Users int64
	More  bool // there may be more: the limit was reached, or enough was read
}

// ListUsers gives a page of the users who match a filter. Pages are reached by position, so a late one costs what an early one
// does, and where a filter leaves out almost everybody a page ends when enough was read. A user who is seen again, or whose key
// changes, while pages are read may be left out or, where the list is by key state, come once more; in the order of the first
// login nobody is.
//
// The order is the listing's, but a search gives exact hits first and then the newest users, a key state the users who have
// been in it for longest, and Disabled those disabled last. An unknown key state matches nobody. Malformed: After is no cursor
// of this listing.
func (q *Queries) ListUsers(ctx context.Context, ask UserListing) (UserPage, error) {
	ask.Filter.Search = strings.TrimSpace(ask.Filter.Search)
	found, err := q.findUsers(ctx, ask, min(max(ask.Limit, 1), UsersPerPage))
	if err != nil {
		return UserPage{}, err
	}
	users, err := q.listed(ctx, found.users)
	return UserPage{Users: users, Next: found.next, Stopped: found.stopped}, err
}

// CountUsersUpTo counts the users who match a filter, as many as limit and no more, reading no more than a page may. Everybody,
// and everybody whose key is in a state, is known at once, whatever the limit.
func (q *Queries) CountUsersUpTo(ctx context.Context, ask UserListing, limit int) (UserCount, error) {
	ask.Filter.Search = strings.TrimSpace(ask.Filter.Search)
	switch ask.Filter {
	case app.UserFilter{}:
		n, err := q.CountUsers(ctx, ask.AppID)
		return UserCount{Users: n}, err
	case app.UserFilter{KeyState: ask.Filter.KeyState}:
		counts, err := q.KeyCounts(ctx, ask.AppID, ask.Now, ask.Aging)
		return UserCount{Users: counts[ask.Filter.KeyState]}, err
	}
	walks, err := q.walks(ctx, ask)
	limit = max(limit, 0)
	all := 0
	for _, w := range walks {
		n, more, err := w.count(ctx, q, limit-all)
		all += n
		if err != nil || more {
			return UserCount{Users: int64(all), More: true}, err
		}
	}
	return UserCount{Users: int64(all)}, err
}

// count counts the users along a walk. It tells whether there may be more than it has counted.
func (w walk) count(ctx context.Context, q *Queries, limit int) (n int, more bool, err error) {
	farthest, err := w.farthest(ctx, q, nil)
	if err != nil {
		return 0, false, err
	}
	if w.checks() {
		var found foundUsers
		full, err := found.follow(ctx, q, w, nil, farthest, limit)
		return len(found.users), full || farthest != nil, err
	}
	for _, r := range w.within(nil, farthest) {
		query, arguments := w.query(r, limit+1-n)
		var some int
		if err := q.one(ctx, "SELECT COUNT(*) FROM ("+query+") AS counted", arguments, &some); err != nil {
			return 0, false, err
		}
		n += some
	}
	return min(n, limit), n > limit || farthest != nil, nil
}

// foundUsers are users in the order of a listing.
type foundUsers struct {
	users   []app.UserID
	next    string
	stopped bool
}

// findUsers goes along the walks of a listing, one after the other, until it has found as many users as wanted.
func (q *Queries) findUsers(ctx context.Context, ask UserListing, limit int) (foundUsers, error) {
	var found foundUsers
	walks, err := q.walks(ctx, ask)
	if err != nil {
		return found, err
	}
	walks, at, err := resume(walks, ask.After)
	if err != nil {
		return found, err
	}
	for _, w := range walks {
		farthest, err := w.farthest(ctx, q, at)
		if err != nil {
			return found, err
		}
		if full, err := found.follow(ctx, q, w, at, farthest, limit); err != nil || full {
			return found, err
		}
		if farthest != nil {
			found.next, found.stopped = w.cursor(farthest), len(found.users) < limit
			return found, nil
		}
		at = nil
	}
	found.next = ""
	return found, nil
}

// follow adds the users along a walk, after one position and up to another. It tells whether there are more than wanted.
func (f *foundUsers) follow(ctx context.Context, q *Queries, w walk, at, last position, limit int) (full bool, err error) {
	for {
		reading := limit + 1 - len(f.users)
		if w.checks() {
			reading = max(reading, checkedAtOnce)
		}
		steps, readTo, err := w.steps(ctx, q, at, last, reading)
		if err != nil {
			return false, err
		}
		for _, s := range steps {
			switch len(f.users) {
			case limit:
				return true, nil
			case limit - 1:
				f.next = w.cursor(s.at)
			}
			f.users = append(f.users, s.user)
		}
		if readTo == nil {
			return false, nil
		}
		at = readTo
	}
}

// farthest is how far a walk may go for one page, nil: to its end.
func (w walk) farthest(ctx context.Context, q *Queries, after position) (position, error) {
	if w.looks() == 0 {
		return nil, nil
	}
	return w.ahead(ctx, q, after, entriesRead/w.looks())
}

// walks are the ways to the users of a listing, to be gone one after the other.
func (q *Queries) walks(ctx context.Context, ask UserListing) ([]walk, error) {
	filter := ask.Filter
	switch {
	case filter.KeyState != "" && !slices.Contains(app.KeyStates(), filter.KeyState):
		return nil, nil
	case filter.Search != "":
		return q.searching(ctx, ask)
	case filter.KeyState != "":
		return []walk{byKeyState(ask)}, nil
	case filter.Disabled:
		return []walk{byDisabling(ask)}, nil
	case ask.Order == app.ByFirstSeen:
		return []walk{byID(ask, "first", usersTable, "u.id", "u.app_id = ?", ask.AppID)}, nil
	default:
		return []walk{bySeen(ask)}, nil
	}
}

// cursor names a position of the walk.
func (w walk) cursor(at position) string {
	parts := []string{w.name}
	for _, value := range at {
		parts = append(parts, strconv.FormatInt(value, 36))
	}
	return strings.Join(parts, ".")
}

// resume finds the walk that a cursor stands in, what comes after that walk, and the position.
func resume(walks []walk, cursor string) ([]walk, position, error) {
	if cursor == "" {
		return walks, nil, nil
	}
	name, _, _ := strings.Cut(cursor, ".")
	for i, w := range walks {
		if w.name != name {
			continue
		}
		at, err := w.position(cursor)
		return walks[i:], at, err
	}
	return nil, nil, errCursor()
}

// position reads a cursor as cursor wrote it.
func (w walk) position(cursor string) (position, error) {
	r := w.ranges[0]
	at := r.inWalk(make(position, len(r.columns)))
	values := strings.Split(cursor, ".")[1:]
	if len(values) != len(at) {
		return nil, errCursor()
	}
	for i, text := range values {
		at[i], _ = strconv.ParseInt(text, 36, 64)
	}
	if w.cursor(at) != cursor {
		return nil, errCursor()
	}
	return at, nil
}

func errCursor() error { return app.FailField(app.Malformed, "", "after") }

// listed reads users with their keys, in the order given. Whoever has been erased meanwhile is left out.
func (q *Queries) listed(ctx context.Context, ids []app.UserID) ([]ListedUser, error) {
	users, err := q.UsersByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	keys := make(map[app.UserID]app.KeyRecord, len(ids))
	for some := range inChunks(ids) {
		err := q.each(ctx, "SELECT "+keyColumns+" FROM session_keys k WHERE k.superseded_at = 0 AND k.user_id IN "+rowsOf(len(some), 1),
			idArguments(some), func(scan func(...any) error) error {
				var key app.KeyRecord
				err := keyScan(&key, scan)
				keys[key.UserID] = key
				return err
			})
		if err != nil {
			return nil, err
		}
	}
	var listed []ListedUser
	for _, id := range ids {
		if user, there := users[id]; there {
			listed = append(listed, ListedUser{User: user, Key: keys[id]})
		}
	}
	return listed, nil
}

// UsersByID gives the users of some ids, those that there are. Meant for the rows of a page.
func (q *Queries) UsersByID(ctx context.Context, ids []app.UserID) (map[app.UserID]app.User, error) {
	users := make(map[app.UserID]app.User, len(ids))
	for some := range inChunks(ids) {
		read, err := q.users(ctx, "u.id IN "+rowsOf(len(some), 1), idArguments(some)...)
		if err != nil {
			return nil, err
		}
		for _, user := range read {
			users[user.ID] = user
		}
	}
	return users, nil
}

func idArguments(ids []app.UserID) []any {
	var arguments []any
	for _, id := range ids {
		arguments = append(arguments, id)
	}
	return arguments
}
