package overview_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

func (h *house) attention() []overview.Concern {
	h.t.Helper()
	h.store()
	concerns, err := h.Attention(h.t.Context(), noon)
	if err != nil {
		h.t.Fatal(err)
	}
	return concerns
}

func TestAttention(t *testing.T) {
	logins := func(h *house) { h.reasons(time.Minute, 1000, app.LoginSameKey) }
	config := app.Event{Reason: app.LoginConfig, Errcode: 40125}
	for name, test := range map[string]struct {
		happen func(h *house)
		want   []overview.Concern // without their targets
	}{
		"nothing ever":     {func(*house) {}, nil},
		"an ordinary hour": {func(h *house) { logins(h); h.reasons(time.Minute, 9, app.LoginCodeInvalid) }, nil},

		"the secret is wrong": {
			func(h *house) {
				h.happen(7*time.Hour, 1, config)
				h.happen(2*time.Hour+10*time.Minute, 3, config)
				h.happen(70*time.Minute, 3, config)
				h.happen(20*time.Minute, 2, config)
			},
			[]overview.Concern{{
				Kind: overview.ConfigurationRefused, Errcode: 40125, Reason: app.LoginConfig, Count: 5,
				Since: noon.Add(-2*time.Hour - 10*time.Minute),
			}},
		},
		"the secret was wrong": {
			func(h *house) { h.happen(20*time.Minute, 20, config); logins(h) }, nil,
		},
		"the secret was wrong long ago": {func(h *house) { h.happen(61*time.Minute, 20, config) }, nil},
		"our address is not allowed, logins go on": {
			func(h *house) {
				h.happen(20*time.Minute, 1, app.Event{
					UserID: 1, Reason: app.KeyCheckFailed, Errcode: 40164, Detail: app.Detail{Address: "203.0.113.5"}})
				logins(h)
			},
			[]overview.Concern{{
				Kind: overview.ConfigurationRefused, Errcode: 40164, Reason: app.KeyCheckFailed, Count: 1, Address: "203.0.113.5",
				Since: noon.Add(-20 * time.Minute),
			}},
		},
		"codes that were used are no configuration": {
			func(h *house) { h.happen(time.Minute, 9, app.Event{Reason: app.LoginCodeUsed, Errcode: 40163}) }, nil,
		},

		"WeChat fails": {
			func(h *house) {
				h.reasons(40*time.Minute, 10, app.LoginSameKey)
				h.reasons(25*time.Minute, 6, app.LoginWeChatTimeout)
				h.reasons(8*time.Minute, 6, app.LoginWeChatTimeout)
				h.happen(2*time.Minute, 7, app.Event{
					Reason: app.LoginWeChatUnreachable, Detail: app.Detail{Problem: "breaker_open"}})
				h.reasons(time.Minute, 3, app.LoginSameKey)
			},
			[]overview.Concern{{
				Kind: overview.WeChatFailing, Reason: app.LoginWeChatUnreachable, Problem: "breaker_open", Count: 19,
				Since: noon.Add(-25 * time.Minute),
			}},
		},
		"WeChat has failed for hours": {
			func(h *house) {
				for ago := 5 * time.Hour; ago > 0; ago -= 5 * time.Minute {
					h.reasons(ago, 5, app.LoginWeChatBusy)
				}
				h.reasons(6*time.Hour, 50, app.LoginSameKey)
			},
			[]overview.Concern{{
				Kind: overview.WeChatFailing, Reason: app.LoginWeChatBusy, Count: 55, Since: noon.Add(-5 * time.Hour),
			}},
		},
		"WeChat failed some logins of many": {
			func(h *house) { logins(h); h.reasons(time.Minute, 9, app.LoginWeChatTimeout) }, nil,
		},
		"WeChat failed a while ago": {
			func(h *house) { h.reasons(11*time.Minute, 9, app.LoginWeChatTimeout) }, nil,
		},

		"our clock is slow": {
			func(h *house) {
				h.reasons(70*time.Minute, 1, app.OpenFuture)
				h.reasons(time.Minute, 1, app.OpenFuture)
			},
			[]overview.Concern{{
				Kind: overview.ClockWrong, Reason: app.OpenFuture, Count: 2, Since: noon.Add(-70 * time.Minute),
			}},
		},

		"a wave": {
			func(h *house) {
				h.reasons(day, 4, app.OpenOtherKey)
				h.reasons(time.Minute, 1000, app.OpenOK)
				h.happen(50*time.Minute, 3, app.Event{UserID: 1, Reason: app.OpenDataDamaged, Client: app.Client{Version: "100"}})
				h.happen(time.Minute, 9, app.Event{UserID: 1, Reason: app.OpenDataDamaged, Client: app.Client{Version: "101"}})
				h.reasons(time.Minute, 15, app.OpenNoKeyFits)
				h.reasons(time.Minute, 15, app.OpenOtherKey)
			},
			[]overview.Concern{
				{
					Kind: overview.FailureWave, Reason: app.OpenOtherKey, Count: 15, Before: 4, Since: noon.Add(-time.Minute), Share: 1,
				}, {
					Kind: overview.FailureWave, Reason: app.OpenDataDamaged, Count: 12, Since: noon.Add(-50 * time.Minute),
					Version: "101", Share: 0.75,
				},
			},
		},
		"as many as yesterday": {
			func(h *house) { h.reasons(day, 40, app.OpenTooOld); h.reasons(time.Minute, 119, app.OpenTooOld) }, nil,
		},
		"few of many": {
			func(h *house) {
				h.reasons(time.Minute, 2001, app.LoginSameKey)
				h.reasons(time.Minute, 10, app.LoginCodeMalformed)
			}, nil,
		},

		"the phone button fails inside WeChat": {
			func(h *house) {
				h.reasons(20*time.Minute, 3, app.ReportPhoneQuota)
				h.reasons(20*time.Minute, 9, app.ReportDenied) // a user's own choice
				h.reasons(10*time.Minute, 2, app.PhoneNotGranted)
			},
			[]overview.Concern{
				{Kind: overview.PhonesRefused, Reason: app.PhoneNotGranted, Count: 2, Since: noon.Add(-10 * time.Minute)},
				{Kind: overview.ClientsReport, Reason: app.ReportPhoneQuota, Count: 3, Since: noon.Add(-20 * time.Minute)},
			},
		},

		"keys are taken elsewhere": {
			func(h *house) {
				for user := range app.UserID(3) {
					h.happen(time.Duration(23-user)*time.Hour, 2, app.Event{UserID: user + 1, Reason: app.KeyTakenElsewhere})
				}
			},
			[]overview.Concern{{
				Kind: overview.KeysTakenElsewhere, Reason: app.KeyTakenElsewhere, Count: 3, Since: noon.Add(-23 * time.Hour),
			}},
		},
		"the keys of two are taken elsewhere": {
			func(h *house) {
				for user := range app.UserID(2) {
					h.happen(time.Hour, 2, app.Event{UserID: user + 1, Reason: app.KeyTakenElsewhere})
				}
			}, nil,
		},

		"a withdrawal waits": {
			func(h *house) {
				h.write(func(tx *db.Tx) error {
					return tx.InsertUser(app.User{ID: 7, AppID: h.app.ID, OpenID: "o1", Number: 100000001, LastSeenAt: noon})
				})
				h.write(func(tx *db.Tx) error {
					return tx.AddMatter(app.Matter{
						EventID: app.EventID(app.FirstID(noon.Add(-3 * day))), AppID: h.app.ID, UserID: 7,
						Reason: app.ConsentUnknown, Problem: "99"})
				})
			},
			[]overview.Concern{{
				Kind: overview.ConsentToSettle, Reason: app.ConsentUnknown, Problem: "99", Count: 1, User: 100000001,
				Event: app.EventID(app.FirstID(noon.Add(-3 * day))), Since: noon.Add(-3 * day),
			}},
		},
		"pushes with a wrong signature": {
			func(h *house) { h.reasons(20*time.Hour, 2, app.PushBadSignature) },
			[]overview.Concern{{
				Kind: overview.PushRefused, Reason: app.PushBadSignature, Count: 2, Since: noon.Add(-20 * time.Hour),
			}},
		},
		"writing failed": {
			func(h *house) { h.reasons(10*time.Minute, 2, app.LoginStorage) },
			[]overview.Concern{{
				Kind: overview.StorageFailing, Reason: app.LoginStorage, Count: 2, Since: noon.Add(-10 * time.Minute),
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			test.happen(h)
			got := h.attention()
			// Ids of a thousand events of one millisecond run over into the next.
			near := cmpopts.EquateApproxTime(10 * time.Millisecond)
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(overview.Concern{}, "Target"), near); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, concern := range got {
				h.follow(concern)
			}
		})
	}
}

// follow wants to find behind a concern what it tells of.
func (h *house) follow(concern overview.Concern) {
	h.t.Helper()
	target := concern.Target
	switch target.Page {
	case overview.EventsPage:
		page, err := h.Store.Read().ListEvents(h.t.Context(), db.EventListing{AppID: h.app.ID, Filter: target.Events, Limit: 500})
		if err != nil || len(page.Events) == 0 {
			h.t.Fatalf("%s leads to nothing: %v", concern.Kind, err)
		}
		oldest := page.Events[len(page.Events)-1]
		if int64(len(page.Events)) < concern.Count || oldest.At().Before(concern.Since.Add(-time.Second)) {
			h.t.Errorf("%s leads to %d events since %v", concern.Kind, len(page.Events), oldest.At())
		}
	case overview.UserPage:
		if target.User == 0 {
			h.t.Errorf("%s leads to nobody", concern.Kind)
		}
	case overview.KeysPage, overview.SystemPage:
	default:
		h.t.Errorf("%s leads nowhere", concern.Kind)
	}
}

func TestPausedChecksNeedAttention(t *testing.T) {
	h := newHouse(t)
	order := keeper.Order{Operator: "li", Reason: "quota"}
	h.write(func(tx *db.Tx) error {
		return tx.PauseWork(h.app.ID, db.CheckingKeys, order.Operator, noon.Add(-time.Hour))
	})
	want := []overview.Concern{{
		Kind: overview.ChecksPaused, Operator: "li", Since: noon.Add(-time.Hour), Target: overview.Target{Page: overview.KeysPage},
	}}
	if diff := cmp.Diff(want, h.attention()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTheMostUrgentComesFirst(t *testing.T) {
	h := newHouse(t)
	h.reasons(time.Minute, 20, app.OpenPadding)
	h.reasons(time.Minute, 20, app.OpenTooOld)
	h.reasons(time.Minute, 20, app.LoginWeChatBusy)
	h.reasons(time.Minute, 1, app.LoginStorage)
	h.happen(time.Minute, 1, app.Event{Reason: app.LoginConfig, Errcode: 40013})
	var kinds []overview.ConcernKind
	for _, concern := range h.attention() {
		kinds = append(kinds, concern.Kind)
	}
	want := []overview.ConcernKind{
		overview.StorageFailing, overview.ConfigurationRefused, overview.WeChatFailing, overview.FailureWave,
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
}

func TestDiskSpace(t *testing.T) {
	free, size, known := overview.DiskSpace(t.TempDir())
	if known && (size == 0 || free > size) {
		t.Errorf("%d of %d bytes are free", free, size)
	}
	if _, _, known := overview.DiskSpace(t.TempDir() + "/none"); known {
		t.Error("a folder that is not there has a disk")
	}
}
