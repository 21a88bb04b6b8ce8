package db_test

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/db/sample"
)

// benchStore is a database with a sample of WXKEEPER_BENCH_USERS users, 20,000 unless said otherwise, or the data folder
// WXKEEPER_BENCH_DATA that wxkeeper bench fill made.
func benchStore(b *testing.B) (*db.DB, app.App, time.Time) {
	b.Helper()
	folder := os.Getenv("WXKEEPER_BENCH_DATA")
	if folder != "" {
		store, err := db.OpenBeside(b.Context(), folder)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { store.Close() })
		apps, err := store.Read().Apps(b.Context())
		if err != nil || len(apps) == 0 {
			b.Fatalf("%d apps, %v", len(apps), err)
		}
		return store, apps[0], time.Now()
	}
	users := 20_000
	if text := os.Getenv("WXKEEPER_BENCH_USERS"); text != "" {
		var err error
		if users, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	store, err := db.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	one, err := store.EnsureApp(b.Context(), "wx0123456789abcdef", start)
	if err != nil {
		b.Fatal(err)
	}
	ring, err := store.EnsureKeyRing(b.Context(), [32]byte{1}, start)
	if err != nil {
		b.Fatal(err)
	}
	if err := sample.Fill(b.Context(), store, ring, one.ID, sample.Options{Users: users, Now: start, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	return store, one, start
}

// BenchmarkListUsers measures pages of 50 users, each iteration the one after the last. It reports the time of the slowest
// hundredth of them: dashboards promise 50 ms.
func BenchmarkListUsers(b *testing.B) {
	store, one, now := benchStore(b)
	some, err := store.Read().ListUsers(b.Context(), db.UserListing{AppID: one.ID, Limit: 500, Now: now, Aging: aging})
	if err != nil {
		b.Fatal(err)
	}
	pick := some.Users[len(some.Users)/2]
	last := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	for _, bench := range []struct {
		name    string
		filter  app.UserFilter
		order   app.UserOrder
		limit   int
		pages   int      // gone through before, to begin deep down
		texts   []string // searched for in turn
		counted bool     // count instead
	}{
		{name: "last seen"},
		{name: "last seen, 500 a page", limit: 500},
		{name: "last seen, deep", pages: 300},
		{name: "first seen", order: app.ByFirstSeen},
		{name: "first seen, deep", order: app.ByFirstSeen, pages: 300},
		{name: "key new", filter: app.UserFilter{KeyState: app.KeyNew}},
		{name: "key confirmed", filter: app.UserFilter{KeyState: app.KeyConfirmed}},
		{name: "key confirmed, deep", filter: app.UserFilter{KeyState: app.KeyConfirmed}, pages: 300},
		{name: "key aging", filter: app.UserFilter{KeyState: app.KeyAging}},
		{name: "key aging, deep", filter: app.UserFilter{KeyState: app.KeyAging}, pages: 300},
		{name: "key suspect", filter: app.UserFilter{KeyState: app.KeySuspect}},
		{name: "key dead", filter: app.UserFilter{KeyState: app.KeyDead}},
		{name: "key dead, seldom version", filter: app.UserFilter{KeyState: app.KeyDead, Version: "devtools"}},
		{name: "seen this week", filter: app.UserFilter{SeenFrom: last(7)}},
		{name: "not seen for 100 days", filter: app.UserFilter{SeenTo: last(100)}},
		{name: "new this week by last seen", filter: app.UserFilter{NewFrom: last(7)}},
		{name: "seen this week by first seen", filter: app.UserFilter{SeenFrom: last(7)}, order: app.ByFirstSeen},
		{name: "common version", filter: app.UserFilter{Version: "131"}},
		{name: "seldom version", filter: app.UserFilter{Version: "devtools"}},
		{name: "no such version", filter: app.UserFilter{Version: "1"}, order: app.ByFirstSeen},
		{name: "common platform", filter: app.UserFilter{Platform: app.PlatformIOS}},
		{name: "seldom platform", filter: app.UserFilter{Platform: app.PlatformMac}},
		{name: "disabled", filter: app.UserFilter{Disabled: true}},
		{name: "search 1 character", texts: []string{"王", "小", "明", "a", "🌸", "微"}},
		{name: "search 2 characters", texts: []string{"小明", "张伟", "李子", "li", "欧阳", "用户"}},
		{name: "search 3 characters", texts: []string{"王子涵", "张建国", "lil", "山里的", "豆豆妈", "信用户"}},
		{name: "search more", texts: []string{"微信用户", "云淡风轻", "AAA建材王哥", "会飞的向日葵🌸", "sunshine"}},
		{name: "search phone tail", texts: []string{"0000", "1234", "9999", "4321"}},
		{name: "search number", texts: []string{pick.Number.String()}},
		{name: "search openid", texts: []string{string(pick.OpenID)}},
		{name: "search phone number", texts: []string{"17000123456", "+86 17000654321"}},
		{name: "search, seldom version", texts: []string{"微", "小", "用户"}, filter: app.UserFilter{Version: "devtools"}},
		{name: "search, seldom key", texts: []string{"微", "小", "用户"}, filter: app.UserFilter{KeyState: app.KeySuspect}},
		{name: "search 3 characters, seldom key", texts: []string{"微信用"}, filter: app.UserFilter{KeyState: app.KeySuspect}},
		{name: "count seen this week", filter: app.UserFilter{SeenFrom: last(7)}, counted: true},
		{name: "count common platform", filter: app.UserFilter{Platform: app.PlatformIOS}, counted: true},
		{name: "count search", filter: app.UserFilter{Search: "小"}, counted: true},
		{name: "count key state", filter: app.UserFilter{KeyState: app.KeyAging}, counted: true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			ask := db.UserListing{
				AppID: one.ID, Filter: bench.filter, Order: bench.order, Limit: 50, Now: now, Aging: aging, PhoneHash: phoneHash,
			}
			ask.Limit = max(50, bench.limit)
			for range bench.pages {
				deep := ask
				deep.Limit = db.UsersPerPage
				page, err := store.Read().ListUsers(b.Context(), deep)
				if err != nil {
					b.Fatal(err)
				}
				ask.After = page.Next
			}
			begin := ask.After
			var times []time.Duration
			for i := 0; b.Loop(); i++ {
				if len(bench.texts) > 0 && ask.After == "" {
					ask.Filter.Search = bench.texts[i%len(bench.texts)]
				}
				began := time.Now()
				if bench.counted {
					_, err = store.Read().CountUsersUpTo(b.Context(), ask, 10_000)
				} else {
					var page db.UserPage
					page, err = store.Read().ListUsers(b.Context(), ask)
					ask.After = page.Next
				}
				times = append(times, time.Since(began))
				if err != nil {
					b.Fatal(err)
				}
				if ask.After == "" || len(bench.texts) > 0 && i%3 == 0 { // on with the next text after some pages
					ask.After = begin
				}
			}
			slices.Sort(times)
			for name, share := range map[string]int{"p50-ms": 50, "p99-ms": 99} {
				b.ReportMetric(times[len(times)*share/100].Seconds()*1000, name)
			}
			b.ReportMetric(times[len(times)-1].Seconds()*1000, "max-ms")
		})
	}
}
