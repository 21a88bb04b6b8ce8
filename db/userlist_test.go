package db_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/db/sample"
)

const aging = 24 * time.Hour

// everybody asks for all users of an app as of a time.
func everybody(of app.App, now time.Time) db.UserListing {
	return db.UserListing{AppID: of.ID, Now: now, Aging: aging, Limit: db.UsersPerPage}
}

func list(t testing.TB, store *db.DB, ask db.UserListing) db.UserPage {
	t.Helper()
	page, err := store.Read().ListUsers(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// walkAll gathers the users of all pages, and how many pages there were.
func walkAll(t testing.TB, store *db.DB, ask db.UserListing, between func()) (users []db.ListedUser, pages int) {
	t.Helper()
	for {
		page := list(t, store, ask)
		pages++
		users = append(users, page.Users...)
		if page.Next == "" {
			return users, pages
		}
		if len(page.Users) < ask.Limit && !page.Stopped {
			t.Fatalf("a page of %d has only %d users and goes on", ask.Limit, len(page.Users))
		}
		ask.After = page.Next
		between()
	}
}

func openids(users []db.ListedUser) []string {
	var all []string
	for _, user := range users {
		all = append(all, string(user.OpenID))
	}
	return all
}

// named is a user with a nickname; each is newer than the one before.
type named struct {
	openid, nickname string
	with             func(*app.User)
}

func addNamed(t *testing.T, store *db.DB, of app.App, people []named) {
	t.Helper()
	write(t, store, func(tx *db.Tx) error {
		for i, person := range people {
			at := start.Add(time.Duration(i) * time.Minute)
			user := newUser(of, person.openid, app.UserNumber(200_000_000+i))
			user.ID, user.LastSeenAt = app.UserID(app.NewID(at)), at
			user.Profile.Nickname = person.nickname
			if person.with != nil {
				person.with(&user)
			}
			if err := tx.InsertUser(user); err != nil {
				return err
			}
		}
		return nil
	})
}

func phoneHash(number string) []byte { return []byte("hash of " + number) }

func phoned(number string) func(*app.User) {
	return func(user *app.User) {
		user.Phone = app.SealedPhone{Sealed: []byte{1}, Hash: phoneHash(number), Tail: number[len(number)-4:]}
	}
}

func TestSearch(t *testing.T) {
	store, one := open(t)
	other, err := store.EnsureApp(t.Context(), "wxother", start)
	if err != nil {
		t.Fatal(err)
	}
	addNamed(t, store, other, []named{{openid: "oElsewhere", nickname: "小明"}})
	addNamed(t, store, one, []named{
		{openid: "oA", nickname: "小明"},
		{openid: "oB", nickname: "王小明🎉"},
		{openid: "oC", nickname: "明小"},
		{openid: "oD", nickname: "Ｌｉｌｙ🌸"},
		{openid: "oE", nickname: "LILY wang"},
		{openid: "oF", nickname: "100%正品_店"},
		{openid: "oG", nickname: "一家👨‍👩‍👧‍👦"},
		{openid: "oH", nickname: "豆豆妈👍🏽"},
		{openid: "oI", nickname: "豆👍"},
		{openid: "oJ", nickname: "中国🇨🇳"},
		{openid: "oK", nickname: "电话4397", with: phoned("13800004397")},
		{openid: "oL", nickname: "小满", with: phoned("13900004397")},
		{openid: "oM", nickname: "AAA4397建材"},
		{openid: "oN", nickname: "香港", with: phoned("51234567")},
		{openid: "oO", nickname: "小红", with: func(u *app.User) { u.UnionID, u.Number = "uX_1-y", 691040474 }},
		{openid: "oP", nickname: "691040474oA uX_1-y"},
		{openid: "oQ", nickname: "ab bc ca"},
		{openid: "oR", nickname: "abca"},
		{openid: "oS", nickname: "❤️心"},
		{openid: "13800004397", nickname: "哈哈哈哈"},
	})
	for text, want := range map[string]string{
		"":           "13800004397 oS oR oQ oP oO oN oM oL oK oJ oI oH oG oF oE oD oC oB oA",
		"  \t":       "13800004397 oS oR oQ oP oO oN oM oL oK oJ oI oH oG oF oE oD oC oB oA",
		"小明":         "oB oA",
		" 小明 ":       "oB oA",
		"小":          "oO oL oC oB oA",
		"王小明":        "oB",
		"王小明🎉":       "oB",
		"小明小":        "",
		"🎉":          "oB",
		"👍":          "oI oH",
		"👍🏽":         "oH",
		"👨‍👩‍👧‍👦":    "oG",
		"👩‍👧":        "oG",
		"👧👩":         "",
		"🇨🇳":         "oJ",
		"❤":          "oS",
		"❤️":         "oS",
		"lily":       "oE oD",
		"LiLy":       "oE oD",
		"ｌｉｌＹ":       "oE oD",
		"ly w":       "oE",
		"%":          "oF",
		"%正":         "oF",
		"_":          "oP oF",
		"100%正品_店":   "oF",
		"1_0":        "",
		"l%y":        "",
		"abca":       "oR",
		"abc":        "oR",
		"哈哈哈":        "13800004397",
		"哈哈哈哈哈":      "",
		"4397":       "oL oK oM",
		"４３９７":       "oL oK oM",
		"0000":       "",
		"691040474":  "oO oP",
		"oA":         "oA oP",
		"oa":         "oP", // openids are compared byte by byte, nicknames are not
		"uX_1-y":     "oO oP",
		"oElsewhere": "",
		// The full number finds its owner, and whoever has it for an openid.
		"13800004397":     "13800004397 oK",
		"138 0000-4397":   "oK",
		"+8613800004397":  "oK",
		"008613800004397": "oK",
		"8613800004397":   "oK",
		"＋８６１３８００００４３９７": "oK",
		"13700004397":             "",
		"51234567":                "oN",
		"+852 5123 4567":          "oN",
		"+1 5123":                 "",
		"\u200d":                  "",
		"'; DROP TABLE u":         "",
		strings.Repeat("长", 5000): "",
	} {
		ask := everybody(one, start.Add(time.Hour))
		ask.Filter.Search, ask.PhoneHash = text, phoneHash
		if got := strings.Join(openids(list(t, store, ask).Users), " "); got != want {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
		ask.Limit = 1
		one, _ := walkAll(t, store, ask, func() {})
		if got := strings.Join(openids(one), " "); got != want {
			t.Errorf("%q finds %q one by one, want %q", text, got, want)
		}
	}
	ask := everybody(one, start.Add(time.Hour))
	ask.Filter.Search = "+8613900004397"
	if got := openids(list(t, store, ask).Users); len(got) > 0 {
		t.Errorf("a phone number is found without its hash: %v", got)
	}
}

// fillSample stores people who were made up to just before start.
func fillSample(t testing.TB, store *db.DB, of app.App, users int) *db.KeyRing {
	t.Helper()
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, start)
	if err != nil {
		t.Fatal(err)
	}
	err = sample.Fill(t.Context(), store, ring, of.ID, sample.Options{Users: users, Now: start, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// listings are ways to ask for a few of the users of a sample, and what the users must be.
var listings = map[string]struct {
	filter app.UserFilter
	fits   func(db.ListedUser) bool
}{
	"all":          {app.UserFilter{}, func(u db.ListedUser) bool { return true }},
	"seen from":    {app.UserFilter{SeenFrom: start.Add(-50 * time.Hour)}, func(u db.ListedUser) bool { return !u.LastSeenAt.Before(start.Add(-50 * time.Hour)) }},
	"seen to":      {app.UserFilter{SeenTo: start.Add(-50 * time.Hour)}, func(u db.ListedUser) bool { return u.LastSeenAt.Before(start.Add(-50 * time.Hour)) }},
	"new from":     {app.UserFilter{NewFrom: start.Add(-900 * time.Hour)}, func(u db.ListedUser) bool { return !u.FirstSeenAt().Before(start.Add(-900 * time.Hour)) }},
	"new to":       {app.UserFilter{NewTo: start.Add(-900 * time.Hour)}, func(u db.ListedUser) bool { return u.FirstSeenAt().Before(start.Add(-900 * time.Hour)) }},
	"before all":   {app.UserFilter{NewTo: time.Unix(0, 0)}, func(u db.ListedUser) bool { return false }},
	"version":      {app.UserFilter{Version: "131"}, func(u db.ListedUser) bool { return u.ClientVersion == "131" }},
	"no version":   {app.UserFilter{Version: "1"}, func(u db.ListedUser) bool { return false }},
	"platform":     {app.UserFilter{Platform: app.PlatformIOS}, func(u db.ListedUser) bool { return u.Platform == app.PlatformIOS }},
	"disabled":     {app.UserFilter{Disabled: true}, func(u db.ListedUser) bool { return u.Disabled() }},
	"new":          {app.UserFilter{KeyState: app.KeyNew}, inState(app.KeyNew)},
	"confirmed":    {app.UserFilter{KeyState: app.KeyConfirmed}, inState(app.KeyConfirmed)},
	"aging":        {app.UserFilter{KeyState: app.KeyAging}, inState(app.KeyAging)},
	"suspect":      {app.UserFilter{KeyState: app.KeySuspect}, inState(app.KeySuspect)},
	"dead":         {app.UserFilter{KeyState: app.KeyDead}, inState(app.KeyDead)},
	"superseded":   {app.UserFilter{KeyState: app.KeySuperseded}, func(db.ListedUser) bool { return false }},
	"no state":     {app.UserFilter{KeyState: "fresh", Search: "小"}, func(db.ListedUser) bool { return false }},
	"name":         {app.UserFilter{Search: "小"}, called("小")},
	"long name":    {app.UserFilter{Search: "微信用户"}, called("微信用户")},
	"tail or name": {app.UserFilter{Search: "0098"}, func(u db.ListedUser) bool { return u.Phone.Tail == "0098" || called("0098")(u) }},
	"dead ios": {app.UserFilter{KeyState: app.KeyDead, Platform: app.PlatformIOS}, func(u db.ListedUser) bool {
		return inState(app.KeyDead)(u) && u.Platform == app.PlatformIOS
	}},
	"aging, seen lately": {app.UserFilter{KeyState: app.KeyAging, SeenFrom: start.Add(-99 * time.Hour), NewTo: start.Add(-900 * time.Hour)}, func(u db.ListedUser) bool {
		return inState(app.KeyAging)(u) && !u.LastSeenAt.Before(start.Add(-99*time.Hour)) && u.FirstSeenAt().Before(start.Add(-900*time.Hour))
	}},
	"aging name": {app.UserFilter{KeyState: app.KeyAging, Search: "微信用"}, func(u db.ListedUser) bool {
		return inState(app.KeyAging)(u) && called("微信用")(u)
	}},
	"disabled name of a release": {app.UserFilter{Search: "微", Disabled: true, Version: "132"}, func(u db.ListedUser) bool {
		return u.Disabled() && called("微")(u) && u.ClientVersion == "132"
	}},
	"dead disabled": {app.UserFilter{KeyState: app.KeyDead, Disabled: true}, func(u db.ListedUser) bool {
		return inState(app.KeyDead)(u) && u.Disabled()
	}},
}

func inState(state app.KeyState) func(db.ListedUser) bool {
	return func(u db.ListedUser) bool { return u.Key.Freshness(start, aging).State == state }
}

func called(text string) func(db.ListedUser) bool {
	return func(u db.ListedUser) bool { return strings.Contains(u.Profile.Nickname, text) }
}

// since is what a listing is ordered by.
func since(u db.ListedUser, ask db.UserListing) time.Time {
	switch {
	case ask.Filter.Search != "" || ask.Order == app.ByFirstSeen && ask.Filter.KeyState == "" && !ask.Filter.Disabled:
		return u.FirstSeenAt()
	case ask.Filter.KeyState != "":
		return u.Key.Freshness(start, aging).Since
	case ask.Filter.Disabled:
		return u.DisabledAt
	default:
		return u.LastSeenAt
	}
}

func TestFiltersAndOrders(t *testing.T) {
	const sampled = 700
	store, one := open(t)
	fillSample(t, store, one, sampled)
	write(t, store, func(tx *db.Tx) error { // more who are disabled than a sample has
		users, err := tx.UsersAfter(t.Context(), 0, sampled)
		for i := 0; i < len(users) && err == nil; i += 7 {
			if !users[i].Disabled() {
				err = tx.DisableUser(users[i], start.Add(-time.Duration(i)*time.Minute))
			}
		}
		return err
	})
	all, _ := walkAll(t, store, everybody(one, start), func() {})
	if len(all) != sampled {
		t.Fatalf("%d users", len(all))
	}
	for name, listing := range listings {
		for _, order := range []app.UserOrder{app.ByLastSeen, app.ByFirstSeen} {
			t.Run(name+", "+string(order), func(t *testing.T) {
				ask := everybody(one, start)
				ask.Filter, ask.Order = listing.filter, order
				want := map[app.UserID]bool{}
				for _, user := range all {
					if listing.fits(user) {
						want[user.ID] = true
					}
				}
				for _, ask.Limit = range []int{7, 500} {
					got, _ := walkAll(t, store, ask, func() {})
					seen := map[app.UserID]bool{}
					for _, user := range got {
						seen[user.ID] = true
					}
					if len(got) != len(seen) || !maps.Equal(seen, want) {
						t.Errorf("%d users on pages of %d, %d of them different, want %d", len(got), ask.Limit, len(seen), len(want))
					}
					latestFirst := ask.Filter.KeyState == "" || ask.Filter.Search != ""
					inOrder := slices.IsSortedFunc(got, func(a, b db.ListedUser) int {
						if latestFirst {
							a, b = b, a
						}
						return since(a, ask).Compare(since(b, ask))
					})
					if !inOrder && name != "tail or name" {
						t.Errorf("pages of %d are out of order", ask.Limit)
					}
				}
				if len(want) == 0 != strings.HasPrefix(name, "no ") && name != "superseded" && name != "before all" {
					t.Errorf("%d users match: the sample tests nothing", len(want))
				}
				count, err := store.Read().CountUsersUpTo(t.Context(), ask, 5000)
				if err != nil || count.Users > int64(len(want)) || !count.More && count.Users != int64(len(want)) {
					t.Errorf("counted %+v, %v, want %d", count, err, len(want))
				}
			})
		}
	}
}

func TestPagesWhileUsersMove(t *testing.T) {
	for name, ask := range map[string]db.UserListing{
		"last seen":  {Order: app.ByLastSeen},
		"first seen": {Order: app.ByFirstSeen},
		"confirmed":  {Filter: app.UserFilter{KeyState: app.KeyConfirmed}},
		"aging":      {Filter: app.UserFilter{KeyState: app.KeyAging}},
		"search":     {Filter: app.UserFilter{Search: "微信"}},
		"platform":   {Filter: app.UserFilter{Platform: app.PlatformIOS}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, one := open(t)
			fillSample(t, store, one, 600)
			ask.AppID, ask.Now, ask.Aging, ask.Limit = one.ID, start, aging, 20
			before, _ := walkAll(t, store, ask, func() {})
			dice := rand.New(rand.NewPCG(1, 2))
			at := start
			moved := map[app.UserID]bool{}
			got, pages := walkAll(t, store, ask, func() {
				at = at.Add(time.Minute)
				write(t, store, func(tx *db.Tx) error { return move(tx, before[dice.IntN(len(before))], at, moved) })
				write(t, store, func(tx *db.Tx) error {
					newcomer := newUser(one, fmt.Sprint("oNew", at.Unix()), app.UserNumber(1+at.Unix()%1000))
					newcomer.ID = app.UserID(tx.NewID(at))
					return tx.InsertUser(newcomer)
				})
			})
			if pages < 3 || len(moved) == 0 {
				t.Fatalf("%d pages, %d users moved: nothing is tested", pages, len(moved))
			}
			visits := map[app.UserID]int{}
			for _, user := range got {
				visits[user.ID]++
			}
			for _, user := range before {
				n := visits[user.ID]
				if n > 1 || n == 0 && (!moved[user.ID] || ask.Order == app.ByFirstSeen) {
					t.Errorf("user %s is met %d times; moved: %v", user.OpenID, n, moved[user.ID])
				}
			}
		})
	}
}

// move lets a user be seen, and their key be confirmed.
func move(tx *db.Tx, who db.ListedUser, at time.Time, moved map[app.UserID]bool) error {
	before, err := tx.UserByID(context.Background(), who.ID)
	if err != nil {
		return err
	}
	after := before
	after.LastSeenAt = at
	if err := updateUser(tx, before, after); err != nil {
		return err
	}
	key, err := tx.Key(context.Background(), who.Key)
	if err != nil {
		return err
	}
	confirmed := key
	confirmed.Confirm(at, app.ConfirmedByOpening)
	_, err = tx.UpdateKey(who.AppID, key, confirmed)
	moved[who.ID] = true
	return err
}

func TestEnoughIsReadAndPagesGoOn(t *testing.T) {
	store, one := open(t)
	const users = 2*db.EntriesRead + 100
	write(t, store, func(tx *db.Tx) error {
		for i := range users {
			at := start.Add(time.Duration(i) * time.Second)
			user := newUser(one, fmt.Sprint("o", i), app.UserNumber(i+1))
			user.ID, user.LastSeenAt, user.ClientVersion = app.UserID(app.NewID(at)), at, "12"
			user.Profile.Nickname = "明"
			if i < 3 {
				user.ClientVersion = "11"
			}
			if err := tx.InsertUser(user); err != nil {
				return err
			}
			key := app.KeyRecord{ID: app.KeyID(app.NewID(at)), UserID: user.ID, AskedAt: at}
			if i%2 == 0 {
				key.ConfirmedAt = at
			}
			if err := tx.InsertKey(one.ID, key); err != nil {
				return err
			}
		}
		return nil
	})
	for name, filter := range map[string]app.UserFilter{
		"last seen": {},
		"search":    {Search: "明"},
		"confirmed": {KeyState: app.KeyAging, NewFrom: start},
	} {
		ask := everybody(one, start.Add(time.Hour))
		ask.Filter, ask.Now = filter, start.Add(50*time.Hour)
		ask.Filter.Version = "11"
		if filter.KeyState != "" { // here the oldest come first
			ask.Filter.Version = "12"
			ask.Filter.NewFrom = start.Add((users - 10) * time.Second)
		}
		first := list(t, store, ask)
		if !first.Stopped || first.Next == "" || len(first.Users) != 0 {
			t.Errorf("%s: %d users, stopped: %v, next: %q", name, len(first.Users), first.Stopped, first.Next)
		}
		count, err := store.Read().CountUsersUpTo(t.Context(), ask, 100)
		if err != nil || count.Users != 0 || !count.More {
			t.Errorf("%s: counted %+v, %v", name, count, err)
		}
		found, pages := walkAll(t, store, ask, func() {})
		if want := map[bool]int{true: 3, false: 10}[filter.KeyState == ""]; len(found) != want || pages != 3 {
			t.Errorf("%s: %d users on %d pages", name, len(found), pages)
		}
	}
}

func TestBadCursorsAreRefused(t *testing.T) {
	store, one := open(t)
	fillSample(t, store, one, 30)
	ask := everybody(one, start)
	ask.Limit = 5
	good := list(t, store, ask).Next
	for _, cursor := range []string{
		"x", ".", "seen", "seen.", "seen.1", "seen.1.2.3", "seen.a.", "seen.1.?", "seen.1. 2", "seen.+1.2", "seen.01.2", "seen.A.2",
		"seen.zzzzzzzzzzzzzzzzzz.1", good + " ", " " + good, good[:len(good)-1] + "!", "first.1", "aging.1.1.1", strings.Repeat("1.", 1000),
	} {
		ask.After = cursor
		_, err := store.Read().ListUsers(t.Context(), ask)
		refused(t, cursor, err)
	}
	ask.After = good
	ask.Filter.KeyState = "fresh"
	_, err := store.Read().ListUsers(t.Context(), ask)
	refused(t, good, err)
	for _, state := range app.KeyStates() { // numbers nobody wrote find a place too
		ask.Filter.KeyState = state
		ask.After = string(state) + strings.Repeat(".1y2p0ij32e8e7", map[app.KeyState]int{app.KeyNew: 1, app.KeyConfirmed: 2, app.KeyAging: 3, app.KeySuspect: 3, app.KeyDead: 4}[state])
		if page, err := store.Read().ListUsers(t.Context(), ask); err != nil || len(page.Users) > 0 {
			t.Errorf("%s: %d users, %v", ask.After, len(page.Users), err)
		}
	}
}

func refused(t *testing.T, cursor string, err error) {
	t.Helper()
	if want := app.FailField(app.Malformed, "", "after"); err == nil || err.Error() != want.Error() {
		t.Errorf("%q: %v", cursor, err)
	}
}

func TestUsersAreCounted(t *testing.T) {
	store, one := open(t)
	ring := fillSample(t, store, one, 40)
	counted := func() int64 {
		count, err := store.Read().CountUsersUpTo(t.Context(), everybody(one, start), 1)
		if err != nil || count.More {
			t.Errorf("%+v, %v", count, err)
		}
		return count.Users
	}
	if n := counted(); n != 40 {
		t.Errorf("counted %d users", n)
	}
	user := list(t, store, everybody(one, start)).Users[3].User
	write(t, store, func(tx *db.Tx) error { return tx.EraseUser(ring, user, start) })
	if n := counted(); n != 39 {
		t.Errorf("counted %d users after one was erased", n)
	}
}

func TestListsFollowAnIndex(t *testing.T) {
	store, one := open(t)
	for name, listing := range listings {
		ask := everybody(one, start)
		ask.Filter = listing.filter
		for _, ask.Order = range []app.UserOrder{app.ByLastSeen, app.ByFirstSeen} {
			for _, line := range db.ListingPlans(t, store, ask) {
				if strings.HasPrefix(line, "SCAN") || strings.Contains(line, "TEMP B-TREE") || strings.Contains(line, "USING INDEX users_by_number") {
					t.Errorf("%s, %s: %s", name, ask.Order, line)
				}
			}
		}
	}
}

func TestClientOfUserRoundTrip(t *testing.T) {
	store, one := open(t)
	before := addUser(t, store, newUser(one, "oSYNTH", 1))
	after := before
	after.ClientVersion, after.Platform = "132", app.PlatformHarmony
	write(t, store, func(tx *db.Tx) error { return updateUser(tx, before, after) })
	got, err := store.Read().UserByID(t.Context(), after.ID)
	if err != nil || got.ClientVersion != "132" || got.Platform != app.PlatformHarmony {
		t.Errorf("read %+v, %v", got, err)
	}
	full := newUser(one, "oFULL", 2)
	full.Profile.Nickname, full.UnionID, full.ClientVersion = "小明", "u1", "131"
	full.Phone, full.PhoneAt = app.SealedPhone{Sealed: []byte{1}, Hash: []byte{2}, Tail: "0000"}, start.Local()
	full.DisabledAt, full.LastSeenAt = start.Local(), start.Local()
	addUser(t, store, full)
	got, err = store.Read().UserByID(t.Context(), full.ID)
	if err != nil || got.UnionID != "u1" || !bytes.Equal(got.Phone.Hash, full.Phone.Hash) || !got.PhoneAt.Equal(start) || !got.DisabledAt.Equal(start) {
		t.Errorf("read %+v, %v", got, err)
	}
	if indexed, err := store.Read().NicknameIndexed(t.Context(), got); err != nil || !indexed {
		t.Errorf("a user stored whole is not found by name: %v", err)
	}
}
