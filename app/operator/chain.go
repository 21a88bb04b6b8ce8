package operator

import (
	"context"
	"fmt"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	auditNoteEvery = 20_000 // rows after which a check notes how far it has come
	auditPause     = time.Millisecond
)

// AskForAuditCheck has the whole audit log checked soon, in the background.
func (a *Accounts) AskForAuditCheck(ctx context.Context, order Order) error {
	err := a.store.Write(ctx, func(tx *db.Tx) error {
		if err := tx.WantAuditCheck(order.Operator); err != nil {
			return err
		}
		return a.audit(ctx, tx, order, app.ActionCheckAudit, "")
	})
	if err != nil {
		return err
	}
	select {
	case a.checkWanted <- struct{}{}:
	default: // one is called for already
	}
	return nil
}

// AuditCheckWanted gets a value when somebody asks for a check.
func (a *Accounts) AuditCheckWanted() <-chan struct{} { return a.checkWanted }

// CheckAudit follows the whole chain of the audit log, a few rows at a time, notes what it finds, and writes the head of the chain to
// the log: whoever puts an older database back, or cuts rows off, cannot take it back from there. It is work for a job.
func (a *Accounts) CheckAudit(ctx context.Context) error {
	known, err := a.store.Read().AuditCheck(ctx)
	if err != nil {
		return err
	}
	chain, err := a.followAudit(ctx)
	if err != nil {
		return err
	}
	err = a.store.Write(ctx, func(tx *db.Tx) error { return tx.EndAuditCheck(known.WantedBy, a.clock(), chain) })
	if err != nil {
		return err
	}
	if chain.Broken != 0 {
		a.log.ErrorContext(ctx, "the audit log was tampered with: run wxkeeper check", "row", chain.Broken, "sound_to", chain.Last.Sequence)
		return nil
	}
	a.log.InfoContext(ctx, "audit log is whole", "head", AuditHead(chain.Last))
	return nil
}

// followAudit follows the chain to its end, and pauses between pages so that it slows nobody down.
func (a *Accounts) followAudit(ctx context.Context) (chain db.AuditChain, err error) {
	began, noted := a.clock(), int64(-auditNoteEvery)
	for !chain.Ended {
		if chain.Last.Sequence-noted >= auditNoteEvery {
			noted = chain.Last.Sequence
			err := a.store.Write(ctx, func(tx *db.Tx) error { return tx.NoteAuditCheck(began, noted) })
			if err != nil {
				return chain, err
			}
		}
		if chain, err = a.store.Read().FollowAudit(ctx, a.ring, chain); err != nil {
			return chain, err
		}
		select {
		case <-time.After(auditPause):
		case <-ctx.Done():
			return chain, context.Cause(ctx)
		}
	}
	return chain, nil
}

// AuditHead writes the end of the chain as the log and commands do: the number of its last row and that row's MAC.
func AuditHead(last app.AuditRow) string {
	return fmt.Sprintf("%d:%x", last.Sequence, last.MAC)
}
