package db

import (
	"context"
	"crypto/hmac"
	"fmt"

	"wxkeeper/app"
)

const auditColumns = "sequence, at, operator, action, app_id, user_id, reason, detail, mac"

// Audit records an action of an operator in the same transaction as the action: an action that cannot be recorded is not
// done. Each row carries an HMAC over the row before and itself, under a key outside the table, so that a changed, deleted,
// inserted or reordered row breaks the chain.
func (t *Tx) Audit(ring *KeyRing, row app.AuditRow) error {
	previous, err := t.lastAudit()
	if err != nil {
		return err
	}
	row.Sequence = previous.Sequence + 1
	row.MAC = ring.auditMAC(previous.MAC, row)
	_, err = t.change("INSERT INTO audit ("+auditColumns+") VALUES "+rowsOf(9, 1),
		row.Sequence, milliseconds(row.At), row.Operator, string(row.Action), row.AppID, row.UserID, row.Reason, row.Detail,
		row.MAC)
	return err
}

func (t *Tx) lastAudit() (app.AuditRow, error) {
	var last app.AuditRow
	err := t.one(context.Background(), `SELECT sequence, mac FROM audit ORDER BY sequence DESC LIMIT 1`, nil,
		&last.Sequence, &last.MAC)
	if app.KindOf(err) == app.NotFound {
		return app.AuditRow{}, nil
	}
	return last, err
}

// AuditRows lists operators' actions from a sequence number on, oldest first.
func (q *Queries) AuditRows(ctx context.Context, from int64, limit int) ([]app.AuditRow, error) {
	return q.auditRows(ctx, "sequence >= ? ORDER BY sequence LIMIT ?", from, limit)
}

func (q *Queries) auditRows(ctx context.Context, which string, arguments ...any) ([]app.AuditRow, error) {
	var rows []app.AuditRow
	err := q.each(ctx, "SELECT "+auditColumns+" FROM audit WHERE "+which, arguments, func(scan func(...any) error) error {
		var row app.AuditRow
		err := scan(&row.Sequence, moment{&row.At}, &row.Operator, &row.Action, &row.AppID, &row.UserID, &row.Reason,
			&row.Detail, &row.MAC)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// auditPage is how many rows a check of the chain holds in memory.
const auditPage = 500

// BrokenAudit walks the chain and gives the sequence number of the first row that does not follow from the one before, 0 when
// the chain holds. A cut-off end shows only against a head kept elsewhere.
func (q *Queries) BrokenAudit(ctx context.Context, ring *KeyRing) (int64, error) {
	var previous app.AuditRow
	for {
		rows, err := q.AuditRows(ctx, previous.Sequence+1, auditPage)
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		for _, row := range rows {
			if row.Sequence != previous.Sequence+1 || !hmac.Equal(row.MAC, ring.auditMAC(previous.MAC, row)) {
				return row.Sequence, nil
			}
			previous = row
		}
	}
}

func (r *KeyRing) auditMAC(previous []byte, row app.AuditRow) []byte {
	return keyedHash(r.audit, fmt.Sprintf("%x %d %d %q %q %d %d %q %q", previous, row.Sequence, milliseconds(row.At),
		row.Operator, row.Action, row.AppID, row.UserID, row.Reason, row.Detail))
}
