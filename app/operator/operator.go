// Package operator is about who may use the dashboard: accounts and their passwords. There is no default account; the first
// one is made by the command line.
package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	shortestPassword = 8   // characters; OWASP ASVS 5.0, 6.2.1
	longestPassword  = 256 // bytes, so that hashing one cannot be made expensive
	longestName      = 64  // characters
)

// hashParameters are OWASP's second recommendation for argon2id: 19 MiB, 2 passes, 1 thread.
var hashParameters = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Accounts manages the accounts of operators.
type Accounts struct {
	Store *db.DB
	Clock func() time.Time
}

// Add makes an account. AlreadyExists: the name is taken. Malformed: name, role or password cannot be used; the error says why.
func (a Accounts) Add(ctx context.Context, name string, role app.Role, password app.Secret) error {
	if err := errors.Join(checkName(name), checkRole(role), checkPassword(name, password)); err != nil {
		return app.Fail(app.Malformed, "").Because(err)
	}
	hash, err := argon2id.CreateHash(password.Reveal(), &hashParameters)
	if err != nil {
		return err
	}
	operator := app.Operator{ID: app.OperatorID(app.NewID(a.Clock())), Name: name, Role: role, PasswordHash: hash}
	return a.Store.Write(ctx, func(tx *db.Tx) error { return tx.InsertOperator(operator) })
}

// SetPassword gives an account a new password. NotFound: nobody has the name.
func (a Accounts) SetPassword(ctx context.Context, name string, password app.Secret) error {
	if err := checkPassword(name, password); err != nil {
		return app.Fail(app.Malformed, "").Because(err)
	}
	hash, err := argon2id.CreateHash(password.Reveal(), &hashParameters)
	if err != nil {
		return err
	}
	return a.Store.Write(ctx, func(tx *db.Tx) error { return tx.SetOperatorPassword(name, hash) })
}

func checkName(name string) error {
	unfit := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError })
	if name == "" || name != strings.TrimSpace(name) || unfit || utf8.RuneCountInString(name) > longestName {
		return fmt.Errorf("an operator's name has 1 to %d printable characters and no space around it", longestName)
	}
	return nil
}

func checkRole(role app.Role) error {
	if !slices.Contains([]app.Role{app.RoleViewer, app.RoleOperator, app.RoleAdmin}, role) {
		return errors.New("a role is viewer, operator or admin")
	}
	return nil
}

func checkPassword(name string, password app.Secret) error {
	text := password.Reveal()
	switch {
	case utf8.RuneCountInString(text) < shortestPassword:
		return fmt.Errorf("a password has %d characters at least", shortestPassword)
	case len(text) > longestPassword:
		return fmt.Errorf("a password has %d bytes at most", longestPassword)
	case strings.EqualFold(text, name):
		return errors.New("a password is not the operator's name")
	}
	return nil
}
