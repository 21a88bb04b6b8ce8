package keeper

import (
	"context"
	"strings"
	"unicode"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Order is an operator's order: who gives it and why.
type Order struct {
	Operator string
	Reason   string
}

// longestReason is how many bytes an operator may write.
const longestReason = 500

func (o Order) check() error {
	switch {
	case !strings.ContainsFunc(o.Reason, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }):
		return app.FailField(app.MissingParameter, "", "reason")
	case len(o.Reason) > longestReason, strings.ContainsFunc(o.Reason, unicode.IsControl):
		return app.FailField(app.Malformed, "", "reason")
	}
	return nil
}

// ForceRelogin ends all of a user's sessions with their next request: the mini program logs in again, which brings a fresh
// session key. It tells how many sessions there were.
func (k *Keeper) ForceRelogin(ctx context.Context, order Order, number app.UserNumber) (sessions int, err error) {
	if err := order.check(); err != nil {
		return 0, err
	}
	err = k.store.Write(ctx, func(tx *db.Tx) error {
		user, err := tx.UserByNumber(ctx, k.app.ID, number)
		if err != nil {
			return err
		}
		ended, err := tx.SessionsOfUser(ctx, user.ID)
		if err != nil {
			return err
		}
		sessions = len(ended)
		if err := k.endAll(tx, user, ended, k.event(app.Caller{}, app.DeviceForced)); err != nil {
			return err
		}
		if err := tx.NextGeneration(user); err != nil {
			return err
		}
		if err := tx.Announce(k.clock(), app.UserForcedRelogin, user, ""); err != nil {
			return err
		}
		return k.audit(tx, order, app.ActionRelogin, user.ID, "")
	})
	k.verified.forgetAll()
	return sessions, err
}

// endAll ends sessions of one user, with one event.
func (k *Keeper) endAll(tx *db.Tx, user app.User, sessions []app.Session, event app.Event) error {
	if len(sessions) == 0 {
		return nil
	}
	for _, session := range sessions {
		if err := tx.EndSession(k.app.ID, session); err != nil {
			return err
		}
	}
	return k.storeUser(tx, user, user, k.clock(), event)
}

// ForceReloginOfAll ends every session of the app with its next request.
func (k *Keeper) ForceReloginOfAll(ctx context.Context, order Order) error {
	if err := order.check(); err != nil {
		return err
	}
	err := k.store.Write(ctx, func(tx *db.Tx) error {
		if err := tx.NextGenerationOfApp(k.app.ID); err != nil {
			return err
		}
		if err := tx.Announce(k.clock(), app.AllForcedRelogin, app.User{AppID: k.app.ID}, ""); err != nil {
			return err
		}
		return k.audit(tx, order, app.ActionReloginAll, 0, "")
	})
	k.verified.forgetAll()
	return err
}

func (k *Keeper) audit(tx *db.Tx, order Order, action app.Action, user app.UserID, detail string) error {
	return tx.Audit(k.ring, app.AuditRow{
		At: k.clock(), Operator: order.Operator, Action: action, AppID: k.app.ID, UserID: user, Reason: order.Reason, Detail: detail,
	})
}
