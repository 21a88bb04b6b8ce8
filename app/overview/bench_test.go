package overview_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

// BenchmarkOverview measures the first page over a month of WXKEEPER_BENCH_EVENTS events.
func BenchmarkOverview(b *testing.B) {
	n := 50_000
	if text := os.Getenv("WXKEEPER_BENCH_EVENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	h := newHouse(b)
	h.fillMonth(n)
	measure := func(name string, read func(context.Context) error) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := read(b.Context()); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
	measure("today", func(ctx context.Context) error { _, err := h.Today(ctx, noon, china); return err })
	measure("attention", func(ctx context.Context) error { _, err := h.Attention(ctx, noon); return err })
	for _, subject := range overview.Subjects() {
		for _, span := range overview.Ranges() {
			measure(string(subject)+" of a "+string(span), func(ctx context.Context) error {
				_, err := h.Series(ctx, subject, span, noon, china)
				return err
			})
		}
	}
}

// fillMonth stores events evenly over the 30 days before noon.
func (h *house) fillMonth(n int) {
	reasons := slices.Concat(app.LoginSucceeded.Reasons(), app.OpenSucceeded.Reasons(), failuresNow())
	versions := []string{"101", "101", "101", "101", "100", "99", "0", "devtools"}
	platforms := []app.Platform{app.PlatformIOS, app.PlatformAndroid, app.PlatformAndroid, app.PlatformHarmony}
	const batch = 5000
	gap := 30 * day / time.Duration(n)
	for done := 0; done < n; done += batch {
		h.write(func(tx *db.Tx) error {
			for i := done; i < min(done+batch, n); i++ {
				tx.AddEvent(noon.Add(-30*day+time.Duration(i)*gap), app.Event{
					AppID: h.app.ID, UserID: app.UserID(1 + rand.IntN(1000)), Reason: reasons[rand.IntN(len(reasons))],
					RequestID: "23456789",
					Client: app.Client{
						Appid: appid, Version: versions[rand.IntN(len(versions))], Platform: platforms[rand.IntN(len(platforms))],
						Model: "M2012K11AC", WeChatVersion: "8.0.42.2460", Address: "192.0.2.1",
					},
				})
			}
			return nil
		})
	}
}

// failuresNow are the reasons of failures that may happen at any time.
func failuresNow() []app.Reason {
	return slices.Concat(app.LoginFailed.Reasons(), app.OpenFailed.Reasons())
}
