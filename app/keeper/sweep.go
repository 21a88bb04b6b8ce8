package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/app/pace"
	"wxkeeper/db"
)

const (
	eventsSwept   = 1000 // events deleted in one write
	sessionsSwept = 200  // sessions looked at in one step
	sweepShare    = 0.05 // of the time that looking takes
)

// Sweep deletes what is past its keeping: old events, sessions that have ended without anybody noticing, users not seen for
// longer than they may be kept, jobs that ended long ago. It works in small steps, so that it holds up nobody, and may be
// stopped and run again at any time.
func (k *Keeper) Sweep(ctx context.Context) error {
	if err := k.sweepEvents(ctx); err != nil {
		return err
	}
	if err := k.sweepSessions(ctx); err != nil {
		return err
	}
	if err := k.sweepUsers(ctx); err != nil {
		return err
	}
	err := k.store.Write(ctx, func(tx *db.Tx) error {
		if err := tx.ForgetBulkJobsBefore(k.clock().Add(-bulkKept)); err != nil {
			return err
		}
		return tx.ForgetPushesBefore(k.clock().Add(-pushesKept))
	})
	if err == nil {
		k.emptyLog(ctx)
	}
	return err
}

func (k *Keeper) sweepEvents(ctx context.Context) error {
	oldest := k.clock().Add(-k.settings.EventsKeep)
	for {
		var deleted int64
		err := k.store.Write(ctx, func(tx *db.Tx) (err error) {
			deleted, err = tx.DeleteEventsBefore(oldest, eventsSwept)
			return err
		})
		if err != nil || deleted < eventsSwept {
			return err
		}
	}
}

func (k *Keeper) sweepSessions(ctx context.Context) error {
	var last app.Session
	for gently := pace.Of(sweepShare); ; {
		sessions, err := k.store.Read().SessionsAfter(ctx, k.app.ID, last.UserID, last.ID, sessionsSwept)
		if err != nil {
			return err
		}
		if err := k.endThoseOver(ctx, sessions); err != nil {
			return err
		}
		if len(sessions) < sessionsSwept {
			return nil
		}
		if err := gently.Rest(ctx); err != nil {
			return err
		}
		last = sessions[len(sessions)-1]
	}
}

// endThoseOver ends the sessions whose time is over, each with its event.
func (k *Keeper) endThoseOver(ctx context.Context, sessions []app.Session) error {
	now := k.clock()
	for _, session := range sessions {
		end, reason := k.settings.Sessions.End(session)
		if now.Before(end) {
			continue
		}
		err := k.endSession(ctx, session, now, k.event(app.Caller{}, reason))
		if err != nil && app.KindOf(err) != app.NotFound {
			return err
		}
	}
	return nil
}
