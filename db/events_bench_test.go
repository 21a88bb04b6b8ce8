package db_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// BenchmarkAddEvent measures what an event and its counters cost: alone in a commit, and where many share one.
func BenchmarkAddEvent(b *testing.B) {
	for name, at := range map[string]int{"alone": 1, "128 at once": 128} {
		b.Run(name, func(b *testing.B) {
			store := openBench(b)
			b.SetParallelism(at)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					event := typicalEvent()
					err := store.Write(b.Context(), func(tx *db.Tx) error {
						tx.AddEvent(time.Now(), event)
						return nil
					})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func openBench(b *testing.B) *db.DB {
	store, err := db.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	return store
}

// typicalEvent is a login or an opening of a release that most people have, sometimes of an older one, mostly good.
func typicalEvent() app.Event {
	reasons := []app.Reason{app.LoginNewKey, app.LoginSameKey, app.OpenOK, app.OpenOK, app.OpenOK, app.OpenOKPrevious, app.OpenKeyDead, app.LoginCodeUsed}
	versions := []string{"101", "101", "101", "101", "100", "99", "0", "devtools"}
	platforms := []app.Platform{app.PlatformIOS, app.PlatformAndroid, app.PlatformAndroid, app.PlatformHarmony}
	return app.Event{
		AppID: 1, UserID: app.UserID(1 + rand.IntN(1000)), RequestID: app.NewRequestID(time.Now()), Reason: reasons[rand.IntN(len(reasons))],
		Client: app.Client{
			Appid: "wx0123456789abcdef", Version: versions[rand.IntN(len(versions))], Platform: platforms[rand.IntN(len(platforms))],
			Model: "M2012K11AC", WeChatVersion: "8.0.42.2460", Address: "192.0.2.1",
		},
	}
}

// fillMonth stores events evenly over the 30 days before start, one in 100,000 of a rare reason, and strangers' failures in the
// last two of them.
func fillMonth(b *testing.B, store *db.DB, n int) {
	const batch = 5000
	gap := 30 * 24 * time.Hour / time.Duration(n)
	at := start.Add(-30 * 24 * time.Hour)
	for done := 0; done < n; done += batch {
		err := store.Write(b.Context(), func(tx *db.Tx) error {
			for i := done; i < min(done+batch, n); i++ {
				event := typicalEvent()
				if i%100_000 == 77 {
					event.Reason, event.Errcode, event.Client.Version = app.KeyTakenElsewhere, 87009, "77"
				}
				if day := 24 * time.Hour; start.Sub(at.Add(time.Duration(i)*gap)) < 2*day && i%20 == 0 {
					event.UserID, event.Reason, event.Errcode = 0, app.LoginCodeInvalid, 40029
				}
				tx.AddEvent(at.Add(time.Duration(i)*gap), event)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListEvents measures one page after another through a month of WXKEEPER_BENCH_EVENTS events.
func BenchmarkListEvents(b *testing.B) {
	n := 50_000
	if text := os.Getenv("WXKEEPER_BENCH_EVENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	store := openBench(b)
	fillMonth(b, store, n)
	for _, test := range []struct {
		name   string
		filter app.EventFilter
	}{
		{"all", app.EventFilter{}},
		{"rare reason", app.EventFilter{Reasons: []app.Reason{app.KeyTakenElsewhere}}},
		{"reason never met", app.EventFilter{Reasons: []app.Reason{app.LoginConfig}}},
		{"errcode", app.EventFilter{Errcode: 87009}},
		{"failures", app.EventFilter{Reasons: append(app.LoginFailed.Reasons(), app.OpenFailed.Reasons()...)}},
		{"rare version", app.EventFilter{Version: "77"}},
		{"address never met", app.EventFilter{Address: "192.0.2.77"}},
		{"failures of a rare version", app.EventFilter{Reasons: app.OpenFailed.Reasons(), Version: "77"}},
	} {
		b.Run(test.name, func(b *testing.B) {
			var took []time.Duration
			listing := db.EventListing{AppID: 1, Filter: test.filter, Limit: 50}
			for b.Loop() {
				began := time.Now()
				page, err := store.Read().ListEvents(b.Context(), listing)
				took = append(took, time.Since(began))
				if err != nil {
					b.Fatal(err)
				}
				listing.Before = page.Next // 0: from the beginning again
			}
			reportTail(b, took)
		})
	}
	b.Run("counters of a month", func(b *testing.B) {
		var names []string
		for _, reason := range app.Reasons() {
			names = append(names, string(reason))
		}
		var took []time.Duration
		for b.Loop() {
			began := time.Now()
			if _, err := store.Read().CountedByHour(b.Context(), 1, names, start.AddDate(0, 0, -30), start); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		reportTail(b, took)
	})
	b.Run("minutes of three hours", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			began := time.Now()
			_, _, err := store.Read().CountedByMinute(b.Context(), 1, db.CountsByVersion, start.Add(-3*time.Hour), start)
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		reportTail(b, took)
	})
	b.Run("versions of a month", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			began := time.Now()
			_, err := store.Read().CountedByGroup(b.Context(), 1, db.CountsByVersion, start.AddDate(0, 0, -30), start)
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		reportTail(b, took)
	})
}

// reportTail tells the 99th percentile.
func reportTail(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
