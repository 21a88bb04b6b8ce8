package keeper

import (
	"context"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Pause says who has stopped some work and since when. The zero value: nobody has.
type Pause struct {
	Operator string
	Since    time.Time
}

// PauseChecks stops the background check before its next question, in every process and until ResumeChecks. AlreadyExists: it is
// paused already.
func (k *Keeper) PauseChecks(ctx context.Context, order Order) error {
	return k.onChecks(ctx, order, app.ActionPauseCheck, func(tx *db.Tx) error {
		return tx.PauseWork(k.app.ID, db.CheckingKeys, order.Operator, k.clock())
	})
}

// ResumeChecks lets the background check go on at its next turn. NotFound: it is not paused.
func (k *Keeper) ResumeChecks(ctx context.Context, order Order) error {
	return k.onChecks(ctx, order, app.ActionResumeCheck, func(tx *db.Tx) error {
		return tx.ResumeWork(k.app.ID, db.CheckingKeys)
	})
}

func (k *Keeper) onChecks(ctx context.Context, order Order, action app.Action, act func(*db.Tx) error) error {
	if err := order.check(); err != nil {
		return err
	}
	return k.store.Write(ctx, func(tx *db.Tx) error {
		if err := act(tx); err != nil {
			return err
		}
		return k.audit(tx, order, action, 0, "")
	})
}

// checksPaused tells the pause of the background check.
func (k *Keeper) checksPaused(ctx context.Context) (Pause, error) {
	var pause Pause
	var err error
	pause.Operator, pause.Since, err = k.store.Read().Pause(ctx, k.app.ID, db.CheckingKeys)
	if app.KindOf(err) == app.NotFound {
		return Pause{}, nil
	}
	return pause, err
}
