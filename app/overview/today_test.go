package overview_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

const day = 24 * time.Hour

func (h *house) today() overview.Today {
	h.t.Helper()
	h.store()
	today, err := h.Today(h.t.Context(), noon, china)
	if err != nil {
		h.t.Fatal(err)
	}
	return today
}

func TestTodayBesideTheSameHours(t *testing.T) {
	h := newHouse(t)
	for _, back := range []struct {
		days time.Duration
		n    int
	}{{0, 1}, {1, 10}, {7, 100}} {
		ago := back.days * day
		h.reasons(ago+12*time.Hour, back.n, app.LoginNewKey)       // half past midnight
		h.reasons(ago+13*time.Hour, 1000*back.n, app.LoginNewKey)  // the day before
		h.reasons(ago+30*time.Minute, 2*back.n, app.LoginCodeUsed) // at noon
		h.reasons(ago-29*time.Minute, 2*back.n, app.OpenOK)        // later in the present hour
		h.reasons(ago-time.Hour, 1000*back.n, app.OpenOK)          // in the next one
	}
	today := h.today()
	want := overview.Compared{
		Today: overview.Rate{OK: 1, Failed: 2}, Yesterday: overview.Rate{OK: 10, Failed: 10}, WeekAgo: overview.Rate{OK: 100, Failed: 100},
	}
	if diff := cmp.Diff(want, today.Login); diff != "" {
		t.Errorf("logins (-want +got)\n%s", diff)
	}
	want = overview.Compared{Today: overview.Rate{OK: 2}, Yesterday: overview.Rate{OK: 10}, WeekAgo: overview.Rate{OK: 100}}
	if diff := cmp.Diff(want, today.Opening); diff != "" {
		t.Errorf("openings: of the hour that has begun, half counts of earlier days (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]overview.Failure{{Reason: app.LoginCodeUsed, Counts: overview.Counts{Today: 2, Yesterday: 10, WeekAgo: 100}}}, today.Failures); diff != "" {
		t.Errorf("failures (-want +got)\n%s", diff)
	}
	if !today.Midnight.Equal(noon.Add(-12*time.Hour - 30*time.Minute)) {
		t.Errorf("the day began at %v", today.Midnight)
	}
}

func TestAFailureAndItsExplanationAreOne(t *testing.T) {
	h := newHouse(t)
	h.reasons(time.Minute, 5, app.OpenNoKeyFits)
	h.reasons(time.Minute, 2, app.OpenOtherKey)
	h.happen(time.Minute, 1, app.Event{UserID: 1, Reason: app.OpenKeyDead, Errcode: 87009})
	h.reasons(time.Minute, 3, app.OpenKeyDead)
	h.reasons(time.Minute, 8, app.OpenOK)
	today := h.today()
	if want := (overview.Rate{OK: 8, Failed: 8}); today.Opening.Today != want {
		t.Errorf("openings %+v", today.Opening.Today)
	}
	got := map[app.Reason]int64{}
	for _, failure := range today.Failures {
		got[failure.Reason] = failure.Today
	}
	want := map[app.Reason]int64{app.OpenKeyDead: 4, app.OpenOtherKey: 2, app.OpenNoKeyFits: 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got)\n%s", diff)
	}
	if today.Failures[0].Reason != app.OpenKeyDead {
		t.Errorf("first stands %s", today.Failures[0].Reason)
	}
	if len(today.Versions) != 1 || today.Versions[0].Opening != today.Opening.Today {
		t.Errorf("by version: %+v", today.Versions)
	}
}

func TestTodaysUsersAndRescues(t *testing.T) {
	h := newHouse(t)
	h.reasons(time.Hour, 3, app.LoginFirst)
	h.reasons(day+time.Hour, 4, app.LoginFirst)
	h.happen(time.Hour, 2, app.Event{UserID: 1, Reason: app.OpenOKPrevious, Client: app.Client{Version: "101", Platform: app.PlatformIOS}})
	h.happen(time.Hour, 5, app.Event{Reason: app.LoginCodeInvalid, Errcode: 40029, Client: app.Client{Version: "100"}})
	h.write(func(tx *db.Tx) error {
		tx.Count(h.app.ID, db.UsersActive, noon.Add(-2*time.Hour), 6)
		tx.Count(h.app.ID, db.UsersActive, noon.Add(-7*day-2*time.Hour), 7)
		return tx.InsertUser(app.User{ID: 1, AppID: h.app.ID, OpenID: "o1", Number: 100000001, LastSeenAt: noon})
	})
	today := h.today()
	if today.Users != 1 || today.NewUsers != (overview.Counts{Today: 3, Yesterday: 4}) || today.Rescued != (overview.Counts{Today: 2}) ||
		today.ActiveUsers != (overview.Counts{Today: 6, WeekAgo: 7}) {
		t.Errorf("users %d, new %v, active %v, rescued %v", today.Users, today.NewUsers, today.ActiveUsers, today.Rescued)
	}
	want := []overview.Split{
		{Name: "100", Login: overview.Rate{Failed: 5}},
		{Name: app.Unknown, Login: overview.Rate{OK: 3}},
		{Name: "101", Opening: overview.Rate{OK: 2}, Rescued: 2},
	}
	if diff := cmp.Diff(want, today.Versions); diff != "" {
		t.Errorf("versions (-want +got)\n%s", diff)
	}
	want = []overview.Split{
		{Name: app.Unknown, Login: overview.Rate{OK: 3, Failed: 5}},
		{Name: "ios", Opening: overview.Rate{OK: 2}},
	}
	if diff := cmp.Diff(want, today.Platforms); diff != "" {
		t.Errorf("platforms (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]overview.Errcodes{{Errcode: 40029, N: 5}}, today.Errcodes); diff != "" {
		t.Errorf("errcodes (-want +got)\n%s", diff)
	}
}

func TestVersionsBeyondTheFirstArePutTogether(t *testing.T) {
	h := newHouse(t)
	for i := range 30 {
		h.happen(time.Minute, 30-i, app.Event{UserID: 1, Reason: app.OpenOK, Client: app.Client{Version: fmt.Sprint(100 + i)}})
	}
	today := h.today()
	if len(today.Versions) != 21 {
		t.Fatalf("%d versions", len(today.Versions))
	}
	var sum int64
	for _, version := range today.Versions {
		sum += version.Opening.OK
	}
	if last := today.Versions[20]; last.Name != db.VersionOther || last.Opening.OK != 55 || sum != today.Opening.Today.OK {
		t.Errorf("the rest: %+v, all %d", last, sum)
	}
}

func TestRates(t *testing.T) {
	if _, known := (overview.Rate{}).Share(); known {
		t.Error("nothing has a share")
	}
	if share, known := (overview.Rate{OK: 3, Failed: 1}).Share(); !known || share != 0.75 {
		t.Errorf("share %v", share)
	}
}
