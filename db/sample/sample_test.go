package sample_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
	"wxkeeper/db/sample"
)

const (
	aging = 24 * time.Hour
	day   = 24 * time.Hour
)

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// filled is a database with a sample in it.
type filled struct {
	*db.Queries
	store *db.DB
	ring  *db.KeyRing
	app   app.App
}

func fill(t *testing.T, how sample.Options) filled {
	t.Helper()
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	one, err := store.EnsureApp(t.Context(), "wx0123456789abcdef", now)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Fill(t.Context(), store, ring, one.ID, how); err != nil {
		t.Fatal(err)
	}
	return filled{store.Read(), store, ring, one}
}

func (f filled) listing(filter app.UserFilter) db.UserListing {
	return db.UserListing{
		AppID: f.app.ID, Filter: filter, Order: app.ByFirstSeen, Now: now, Aging: aging, Limit: db.UsersPerPage, PhoneHash: f.ring.PhoneHash,
	}
}

func (f filled) users(t *testing.T, filter app.UserFilter) []db.ListedUser {
	t.Helper()
	var all []db.ListedUser
	ask := f.listing(filter)
	for {
		page, err := f.ListUsers(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Users...)
		if page.Next == "" {
			return all
		}
		ask.After = page.Next
	}
}

func (f filled) counted(t *testing.T, name string, from, to time.Time) int64 {
	t.Helper()
	n, err := f.Counted(t.Context(), f.app.ID, name, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSampleIsSound(t *testing.T) {
	const size = 1200
	last := 0
	f := fill(t, sample.Options{Users: size, Now: now, Seed: 1, Progress: func(done int) {
		if done < last || done > size {
			t.Errorf("progress went from %d to %d", last, done)
		}
		last = done
	}})
	if last != size {
		t.Errorf("progress ended at %d", last)
	}
	health, err := keeper.Check(t.Context(), f.store, f.ring)
	if err != nil || len(health.Problems) > 0 || health.Users != size {
		t.Errorf("check: %+v, %v", health, err)
	}
	if total, err := f.CountUsers(t.Context(), f.app.ID); err != nil || total != size {
		t.Errorf("%d users counted, %v", total, err)
	}
	counts, err := f.KeyCounts(t.Context(), f.app.ID, now, aging)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range app.KeyStates() {
		users := f.users(t, app.UserFilter{KeyState: state})
		if int64(len(users)) != counts[state] || len(users) == 0 && state != app.KeySuspect {
			t.Errorf("%d users in state %s, %d counted", len(users), state, counts[state])
		}
		for _, user := range users {
			if got := user.Key.Freshness(now, aging).State; got != state {
				t.Errorf("user %s is %s among those who are %s", user.Number, got, state)
			}
		}
	}
}

func TestSampleLooksReal(t *testing.T) {
	f := fill(t, sample.Options{Users: 1500, Now: now, Seed: 2})
	shares := map[string]int{}
	events, active := 0, map[int]map[app.UserID]bool{}
	for _, user := range f.users(t, app.UserFilter{}) {
		if !user.Profile.Anonymous() {
			shares["named"]++
		}
		if user.Phone.Tail != "" {
			shares["phone"]++
		}
		if user.UnionID != "" {
			shares["unionid"]++
		}
		if user.LastSeenAt.After(now) || user.FirstSeenAt().After(user.LastSeenAt) || user.Key.ObtainedAt().After(now) {
			t.Errorf("user %s first seen %v, last seen %v, key %v", user.Number, user.FirstSeenAt(), user.LastSeenAt, user.Key.ObtainedAt())
		}
		sessions, err := f.SessionsOfUser(t.Context(), user.ID)
		if err != nil || len(sessions) > 3 || len(sessions) == 0 && user.LastSeenAt.After(now.Add(-25*day)) {
			t.Errorf("user %s has %d devices, %v", user.Number, len(sessions), err)
		}
		events += f.checkEvents(t, user.User, active)
	}
	for what, percent := range map[string]int{"named": 40, "phone": 25, "unionid": 15} {
		if share := shares[what] * 100 / 1500; share < percent-5 || share > percent+5 {
			t.Errorf("%d %% %s, want about %d", share, what, percent)
		}
	}
	for ago := range 29 {
		midnight := time.Date(2026, 11, 21-ago, 16, 0, 0, 0, time.UTC) // in China
		want, got := int64(len(active[ago])), f.counted(t, db.UsersActive, midnight, midnight.Add(day-time.Hour))
		if want != got || want == 0 {
			t.Errorf("%d days ago %d users were active, %d counted", ago, want, got)
		}
	}
	var counted int64
	for _, reason := range app.Reasons() {
		counted += f.counted(t, string(reason), now.Add(-31*day), now)
	}
	strangers, err := f.StrangerEvents(t.Context(), db.StrangerEventsKept)
	if err != nil || len(strangers) == 0 || counted != int64(events+len(strangers)) {
		t.Errorf("%d events of users and %d of strangers, %d counted, %v", events, len(strangers), counted, err)
	}
}

// checkEvents walks a user's events, notes on which days the user was active, and tells how many events there are.
func (f filled) checkEvents(t *testing.T, user app.User, active map[int]map[app.UserID]bool) int {
	t.Helper()
	events, err := f.EventsOf(t.Context(), user.LastEvent, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := f.KeysOfUser(t.Context(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	known := map[app.Fingerprint]bool{}
	for _, key := range keys {
		known[key.Fingerprint] = true
	}
	for i, event := range events {
		if event.UserID != user.ID || event.At().After(now) || event.At().Before(now.Add(-31*day)) {
			t.Errorf("user %s has an event of user %d at %v", user.Number, event.UserID, event.At())
		}
		if i > 0 && event.At().After(events[i-1].At()) {
			t.Errorf("user %s: event %d is later than the one after it", user.Number, i)
		}
		if len(keys) < 10 && !known[event.Fingerprint] {
			t.Errorf("user %s has an event about a key they never had", user.Number)
		}
		if strings.HasPrefix(string(event.Reason), "key.") {
			continue
		}
		ago := int(time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC).Sub(event.At()) / day) // in China
		if active[ago] == nil {
			active[ago] = map[app.UserID]bool{}
		}
		active[ago][user.ID] = true
	}
	return len(events)
}

func TestPhonesOfASampleAreFound(t *testing.T) {
	f := fill(t, sample.Options{Users: 40, Now: now, Seed: 3})
	found := 0
	for _, user := range f.users(t, app.UserFilter{}) {
		phone, err := keeper.Phone(f.ring, user.User)
		if err != nil {
			t.Fatal(err)
		}
		if phone.PureNumber == "" {
			continue
		}
		found++
		if by := f.users(t, app.UserFilter{Search: phone.PureNumber}); len(by) != 1 || by[0].ID != user.ID {
			t.Errorf("%d users have the phone number of user %s", len(by), user.Number)
		}
	}
	if found == 0 {
		t.Error("nobody has a phone")
	}
}

func TestSeedsDecide(t *testing.T) {
	people := func(seed uint64) []app.User {
		var users []app.User
		for _, user := range fill(t, sample.Options{Users: 50, Now: now, Seed: seed}).users(t, app.UserFilter{}) {
			user.LastEvent, user.Phone.Sealed, user.Phone.Hash = 0, nil, nil // under data keys of each database
			users = append(users, user.User)
		}
		return users
	}
	first := people(4)
	if diff := cmp.Diff(first, people(4)); diff != "" {
		t.Errorf("the same seed gives other people\n%s", diff)
	}
	if cmp.Equal(first, people(5)) {
		t.Error("another seed gives the same people")
	}
}

func TestFillRefuses(t *testing.T) {
	f := fill(t, sample.Options{Users: 5, Now: now, Seed: 1})
	err := sample.Fill(t.Context(), f.store, f.ring, f.app.ID, sample.Options{Users: 5, Now: now, Seed: 1})
	if app.KindOf(err) != app.AlreadyExists {
		t.Errorf("a second sample: %v", err)
	}
}

func TestABadReleaseSpoilsTwoHours(t *testing.T) {
	yesterday := now.Add(-20 * time.Hour)
	f := fill(t, sample.Options{Users: 300, Now: now, Seed: 1, BadRelease: yesterday})
	health, err := keeper.Check(t.Context(), f.store, f.ring)
	if err != nil || len(health.Problems) > 0 {
		t.Errorf("check: %+v, %v", health, err)
	}
	listed, err := f.ListEvents(t.Context(), db.EventListing{
		AppID: f.app.ID, Filter: app.EventFilter{From: yesterday, To: yesterday.Add(3 * time.Hour)}, Limit: 500,
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[app.Reason]int{}
	for _, event := range listed.Events {
		if event.Client.Version == "133" {
			seen[event.Reason]++
		}
		if event.Client.Version == "133" && event.Reason == app.OpenOtherKey && event.At().Sub(event.Detail.KeyObtainedAt) > time.Minute {
			t.Errorf("the key of event %d was obtained at %v", event.ID, event.Detail.KeyObtainedAt)
		}
	}
	if seen[app.LoginCodeUsed] < 20 || seen[app.OpenOtherKey] < 15 || seen[app.OpenOtherKey] != seen[app.OpenNoKeyFits] {
		t.Errorf("got %v", seen)
	}
	if after := f.counted(t, string(app.LoginCodeUsed), yesterday.Add(4*time.Hour), now); after > 3 {
		t.Errorf("%d codes used twice after it was taken back", after)
	}
}
