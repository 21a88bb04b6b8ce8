package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

const operatorColumns = `o.id, o.name, o.role, o.password_hash, o.disabled_at, o.signed_in_at, o.totp_since`

func operatorFields(operator *app.Operator) []any {
	return []any{
		&operator.ID, &operator.Name, &operator.Role, &operator.PasswordHash, moment{&operator.DisabledAt},
		moment{&operator.SignedInAt}, moment{&operator.TOTPSince},
	}
}

// OperatorByName finds an operator.
func (q *Queries) OperatorByName(ctx context.Context, name string) (app.Operator, error) {
	return q.operator(ctx, "o.name = ?", name)
}

// OperatorByID finds an operator.
func (q *Queries) OperatorByID(ctx context.Context, id app.OperatorID) (app.Operator, error) {
	return q.operator(ctx, "o.id = ?", id)
}

func (q *Queries) operator(ctx context.Context, which string, argument any) (app.Operator, error) {
	var operator app.Operator
	err := q.one(ctx, "SELECT "+operatorColumns+" FROM operators o WHERE "+which, []any{argument}, operatorFields(&operator)...)
	return operator, err
}

// OperatorsByName lists operators in the order of their names, beginning after one.
func (q *Queries) OperatorsByName(ctx context.Context, after string, limit int) ([]app.Operator, error) {
	var operators []app.Operator
	err := q.each(ctx, "SELECT "+operatorColumns+" FROM operators o WHERE o.name > ? ORDER BY o.name LIMIT ?",
		[]any{after, limit}, func(scan func(...any) error) error {
			var operator app.Operator
			err := scan(operatorFields(&operator)...)
			operators = append(operators, operator)
			return err
		})
	return operators, err
}

// Operators counts the operators.
func (q *Queries) Operators(ctx context.Context) (int, error) {
	var n int
	err := q.one(ctx, `SELECT COUNT(*) FROM operators`, nil, &n)
	return n, err
}

// EnabledAdmins counts the admins who may sign in.
func (q *Queries) EnabledAdmins(ctx context.Context) (int, error) {
	var n int
	err := q.one(ctx, `SELECT COUNT(*) FROM operators WHERE role = ? AND disabled_at = 0`, []any{string(app.RoleAdmin)}, &n)
	return n, err
}

// CanAudit says whether actions can be recorded: the first serve of a data folder makes the key of the audit chain.
func (q *Queries) CanAudit(ctx context.Context) (bool, error) {
	var n int
	err := q.one(ctx, `SELECT COUNT(*) FROM data_keys`, nil, &n)
	return n > 0, err
}

// InsertOperator stores an operator who has never signed in. AlreadyExists: the name is taken.
func (t *Tx) InsertOperator(operator app.Operator) error {
	_, err := t.change(`INSERT INTO operators (id, name, role, password_hash, disabled_at) VALUES (?, ?, ?, ?, ?)`,
		operator.ID, operator.Name, string(operator.Role), operator.PasswordHash.Reveal(), milliseconds(operator.DisabledAt))
	return err
}

// SetOperatorPassword replaces a password hash. NotFound: it is not the one that was read any more.
func (t *Tx) SetOperatorPassword(operator app.Operator, hash app.Secret) error {
	return t.changeOne(`UPDATE operators SET password_hash = ? WHERE id = ? AND password_hash = ?`,
		hash.Reveal(), operator.ID, operator.PasswordHash.Reveal())
}

// SetOperatorRole changes a role. NotFound: it is not the one that was read any more.
func (t *Tx) SetOperatorRole(operator app.Operator, role app.Role) error {
	return t.changeOne(`UPDATE operators SET role = ? WHERE id = ? AND role = ?`,
		string(role), operator.ID, string(operator.Role))
}

// SetOperatorDisabled disables an account as of a time, or enables it with none. NotFound: somebody else did meanwhile.
func (t *Tx) SetOperatorDisabled(operator app.Operator, at time.Time) error {
	return t.changeOne(`UPDATE operators SET disabled_at = ? WHERE id = ? AND disabled_at = ?`,
		milliseconds(at), operator.ID, milliseconds(operator.DisabledAt))
}

// NoteSignIn stores when an operator signed in last.
func (t *Tx) NoteSignIn(operator app.OperatorID, at time.Time) error {
	return t.changeOne(`UPDATE operators SET signed_in_at = ? WHERE id = ?`, milliseconds(at), operator)
}
