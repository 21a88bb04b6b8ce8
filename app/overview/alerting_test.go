package overview_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

func TestUsedUpQuotasLastUntilMidnightInChina(t *testing.T) {
	for name, test := range map[string]struct {
		ago  time.Duration
		want int
	}{"today": {12 * time.Hour, 1}, "yesterday": {13 * time.Hour, 0}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.happen(test.ago, 3, app.Event{UserID: 1, Reason: app.KeyCheckFailed, Errcode: 45009})
			got := h.attention()
			if len(got) != test.want {
				t.Fatalf("%+v", got)
			}
			if test.want > 0 && (got[0].Kind != overview.QuotaUsedUp || got[0].Count != 3 || got[0].Until.Sub(noon) != 11*time.Hour+30*time.Minute) {
				t.Errorf("%+v", got[0])
			}
		})
	}
}

func TestTooFewSuccessesNeedAttention(t *testing.T) {
	for name, test := range map[string]struct {
		least, good, bad int
		ago              time.Duration
		want             []overview.Concern
	}{
		"too few": {80, 15, 5, time.Minute, []overview.Concern{{
			Kind: overview.SuccessLow, Reason: app.OpenTooOld, Count: 5, Share: 0.75, Since: noon.Add(-15 * time.Minute),
		}}},
		"enough":           {75, 15, 5, time.Minute, nil},
		"too few to judge": {80, 14, 5, time.Minute, nil},
		"a while ago":      {80, 15, 5, 16 * time.Minute, nil},
		"not watched":      {0, 0, 9, time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.SuccessLeast = test.least
			h.reasons(test.ago, test.good, app.OpenOK)
			h.reasons(test.ago, test.bad, app.OpenTooOld)
			if diff := cmp.Diff(test.want, h.attention(), cmpopts.IgnoreFields(overview.Concern{}, "Target")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWebhooksThatFailNeedAttention(t *testing.T) {
	h := newHouse(t)
	hook := app.Webhook{ID: 5, Name: "shop", Sealed: []byte{0}, Waiting: 12, Report: app.Report{Failures: 2}}
	h.write(func(tx *db.Tx) error { return tx.InsertWebhook(hook) })
	if got := h.attention(); len(got) != 0 {
		t.Errorf("after two failures: %+v", got)
	}
	hook.Failures = 3
	h.write(func(tx *db.Tx) error {
		tx.CountDelivery(app.Delivery{AppID: h.app.ID, State: app.DeliveryGivenUp}, noon.Add(-25*time.Hour))
		tx.CountDelivery(app.Delivery{AppID: h.app.ID, State: app.DeliveryGivenUp}, noon.Add(-20*time.Hour))
		full := hook
		full.Waiting = db.DeliveriesWaiting
		if err := tx.AnnounceTo(noon, full, app.Delivery{AppID: h.app.ID, What: app.UserFirstLogin}); err != nil {
			return err
		}
		return tx.UpdateWebhook(hook)
	})
	there := overview.Target{Page: overview.IntegrationsPage}
	want := []overview.Concern{
		{Kind: overview.WebhookFailing, Webhook: 5, Called: "shop", Count: 12, Target: there},
		{Kind: overview.WebhookLost, Count: 2, Target: there},
	}
	got := h.attention()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got[0].Name() != "webhook_failing/5" {
		t.Errorf("%s is not told from another webhook", got[0].Name())
	}
	hook.DisabledAt = noon
	h.write(func(tx *db.Tx) error { return tx.UpdateWebhook(hook) })
	if got := h.attention(); len(got) != 0 {
		t.Errorf("of a disabled webhook: %+v", got)
	}
}

func TestAChangedAuditLogNeedsAttention(t *testing.T) {
	h := newHouse(t)
	h.write(func(tx *db.Tx) error { return tx.EndAuditCheck("alice", noon, db.AuditChain{Broken: 7}) })
	want := []overview.Concern{{
		Kind: overview.AuditBroken, Since: noon, Count: 7, Target: overview.Target{Page: overview.AuditPage},
	}}
	if diff := cmp.Diff(want, h.attention()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
