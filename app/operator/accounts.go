package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"wxkeeper/app"
	"wxkeeper/db"
)

// longestName is how many characters an operator's name may have.
const longestName = 64

// accountsRead is how many accounts are read at once.
const accountsRead = 100

// What can be wrong with an order about an account. Each is the cause of an app.Error of kind Malformed.
var (
	ErrName      = fmt.Errorf("an operator's name has 1 to %d printable characters and no space around it", longestName)
	ErrRole      = errors.New("a role is viewer, operator or admin")
	ErrLastAdmin = errors.New("this is the only admin who may sign in: make another one first")
)

// Add makes an account. AlreadyExists: the name is taken, or looks like one that is. Malformed: name, role or password cannot be used; the cause joins
// everything that is wrong with them.
func (a *Accounts) Add(ctx context.Context, order Order, name string, role app.Role, password app.Secret) error {
	if err := order.check(); err != nil {
		return err
	}
	if err := errors.Join(checkName(name), checkRole(role), checkPassword(name, password)); err != nil {
		return app.Fail(app.Malformed, "").Because(err)
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(tx *db.Tx) error {
		if err := notTaken(ctx, tx, name); err != nil {
			return err
		}
		id := app.OperatorID(tx.NewID(a.clock()))
		if err := tx.InsertOperator(app.Operator{ID: id, Name: name, Role: role, PasswordHash: hash}); err != nil {
			return err
		}
		return a.audit(ctx, tx, order, app.ActionAddOperator, fmt.Sprintf("%s: %s", name, role))
	})
}

// SetPassword gives an account a new password and ends its sessions. NotFound: nobody has the name. Malformed: the password
// cannot be used.
func (a *Accounts) SetPassword(ctx context.Context, order Order, name string, password app.Secret) error {
	if err := checkPassword(name, password); err != nil {
		return app.FailField(app.Malformed, "", "password").Because(err)
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return a.change(ctx, order, name, app.ActionSetPassword, func(tx *db.Tx, found app.Operator) (string, error) {
		if err := tx.SetOperatorPassword(found, hash); err != nil {
			return "", err
		}
		return name, endAll(tx, found, 0)
	})
}

// ChangeOwnPassword replaces the password of whoever is signed in, who must know the old one, and ends their other sessions.
// Malformed: the new password cannot be used. Otherwise it fails as Prove does, to which the old password is a proof.
func (a *Accounts) ChangeOwnPassword(ctx context.Context, present Present, proof Proof, replacement app.Secret) error {
	who := present.Operator
	if err := checkPassword(who.Name, replacement); err != nil {
		return app.FailField(app.Malformed, "", "password").Because(err)
	}
	if err := a.Prove(ctx, present, proof); err != nil {
		return err
	}
	hash, err := a.hasher.hash(ctx, replacement)
	if err != nil {
		return err
	}
	now := a.clock()
	err = a.change(ctx, Order{Operator: who.Name}, who.Name, app.ActionSetPassword,
		func(tx *db.Tx, found app.Operator) (string, error) {
			// Whoever was signed out, or given another password, since the old one was checked changes nothing.
			if err := tx.SlideOperatorSession(present.Session.ID, now); err != nil {
				return "", err
			}
			if err := tx.SetOperatorPassword(who, hash); err != nil {
				return "", err
			}
			return who.Name, endAll(tx, found, present.Session.ID)
		})
	if app.KindOf(err) == app.NotFound {
		return notSignedIn()
	}
	return err
}

// SetRole changes what an account may do and ends its sessions. NotFound: nobody has the name. Malformed: there is no such
// role, or this is the only admin who may sign in (ErrLastAdmin).
func (a *Accounts) SetRole(ctx context.Context, order Order, name string, role app.Role) error {
	if err := checkRole(role); err != nil {
		return app.FailField(app.Malformed, "", "role").Because(err)
	}
	return a.change(ctx, order, name, app.ActionSetRole, func(tx *db.Tx, found app.Operator) (string, error) {
		if found.Role == role {
			return "", nil
		}
		if err := notLastAdmin(ctx, tx, found, "role"); err != nil {
			return "", err
		}
		if err := tx.SetOperatorRole(found, role); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s: %s → %s", name, found.Role, role), endAll(tx, found, 0)
	})
}

// Disable lets an account sign in no more and ends its sessions; one that is disabled stays so. NotFound: nobody has the name.
// Malformed: this is the only admin who may sign in (ErrLastAdmin).
func (a *Accounts) Disable(ctx context.Context, order Order, name string) error {
	now := a.clock()
	return a.change(ctx, order, name, app.ActionDisableOperator, func(tx *db.Tx, found app.Operator) (string, error) {
		if found.Disabled() {
			return "", nil
		}
		if err := notLastAdmin(ctx, tx, found, "name"); err != nil {
			return "", err
		}
		if err := tx.SetOperatorDisabled(found, now); err != nil {
			return "", err
		}
		return name, endAll(tx, found, 0)
	})
}

// Enable lets a disabled account sign in again. NotFound: nobody has the name.
func (a *Accounts) Enable(ctx context.Context, order Order, name string) error {
	return a.change(ctx, order, name, app.ActionEnableOperator, func(tx *db.Tx, found app.Operator) (string, error) {
		if !found.Disabled() {
			return "", nil
		}
		return name, tx.SetOperatorDisabled(found, time.Time{})
	})
}

// List lists accounts in the order of their names, beginning after one, so many at most.
func (a *Accounts) List(ctx context.Context, after string, limit int) ([]app.Operator, error) {
	return a.store.Read().OperatorsByName(ctx, after, limit)
}

// change does something to an account and records it, with what the work says of it; nothing said is nothing done.
func (a *Accounts) change(
	ctx context.Context, order Order, name string, action app.Action, work func(*db.Tx, app.Operator) (string, error),
) error {
	if err := order.check(); err != nil {
		return err
	}
	return a.store.Write(ctx, func(tx *db.Tx) error {
		found, err := tx.OperatorByName(ctx, name)
		if err != nil {
			return err
		}
		done, err := work(tx, found)
		if err != nil || done == "" {
			return err
		}
		return a.audit(ctx, tx, order, action, done)
	})
}

func endAll(tx *db.Tx, of app.Operator, except app.OperatorSessionID) error {
	_, err := tx.EndOperatorSessions(of.ID, except)
	return err
}

// notLastAdmin fails if nobody could manage accounts any more without this one.
func notLastAdmin(ctx context.Context, tx *db.Tx, found app.Operator, field string) error {
	if found.Role != app.RoleAdmin || found.Disabled() {
		return nil
	}
	admins, err := tx.EnabledAdmins(ctx)
	if err == nil && admins < 2 {
		err = app.FailField(app.Malformed, "", field).Because(ErrLastAdmin)
	}
	return err
}

func checkName(name string) error {
	if name == "" || name != strings.TrimSpace(name) || !app.Printable(name, longestName) {
		return ErrName
	}
	return nil
}

// nameSeen is the same for names that people take for one another, by which an account would act in another's name.
func nameSeen(name string) string { return cases.Fold().String(norm.NFKC.String(name)) }

// notTaken fails if an account, or whoever else acts in the audit log, has a name that looks the same.
func notTaken(ctx context.Context, tx *db.Tx, name string) error {
	taken := app.Fail(app.AlreadyExists, "")
	looksLike := func(other string) bool { return nameSeen(name) == nameSeen(other) }
	if slices.ContainsFunc([]string{app.CommandLine, app.ByWeChat, app.ByRetention, app.ByRestore, app.ByStranger}, looksLike) {
		return taken
	}
	for after := ""; ; {
		accounts, err := tx.OperatorsByName(ctx, after, accountsRead)
		if err != nil {
			return err
		}
		for _, account := range accounts {
			if looksLike(account.Name) {
				return taken
			}
		}
		if len(accounts) < accountsRead {
			return nil
		}
		after = accounts[len(accounts)-1].Name
	}
}

func checkRole(role app.Role) error {
	if !slices.Contains(app.Roles(), role) {
		return ErrRole
	}
	return nil
}
