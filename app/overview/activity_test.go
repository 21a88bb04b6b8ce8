package overview_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

func TestWhatElseHappened(t *testing.T) {
	h := newHouse(t)
	for i, ago := range []time.Duration{time.Hour, day + time.Hour, 7*day + time.Hour} {
		n := 1 + i
		h.reasons(ago, n, app.PhoneOK)
		h.reasons(ago, 10*n, app.PhoneCodeInvalid)
		h.reasons(ago, n, app.AvatarStored)
		h.reasons(ago, n, app.ReportPhoneQuota)
		h.reasons(ago, n, app.PhoneForged) // an opening that failed
		h.write(func(tx *db.Tx) error {
			at := noon.Add(-ago)
			tx.CountBackEnd(h.app.ID, 5, "sign", at, int64(n))
			tx.CountBackEnd(h.app.ID, 6, "sign", at, int64(n))
			tx.CountBackEnd(h.app.ID, 6, "introspect", at, int64(9*n))
			tx.CountBackEnd(h.app.ID+1, 6, "sign", at, 100) // another mini program
			tx.CountDelivery(app.Delivery{AppID: h.app.ID, State: app.DeliveryDone}, at)
			tx.CountDelivery(app.Delivery{AppID: h.app.ID, State: app.DeliveryGivenUp}, at)
			tx.CountDelivery(app.Delivery{AppID: h.app.ID + 1, State: app.DeliveryDone}, at)
			return nil
		})
	}
	h.reasons(-29*time.Minute, 2, app.ProfileRefused)
	h.reasons(day-29*time.Minute, 2, app.ProfileRefused) // half of that hour counts
	today := h.today()
	for name, test := range map[string]struct{ got, want []overview.Activity }{
		"phones":    {today.Phones, []overview.Activity{counted(app.PhoneOK, 1, 2, 3), counted(app.PhoneCodeInvalid, 10, 20, 30)}},
		"profiles":  {today.Profiles, []overview.Activity{counted(app.ProfileRefused, 2, 1, 0), counted(app.AvatarStored, 1, 2, 3)}},
		"reports":   {today.Reports, []overview.Activity{counted(app.ReportPhoneQuota, 1, 2, 3)}},
		"back ends": {today.BackEnds, []overview.Activity{counted("introspect", 9, 18, 27), counted("sign", 2, 4, 6)}},
		"webhooks": {today.Webhooks, []overview.Activity{
			counted(db.CountDelivered, 1, 1, 1), counted(db.CountDeliveryFailed, 1, 1, 1), counted(db.CountDeliveryGivenUp, 1, 1, 1),
		}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func counted[T ~string](what T, today, yesterday, weekAgo int64) overview.Activity {
	return overview.Activity{What: string(what), Counts: overview.Counts{Today: today, Yesterday: yesterday, WeekAgo: weekAgo}}
}
