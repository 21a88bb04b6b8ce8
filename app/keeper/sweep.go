package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	eventsSwept   = 1000 // events deleted in one write
	sessionsSwept = 200  // sessions looked at in one step
)

// Sweep deletes what is past its keeping: old events, sessions that have ended without anybody noticing, users not seen for
// longer than they may be kept. It works in small steps, so that it holds up nobody, and may be stopped and run again at any time.
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
	err := k.Store.Write(ctx, func(tx *db.Tx) error { return tx.ForgetPushesBefore(k.Clock().Add(-pushesKept)) })
	if err == nil {
		k.emptyLog(ctx)
	}
	return err
}

func (k *Keeper) sweepEvents(ctx context.Context) error {
	oldest := k.Clock().Add(-k.Settings.EventsKeep)
	for {
		var deleted int64
		err := k.Store.Write(ctx, func(tx *db.Tx) (err error) {
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
	for {
		sessions, err := k.Store.Read().SessionsAfter(ctx, k.App.ID, last.UserID, last.ID, sessionsSwept)
		if err != nil || len(sessions) == 0 {
			return err
		}
		if err := k.endThoseOver(ctx, sessions); err != nil {
			return err
		}
		last = sessions[len(sessions)-1]
	}
}

// endThoseOver ends the sessions whose time is over, each with its event.
func (k *Keeper) endThoseOver(ctx context.Context, sessions []app.Session) error {
	now := k.Clock()
	for _, session := range sessions {
		end, reason := k.Settings.Sessions.End(session)
		if now.Before(end) {
			continue
		}
		err := k.Store.Write(ctx, func(tx *db.Tx) error {
			user, err := tx.UserByID(ctx, session.UserID)
			if err != nil {
				return err
			}
			if err := tx.EndSession(session); err != nil {
				return err
			}
			return k.storeUser(tx, user, user, now, k.event(app.Caller{}, reason))
		})
		if err != nil && app.KindOf(err) != app.NotFound {
			return err
		}
	}
	return nil
}
