package overview_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/overview"
)

func (h *house) series(subject overview.Subject, span overview.Range) overview.Series {
	h.t.Helper()
	h.store()
	series, err := h.Series(h.t.Context(), subject, span, noon, china)
	if err != nil {
		h.t.Fatal(err)
	}
	return series
}

// spots are the numbers of a series that are not 0, by line and by how many buckets back they are.
func spots(series overview.Series) map[string]int64 {
	found := map[string]int64{}
	for _, line := range series.Lines {
		for i, n := range line.N {
			if n != 0 {
				found[fmt.Sprint(line.Name, " ", len(line.N)-1-i)] = n
			}
		}
	}
	return found
}

func TestBuckets(t *testing.T) {
	h := newHouse(t)
	for span, want := range map[overview.Range]struct {
		buckets     int
		first, last string
	}{
		overview.RangeHour:  {60, "11-23 11:31", "11-23 12:30"},
		overview.RangeDay:   {24, "11-22 13:00", "11-23 12:00"},
		overview.RangeWeek:  {168, "11-16 13:00", "11-23 12:00"},
		overview.RangeMonth: {30, "10-25 00:00", "11-23 00:00"},
	} {
		starts := h.series(overview.Logins, span).Starts
		first, last := starts[0].Format("01-02 15:04"), starts[len(starts)-1].Format("01-02 15:04")
		if len(starts) != want.buckets || first != want.first || last != want.last {
			t.Errorf("%s: %d buckets from %s to %s", span, len(starts), first, last)
		}
	}
	if got, want := len(overview.Ranges()), 4; got != want {
		t.Errorf("%d ranges", got)
	}
}

func TestSeries(t *testing.T) {
	h := newHouse(t)
	client := app.Client{Version: "101", Platform: app.PlatformIOS}
	for _, ago := range []time.Duration{29 * day, 6 * day, 20 * time.Hour, 5 * time.Minute, 0} {
		h.happen(ago, 1, app.Event{UserID: 1, Reason: app.LoginNewKey, Client: client})
		h.happen(ago, 2, app.Event{Reason: app.LoginCodeUsed, Client: client})
		h.happen(ago, 3, app.Event{UserID: 1, Reason: app.OpenOK, Client: client})
		h.happen(ago, 5, app.Event{UserID: 1, Reason: app.OpenNoKeyFits})
		h.happen(ago, 4, app.Event{UserID: 1, Reason: app.OpenOtherKey})
		h.happen(ago, 7, app.Event{UserID: 1, Reason: app.KeyFoundDead, Errcode: 87009, Client: client})
	}
	at := map[overview.Range][]string{ // how many buckets back those times are; the same twice counts twice
		overview.RangeHour: {"5", "0"}, overview.RangeDay: {"20", "0", "0"},
		overview.RangeWeek: {"144", "20", "0", "0"}, overview.RangeMonth: {"29", "6", "1", "0", "0"},
	}
	lines := map[overview.Subject]map[string]int64{
		overview.Logins:             {"login.ok": 1, "login.failed": 2},
		overview.Openings:           {"open.ok": 3, "open.failed": 5},
		overview.Failures:           {"login.code_used": 2, "open.other_key": 4, "open.no_key_fits": 1},
		overview.FailuresByVersion:  {"101": 2, "unknown": 5},
		overview.FailuresByPlatform: {"ios": 2, "unknown": 5},
	}
	for _, subject := range overview.Subjects() {
		for _, span := range overview.Ranges() {
			want := map[string]int64{}
			for _, bucket := range at[span] {
				for line, n := range lines[subject] {
					want[line+" "+bucket] += n
				}
			}
			series := h.series(subject, span)
			if diff := cmp.Diff(want, spots(series)); diff != "" {
				t.Errorf("%s of a %s (-want +got)\n%s", subject, span, diff)
			}
			if len(series.Lines) != len(lines[subject]) || series.Complete.After(series.Starts[0]) {
				t.Errorf("%s of a %s: %d lines, complete since %v", subject, span, len(series.Lines), series.Complete)
			}
		}
	}
}

func TestAnEmptySeriesHasItsTwoLines(t *testing.T) {
	h := newHouse(t)
	for _, span := range overview.Ranges() {
		series := h.series(overview.Openings, span)
		if len(series.Lines) != 2 || series.Lines[0].Name != "open.ok" || len(series.Lines[1].N) != len(series.Starts) {
			t.Errorf("%s: %v", span, series.Lines)
		}
		if failures := h.series(overview.Failures, span); len(failures.Lines) != 0 {
			t.Errorf("%s: %v", span, failures.Lines)
		}
	}
}

func TestLinesBeyondTheFirstArePutTogether(t *testing.T) {
	h := newHouse(t)
	for i, reason := range app.LoginFailed.Reasons() {
		h.reasons(time.Minute, i+1, reason)
	}
	failures := len(app.LoginFailed.Reasons())
	for _, span := range overview.Ranges() {
		series := h.series(overview.Failures, span)
		last := series.Lines[len(series.Lines)-1]
		var sum int64
		for _, n := range spots(series) {
			sum += n
		}
		if len(series.Lines) != 9 || last.Name != overview.LineOther || sum != int64(failures*(failures+1)/2) {
			t.Errorf("%s: %d lines, the last %s, in all %d", span, len(series.Lines), last.Name, sum)
		}
	}
}
