package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// TOTPPlace is where the seed of an operator's one-time codes stands.
func TOTPPlace(of app.Operator) Place {
	return Place{Table: "operators.totp", Row: app.ID(of.ID), Owner: app.OpenID(of.Name)}
}

// OperatorTOTP gives the sealed seed of an operator's one-time codes. NotFound: they are off, or were turned on anew meanwhile.
func (q *Queries) OperatorTOTP(ctx context.Context, of app.Operator) ([]byte, error) {
	var sealed []byte
	err := q.one(ctx, `SELECT totp_sealed FROM operators WHERE id = ? AND totp_since = ? AND totp_since > 0`,
		[]any{of.ID, milliseconds(of.TOTPSince)}, &sealed)
	return sealed, err
}

// RecoveryCodes counts the recovery codes that an operator may still use.
func (q *Queries) RecoveryCodes(ctx context.Context, of app.OperatorID) (int, error) {
	var n int
	err := q.one(ctx, `SELECT COUNT(*) FROM recovery_codes WHERE operator_id = ?`, []any{of}, &n)
	return n, err
}

// SetOperatorTOTP turns one-time codes on; the code of the step is used up. NotFound: they are on already.
func (t *Tx) SetOperatorTOTP(of app.OperatorID, sealed []byte, step int64, at time.Time) error {
	return t.changeOne(`UPDATE operators SET totp_sealed = ?, totp_step = ?, totp_since = ? WHERE id = ? AND totp_since = 0`,
		sealed, step, milliseconds(at), of)
}

// ClearOperatorTOTP turns one-time codes off and forgets the recovery codes. NotFound: they are off.
func (t *Tx) ClearOperatorTOTP(of app.OperatorID) error {
	err := t.changeOne(`UPDATE operators SET totp_sealed = NULL, totp_step = 0, totp_since = 0 WHERE id = ? AND totp_since > 0`, of)
	if err != nil {
		return err
	}
	return t.forgetRecoveryCodes(of)
}

// UseTOTPStep uses up the one-time code of a step, and those before it. NotFound: it is used up, or the seed is another by now.
func (t *Tx) UseTOTPStep(of app.Operator, step int64) error {
	return t.changeOne(`UPDATE operators SET totp_step = ? WHERE id = ? AND totp_since = ? AND totp_step < ?`,
		step, of.ID, milliseconds(of.TOTPSince), step)
}

// ReplaceRecoveryCodes gives an operator other recovery codes, of which only hashes are stored.
func (t *Tx) ReplaceRecoveryCodes(of app.OperatorID, hashes [][]byte, at time.Time) error {
	if err := t.forgetRecoveryCodes(of); err != nil {
		return err
	}
	for _, hash := range hashes {
		_, err := t.change(`INSERT INTO recovery_codes (id, operator_id, code_hash) VALUES (?, ?, ?)`, t.NewID(at), of, hash)
		if err != nil {
			return err
		}
	}
	return nil
}

// UseRecoveryCode uses up a recovery code. NotFound: the operator has no such code.
func (t *Tx) UseRecoveryCode(of app.OperatorID, hash []byte) error {
	return t.changeOne(`DELETE FROM recovery_codes WHERE operator_id = ? AND code_hash = ?`, of, hash)
}

func (t *Tx) forgetRecoveryCodes(of app.OperatorID) error {
	_, err := t.change(`DELETE FROM recovery_codes WHERE operator_id = ?`, of)
	return err
}

// NoteProof stores when somebody last proved in a session who they are. NotFound: it has ended.
func (t *Tx) NoteProof(id app.OperatorSessionID, at time.Time) error {
	return t.changeOne(`UPDATE operator_sessions SET proved_at = ? WHERE id = ?`, milliseconds(at), id)
}
