package db_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wxkeeper/app"
	"wxkeeper/db"
)

var (
	someOperators = []string{"li", "王", app.CommandLine}
	someActions   = []app.Action{app.ActionRelogin, app.ActionDisable, app.ActionSignIn}
)

func TestAuditListEqualsReadingAll(t *testing.T) {
	store, _ := open(t)
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, start)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		emptyTables(t, store, "audit")
		latest := start
		err := store.Write(t.Context(), func(tx *db.Tx) error {
			for range rapid.IntRange(0, 40).Draw(t, "rows") {
				at := latest.Add(time.Duration(rapid.IntRange(-60, 300).Draw(t, "seconds")) * time.Second)
				if at.After(latest) {
					latest = at
				}
				err := tx.Audit(ring, app.AuditRow{
					At: at, Operator: rapid.SampledFrom(someOperators).Draw(t, "operator"),
					Action: rapid.SampledFrom(someActions).Draw(t, "action"), AppID: 1,
					UserID: app.UserID(rapid.IntRange(0, 2).Draw(t, "user")),
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		moment := func(name string) time.Time {
			if rapid.Bool().Draw(t, name+" given") {
				return time.Time{}
			}
			return start.Add(time.Duration(rapid.IntRange(-60, 7200).Draw(t, name)) * time.Second)
		}
		listing := db.AuditListing{
			Operator: rapid.SampledFrom(append(someOperators, "", "")).Draw(t, "wanted operator"),
			Action:   rapid.SampledFrom(append(someActions, "", "")).Draw(t, "wanted action"),
			UserID:   app.UserID(rapid.IntRange(0, 2).Draw(t, "wanted user")),
			From:     moment("from"), To: moment("to"), Limit: rapid.IntRange(1, 7).Draw(t, "limit"),
		}
		all, err := store.Read().AuditRows(t.Context(), 1, 100)
		if err != nil {
			t.Fatal(err)
		}
		var want []int64
		for _, row := range slices.Backward(all) {
			if (listing.Operator == "" || listing.Operator == row.Operator) &&
				(listing.Action == "" || listing.Action == row.Action) &&
				(listing.UserID == 0 || listing.UserID == row.UserID) &&
				(listing.From.IsZero() || !row.At.Before(listing.From)) &&
				(listing.To.IsZero() || row.At.Before(listing.To)) {
				want = append(want, row.Sequence)
			}
		}
		rows := rapid.IntRange(1, 30).Draw(t, "rows read")
		var got []int64
		for {
			page, err := db.ListAuditReading(t.Context(), store, listing, rows)
			if err != nil {
				t.Fatal(err)
			}
			if full := len(page.Rows) == listing.Limit; full && page.Stopped || page.Stopped && page.Next == 0 {
				t.Fatalf("%d of %d rows, next %d, stopped %v", len(page.Rows), listing.Limit, page.Next, page.Stopped)
			}
			for _, row := range page.Rows {
				got = append(got, row.Sequence)
			}
			if page.Next == 0 {
				break
			}
			if listing.Before != 0 && page.Next >= listing.Before {
				t.Fatalf("from %d on to %d", listing.Before, page.Next)
			}
			listing.Before = page.Next
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("-all read +listed\n%s", diff)
		}
	})
}

// BenchmarkListAudit measures pages of a long log for which nothing, or little, is indexed.
func BenchmarkListAudit(b *testing.B) {
	store := openBench(b)
	ring, err := store.EnsureKeyRing(b.Context(), [32]byte{1}, start)
	if err != nil {
		b.Fatal(err)
	}
	const rows = 100_000
	for done := 0; done < rows; done += 1000 {
		err := store.Write(b.Context(), func(tx *db.Tx) error {
			for i := done; i < done+1000; i++ {
				err := tx.Audit(ring, app.AuditRow{
					At: start.Add(time.Duration(i) * time.Minute), Operator: "li", Action: app.ActionRelogin,
					AppID: 1, UserID: app.UserID(i%5000 + 1), Reason: "a wave of failures",
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, listing := range map[string]db.AuditListing{
		"all":         {},
		"one user":    {UserID: 77},
		"nobody":      {Operator: "nobody"},
		"long ago":    {To: start.Add(time.Hour)},
		"one action":  {Action: app.ActionErase},
		"user's last": {UserID: 78, Action: app.ActionDisable},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				listing.Limit = 50
				if _, err := store.Read().ListAudit(b.Context(), listing); err != nil {
					b.Fatal(fmt.Errorf("%v: %w", listing, err))
				}
				took = append(took, time.Since(began))
			}
			reportTail(b, took)
		})
	}
}
