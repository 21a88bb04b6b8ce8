package diagnosis_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/diagnosis"
	"wxkeeper/db"
)

// BenchmarkDiagnose answers questions about an app of a million users at its busiest hour: 40 events a second, for three hours.
func BenchmarkDiagnose(b *testing.B) {
	store, err := db.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	ring, err := store.EnsureKeyRing(b.Context(), [32]byte{1}, start)
	if err != nil {
		b.Fatal(err)
	}
	one, err := store.EnsureApp(b.Context(), appid, start)
	if err != nil {
		b.Fatal(err)
	}
	user, code := fillBusyHours(b, store, one)
	t := diagnosis.New(diagnosis.Options{
		App: one, Store: store, Ring: ring, Clock: func() time.Time { return start }, EventsKeep: 30 * 24 * time.Hour, KeyAging: 24 * time.Hour,
	})
	for name, text := range map[string]string{
		"user":           user.Number.String(),
		"user and time":  user.Number.String() + " 15:00-15:30",
		"user, elsewhen": user.Number.String() + " 昨天 15:00-15:30",
		"code":           string(code),
		"rid":            ridAt(start.Add(-time.Hour)),
		"old rid":        "rid: unheard-of",
		"time":           "15:00-15:30",
		"day":            "今天",
		"address":        "15:00-15:30 10.77.2.77",
		"nobody":         "小明",
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			var finding diagnosis.Finding
			for b.Loop() {
				began := time.Now()
				d, err := t.Diagnose(b.Context(), diagnosis.Question{Text: text, Zone: china})
				if err != nil {
					b.Fatal(err)
				}
				finding = d.Finding
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.Log(finding)
		})
	}
}

// fillBusyHours writes what happened. One user of many is given back, with the support code of a failure of theirs.
func fillBusyHours(b *testing.B, store *db.DB, one app.App) (app.User, app.RequestID) {
	const (
		users     = 20_000
		perSecond = 40
		perWrite  = 60 // seconds
		seconds   = 3 * 3600
	)
	var all []app.User
	last := map[app.UserID]app.EventID{}
	begin := start.Add(-seconds * time.Second)
	for i := range users {
		all = append(all, app.User{
			ID: app.UserID(app.FirstID(begin.Add(-time.Hour))) + app.UserID(i), AppID: one.ID, OpenID: app.OpenID(fmt.Sprint("o", i)),
			Number: app.UserNumber(100_000_000 + i), LastSeenAt: begin, ClientVersion: "142", Platform: app.PlatformAndroid,
		})
	}
	reasons := slices.Concat(slices.Repeat([]app.Reason{app.OpenOK, app.LoginSameKey, app.LoginNewKey}, 10),
		[]app.Reason{app.OpenOtherKey, app.OpenNoKeyFits, app.LoginCodeInvalid, app.LoginCodeUsed, app.LoginWeChatBusy})
	var complaining app.User
	var code app.RequestID
	for second := 0; second < seconds; second += perWrite {
		err := store.Write(b.Context(), func(tx *db.Tx) error {
			for i := range perWrite * perSecond {
				at := begin.Add(time.Duration(second+i/perSecond) * time.Second)
				user := &all[rand.IntN(users)]
				event := app.Event{
					AppID: one.ID, UserID: user.ID, Previous: last[user.ID], RequestID: app.NewRequestID(at),
					Reason: reasons[rand.IntN(len(reasons))], Client: clientAt(fmt.Sprintf("10.%d.2.%d", rand.IntN(250), rand.IntN(250)), "142"),
				}
				if event.Reason.Outcome() == app.LoginFailed {
					event.UserID, event.Previous = 0, 0
				}
				id := tx.AddEvent(at, event)
				if event.UserID != 0 {
					last[user.ID] = id
				}
				if event.Reason == app.OpenOtherKey && second < seconds/2 {
					complaining, code = *user, event.RequestID
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	err := store.Write(b.Context(), func(tx *db.Tx) error {
		for _, user := range all {
			user.LastEvent = last[user.ID]
			if err := tx.InsertUser(user); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return complaining, code
}
