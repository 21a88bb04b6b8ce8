// Package alert tells people what needs attention: robots of chat groups, or a program at any address. What needs attention is decided
// by package overview, as the dashboard shows it; here is decided when that is worth a message, and that each robot hears of it once,
// and once more when it is over. What a robot is owed follows from stored states, so a restart forgets and repeats nothing, and a robot
// that could not be reached, or has had its share of the hour, hears later what still holds by then.
package alert

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

// Options are what Alerts are made of.
type Options struct {
	Store    *db.DB
	Ring     *db.KeyRing
	Outgoing *outgoing.Client
	// Watched gives the overviews of all apps that are served.
	Watched func() []overview.Overview
	// Write puts a message into words, in the language of a robot.
	Write   func(language string, message Message) string
	Hold    time.Duration // for how long something must hold, or be over, before it is told
	PerHour int           // messages that one robot gets in an hour at most
	Clock   func() time.Time
	Log     *slog.Logger
}

// Alerts watches what needs attention and tells robots. It is safe for concurrent use.
type Alerts struct{ Options }

// New makes Alerts. It starts nothing: call Evaluate each minute.
func New(options Options) *Alerts { return &Alerts{options} }

// Message is what a robot is told at once.
type Message struct {
	Test   bool
	Firing []Matter
	Over   []Matter // each until when
}

// Matter is one thing that a robot is told of.
type Matter struct {
	overview.Concern
	Appid app.Appid // whose matter it is; "": the machine's, or that of the only app
}

// told are the kinds of concerns that robots hear of. The others wait until somebody looks at the dashboard: they need no hurry.
var told = map[overview.ConcernKind]bool{
	overview.StorageFailing: true, overview.DiskNearlyFull: true, overview.BackupFailing: true, overview.AuditBroken: true,
	overview.ConfigurationRefused: true, overview.QuotaUsedUp: true, overview.WeChatFailing: true, overview.SuccessLow: true,
	overview.ClockWrong: true, overview.KeysTakenElsewhere: true, overview.WebhookFailing: true, overview.WebhookLost: true,
}

// ofTheMachine are the kinds that are the same for every app.
var ofTheMachine = map[overview.ConcernKind]bool{
	overview.StorageFailing: true, overview.DiskNearlyFull: true, overview.BackupFailing: true, overview.AuditBroken: true,
	overview.WebhookFailing: true,
}

// Evaluate looks at what needs attention and tells each robot what it does not know yet.
func (a *Alerts) Evaluate(ctx context.Context) error {
	robots, err := a.Store.Read().Robots(ctx)
	if err != nil || len(robots) == 0 {
		return err
	}
	alerts, err := a.watch(ctx)
	if err != nil {
		return err
	}
	return a.tell(ctx, robots, alerts)
}

// watch brings the stored conditions up to date, and gives those that are told or were told.
func (a *Alerts) watch(ctx context.Context) ([]app.Alert, error) {
	now := a.Clock()
	seen, unknown := a.seen(ctx, now)
	stored, err := a.Store.Read().Alerts(ctx)
	if err != nil {
		return nil, err
	}
	var kept, over []app.Alert
	for _, one := range stored {
		is := subject{one.AppID, one.Name}
		details, found := seen[is]
		delete(seen, is)
		if !found && unknown[is.app] {
			kept = append(kept, one)
			continue
		}
		if after, keep := follow(one, details, found, now, a.Hold); keep {
			kept = append(kept, after)
		} else {
			over = append(over, one)
		}
	}
	for is, detail := range seen {
		kept = append(kept, app.Alert{AppID: is.app, Name: is.name, SeenFrom: now, SeenAt: now, Detail: detail})
	}
	if len(kept)+len(over) == 0 {
		return nil, nil
	}
	return kept, a.Store.Write(ctx, func(tx *db.Tx) error {
		for _, one := range over {
			if err := tx.DeleteAlert(one); err != nil {
				return err
			}
		}
		for _, one := range kept {
			if err := tx.SaveAlert(one); err != nil {
				return err
			}
		}
		return nil
	})
}

// Firing lists what is being told of, by name.
func (a *Alerts) Firing(ctx context.Context) ([]Matter, error) {
	stored, err := a.Store.Read().Alerts(ctx)
	if err != nil {
		return nil, err
	}
	var due owed
	for _, one := range stored {
		if !one.FiringAt.IsZero() && one.EndedAt.IsZero() {
			due.firing = append(due.firing, one)
		}
	}
	message, err := due.message()
	return message.Firing, err
}

// subject is what an alert is about. Of the machine's the app is 0.
type subject struct {
	app  app.AppID
	name string
}

// seen are the matters worth telling, as they are stored, and of which apps some are unknown, since a look failed. The machine, 0, is
// known where one app was looked at wholly.
func (a *Alerts) seen(ctx context.Context, now time.Time) (seen map[subject][]byte, unknown map[app.AppID]bool) {
	seen, unknown = map[subject][]byte{}, map[app.AppID]bool{}
	watched := a.Watched()
	unknown[0] = true
	for _, one := range watched {
		concerns, err := one.Attention(ctx, now)
		unknown[0] = unknown[0] && err != nil
		if err != nil {
			unknown[one.Keeper.AppID()] = true
			if ctx.Err() == nil {
				a.Log.ErrorContext(ctx, "what needs attention is known in part only", "appid", one.Keeper.Appid(), "error", err)
			}
		}
		for _, concern := range concerns {
			if !told[concern.Kind] {
				continue
			}
			concern.Target = overview.Target{}
			if concern.Since.IsZero() {
				concern.Since = now
			}
			is, matter := subject{name: concern.Name()}, Matter{Concern: concern}
			if !ofTheMachine[concern.Kind] {
				is.app = one.Keeper.AppID()
				if len(watched) > 1 {
					matter.Appid = one.Keeper.Appid()
				}
			}
			if detail, err := json.Marshal(matter); err == nil { // it is made of words, numbers and dates
				seen[is] = detail
			}
		}
	}
	return seen, unknown
}

// overFor is how long a condition that is over is remembered, for robots that cannot be told just now.
const overFor = 24 * time.Hour

// follow is what becomes of a stored condition that is seen now, or is not. One that comes and goes is told of neither time.
func follow(one app.Alert, detail []byte, seen bool, now time.Time, hold time.Duration) (after app.Alert, keep bool) {
	if !one.EndedAt.IsZero() {
		return followOver(one, detail, seen, now, hold)
	}
	switch {
	case seen:
		one.SeenAt, one.Detail = now, sinceFirst(one, detail)
		if one.FiringAt.IsZero() && now.Sub(one.SeenFrom) >= hold {
			one.FiringAt = now
		}
	case one.FiringAt.IsZero():
		return one, false
	case now.Sub(one.SeenAt) >= hold:
		one.SeenFrom, one.EndedAt = time.Time{}, now
	}
	return one, true
}

// followOver follows a condition that is over. Seen again it must hold anew, and begins anew; until then robots that do not know that it
// was over are told so.
func followOver(one app.Alert, detail []byte, seen bool, now time.Time, hold time.Duration) (after app.Alert, keep bool) {
	switch {
	case !seen:
		one.SeenFrom = time.Time{}
		return one, now.Sub(one.EndedAt) < overFor
	case one.SeenFrom.IsZero():
		one.SeenFrom = now
	}
	one.SeenAt = now
	if now.Sub(one.SeenFrom) >= hold {
		one.FiringAt, one.EndedAt, one.Detail = now, time.Time{}, sinceAtLatest(one.SeenFrom, detail)
	}
	return one, true
}

// sinceFirst is a new detail that tells the earlier beginning, where the concern itself knows only a window.
func sinceFirst(one app.Alert, detail []byte) []byte {
	var before Matter
	if json.Unmarshal(one.Detail, &before) != nil {
		return detail
	}
	return sinceAtLatest(before.Since, detail)
}

// sinceAtLatest is a detail that tells a beginning no later than a time.
func sinceAtLatest(at time.Time, detail []byte) []byte {
	var now Matter
	if json.Unmarshal(detail, &now) != nil || !at.Before(now.Since) {
		return detail
	}
	now.Since = at
	earlier, err := json.Marshal(now)
	if err != nil {
		return detail
	}
	return earlier
}
