// Package sample fills a database with invented people who look real: names, session keys in all states, devices, events of
// the last 30 days. It is for measuring and for looking at pages that are full; nothing in it is anybody's.
package sample

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Options say what a sample is like.
type Options struct {
	Users    int
	Now      time.Time      // up to when things have happened
	Seed     uint64         // the same seed gives the same people; ids of events, nonces and data keys differ
	Brief    bool           // each user has one key, one session and one event: a fraction of the work and of the disk
	Progress func(done int) // told now and then how many users' worth of work is done; nil: nobody asks

	// BadRelease is when a release went out that hands in each code twice and collects data before its login is answered. It was
	// taken back two hours later. Zero: none did.
	BadRelease time.Time
}

const (
	eventsAtOnce = 5000
	usersAtOnce  = 10_000 // most pages of an index are written once for many of them
	eventsAUser  = 6      // about so many events cost what a user costs
)

// Fill stores a sample of users of an app. It takes about 300 bytes of memory a user. AlreadyExists: there are users already.
func Fill(ctx context.Context, store *db.DB, ring *db.KeyRing, appID app.AppID, how Options) error {
	f, err := begin(ctx, store, ring, appID, how)
	if err != nil {
		return err
	}
	happenings, err := f.happenings(ctx)
	if err != nil {
		return err
	}
	f.work = len(happenings) + eventsAUser*how.Users
	if err := oneAhead(f.records(happenings), func(r record) error { return f.writeRecord(ctx, r) }); err != nil {
		return err
	}
	return oneAhead(f.people(), func(p people) error { return f.writePeople(ctx, p) })
}

// filling is a sample on its way into the database.
type filling struct {
	population
	store *db.DB
	ring  *db.KeyRing
	how   Options

	ids        []app.UserID
	lastEvent  []app.EventID
	lastDay    []int64 // each user was active on
	work, done int
}

func begin(ctx context.Context, store *db.DB, ring *db.KeyRing, appID app.AppID, how Options) (*filling, error) {
	users, err := store.Read().UsersAfter(ctx, 0, 1)
	if err == nil && len(users) > 0 {
		err = app.Fail(app.AlreadyExists, "")
	}
	if err != nil {
		return nil, err
	}
	apps, err := store.Read().Apps(ctx)
	at := slices.IndexFunc(apps, func(one app.App) bool { return one.ID == appID })
	if err == nil && at < 0 {
		err = app.Fail(app.NotFound, "")
	}
	if err != nil {
		return nil, err
	}
	return &filling{
		population: population{
			seed: how.Seed, size: how.Users, now: how.Now.Truncate(time.Millisecond), app: apps[at], clients: newClients(apps[at].Appid),
			brief: how.Brief, badRelease: how.BadRelease.Truncate(time.Millisecond),
		},
		store: store, ring: ring, how: how,
		ids: make([]app.UserID, how.Users), lastEvent: make([]app.EventID, how.Users), lastDay: make([]int64, how.Users),
	}, nil
}

// progress notes work that is done.
func (f *filling) progress(work int) {
	f.done += work
	if f.how.Progress != nil {
		f.how.Progress(int(float64(f.how.Users) * float64(f.done) / float64(f.work)))
	}
}

// happenings are all events in the order of time: ids of events only grow.
func (f *filling) happenings(ctx context.Context) ([]happening, error) {
	all := f.strangers()
	for number := range f.size {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := f.person(number)
		f.ids[number] = p.user.ID
		all = append(all, p.happenings...)
	}
	slices.SortFunc(all, func(a, b happening) int { return cmp.Compare(a.at, b.at) })
	return all, nil
}

// record is a stretch of events with those who became active in it.
type record struct {
	happenings []happening
	events     []app.Event
	active     []time.Time
}

func (f *filling) records(all []happening) iter.Seq[record] {
	return func(yield func(record) bool) {
		for some := range slices.Chunk(all, eventsAtOnce) {
			r := record{happenings: some}
			for _, one := range some {
				at := time.UnixMilli(one.at)
				r.events = append(r.events, f.event(one, at))
				if f.newlyActive(one, at) {
					r.active = append(r.active, at)
				}
			}
			if !yield(r) {
				return
			}
		}
	}
}

func (f *filling) event(one happening, at time.Time) app.Event {
	event := events[one.what]
	event.AppID = f.app.ID
	event.Client = one.device.at(f.now, at)
	if one.what == openTooEarly {
		event.Detail.KeyObtainedAt = at.Add(-verdictAfterLogin)
	}
	if one.user == nobody || one.what.byUser() {
		event.RequestID = app.NewRequestID(at)
	}
	if one.user != nobody {
		event.UserID = f.ids[one.user]
		event.Fingerprint = f.ring.Fingerprint(f.sessionKey(int(one.user), int(one.key)))
	}
	return event
}

// newlyActive says whether a user does something for the first time on a day of China.
func (f *filling) newlyActive(one happening, at time.Time) bool {
	today := at.Add(china).Unix() / int64(day/time.Second)
	if one.user == nobody || !one.what.byUser() || f.lastDay[one.user] == today {
		return false
	}
	f.lastDay[one.user] = today
	return true
}

func (f *filling) writeRecord(ctx context.Context, r record) error {
	var newest map[int32]app.EventID
	err := f.store.Write(ctx, func(tx *db.Tx) error {
		newest = map[int32]app.EventID{}
		for i, event := range r.events {
			one := r.happenings[i]
			if one.user != nobody {
				event.Previous = cmp.Or(newest[one.user], f.lastEvent[one.user])
			}
			newest[one.user] = tx.AddEvent(time.UnixMilli(one.at), event)
		}
		for _, at := range r.active {
			tx.Count(f.app.ID, db.UsersActive, at, 1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	delete(newest, nobody)
	for number, id := range newest {
		f.lastEvent[number] = id
	}
	f.progress(len(r.events))
	return nil
}

// people are users with all that belongs to them, ready to be stored.
type people struct {
	users    []app.User
	keys     []app.KeyRecord
	sessions []app.Session
	tokens   []app.TokenHash
}

func (f *filling) people() iter.Seq[people] {
	return func(yield func(people) bool) {
		for first := 0; first < f.size; first += usersAtOnce {
			var some people
			for number := first; number < min(first+usersAtOnce, f.size); number++ {
				f.add(&some, number)
			}
			if !yield(some) {
				return
			}
		}
	}
}

// add seals what is secret of a person, as keeper does.
func (f *filling) add(some *people, number int) {
	p := f.person(number)
	p.user.LastEvent = f.lastEvent[number]
	if p.phone != "" {
		text, _ := json.Marshal(app.Phone{Number: p.phone, PureNumber: p.phone, CountryCode: "86"}) // three strings never fail
		p.user.Phone = app.SealedPhone{
			Sealed: f.ring.Seal(db.PhonePlace(f.app.ID, p.user.ID, p.user.OpenID), text),
			Hash:   f.ring.PhoneHash(p.phone), Tail: p.phone[len(p.phone)-4:],
		}
	}
	for i := max(0, len(p.keys)-keysLeft); i < len(p.keys); i++ {
		key, text := p.keys[i], f.sessionKey(number, i)
		key.Fingerprint = f.ring.Fingerprint(text)
		if len(p.keys)-i <= app.KeysKept {
			key.Sealed = f.ring.Seal(db.KeyPlace(f.app.ID, key.ID, p.user.OpenID), []byte(text.Reveal()))
		}
		some.keys = append(some.keys, key)
	}
	for i := range p.sessions {
		some.tokens = append(some.tokens, f.token(number, i))
	}
	some.users = append(some.users, p.user)
	some.sessions = append(some.sessions, p.sessions...)
}

func (f *filling) writePeople(ctx context.Context, some people) error {
	err := f.store.Write(ctx, func(tx *db.Tx) error {
		for _, user := range some.users {
			if err := tx.InsertUser(user); err != nil {
				return err
			}
		}
		for _, key := range some.keys {
			if err := tx.InsertKey(f.app.ID, key); err != nil {
				return err
			}
		}
		for i, session := range some.sessions {
			if _, err := tx.InsertSession(f.app.ID, session, some.tokens[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		f.progress(eventsAUser * len(some.users))
	}
	return err
}

// oneAhead uses one after the other, while the next one is being made.
func oneAhead[T any](made iter.Seq[T], use func(T) error) error {
	ready, stop := make(chan T), make(chan struct{})
	go func() {
		defer close(ready)
		for one := range made {
			select {
			case ready <- one:
			case <-stop:
				return
			}
		}
	}()
	defer func() {
		close(stop)
		for range ready { // until the maker has ended
		}
	}()
	for one := range ready {
		if err := use(one); err != nil {
			return err
		}
	}
	return nil
}
