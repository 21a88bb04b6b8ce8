package db

import (
	"context"

	"wxkeeper/app"
)

// OperatorByName finds an operator.
func (q *Queries) OperatorByName(ctx context.Context, name string) (app.Operator, error) {
	operator := app.Operator{Name: name}
	err := q.one(ctx, `SELECT id, role, password_hash FROM operators WHERE name = ?`, []any{name},
		&operator.ID, &operator.Role, &operator.PasswordHash)
	return operator, err
}

// Operators counts the operators.
func (q *Queries) Operators(ctx context.Context) (int, error) {
	var n int
	err := q.one(ctx, `SELECT COUNT(*) FROM operators`, nil, &n)
	return n, err
}

// InsertOperator stores an operator. AlreadyExists: the name is taken.
func (t *Tx) InsertOperator(operator app.Operator) error {
	_, err := t.change(`INSERT INTO operators (id, name, role, password_hash, disabled_at) VALUES (?, ?, ?, ?, 0)`,
		operator.ID, operator.Name, string(operator.Role), operator.PasswordHash)
	return err
}

// SetOperatorPassword stores a new password hash. NotFound: nobody has the name.
func (t *Tx) SetOperatorPassword(name, hash string) error {
	return t.changeOne(`UPDATE operators SET password_hash = ? WHERE name = ?`, hash, name)
}
