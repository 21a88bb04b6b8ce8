package web

import (
	"context"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	userCountsKept = 100
	userCountHolds = time.Minute
)

// userCounts remembers how many users matched a filter when its first page was shown, so that leafing through the others does
// not count them anew.
type userCounts struct {
	mutex   sync.Mutex
	counted map[countedFilter]userCount
}

// countedFilter is what a count depends on: not every role may search by phone number.
type countedFilter struct {
	filter app.UserFilter
	role   app.Role
}

type userCount struct {
	db.UserCount
	at time.Time
}

// count counts for a first page, and recalls for a later one what the first said, if that is not long ago.
func (u *userCounts) count(ctx context.Context, read *db.Queries, listing db.UserListing, role app.Role) (db.UserCount, error) {
	asked := countedFilter{listing.Filter, role}
	if listing.After != "" {
		if known, found := u.recall(asked, listing.Now); found {
			return known, nil
		}
	}
	fresh, err := read.CountUsersUpTo(ctx, listing, usersCounted)
	if err == nil {
		u.remember(asked, userCount{fresh, listing.Now})
	}
	return fresh, err
}

func (u *userCounts) recall(asked countedFilter, now time.Time) (db.UserCount, bool) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	known, found := u.counted[asked]
	return known.UserCount, found && now.Sub(known.at).Abs() < userCountHolds
}

func (u *userCounts) remember(asked countedFilter, fresh userCount) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if u.counted == nil || len(u.counted) >= userCountsKept {
		u.counted = map[countedFilter]userCount{}
	}
	u.counted[asked] = fresh
}
