package db

import (
	"context"
	"crypto/hmac"
	"fmt"

	"wxkeeper/app"
)

const auditColumns = "sequence, at, operator, action, app_id, user_id, reason, detail, mac"

// Audit records an action of an operator in the same transaction as the action: an action that cannot be recorded is not
// done. Each row carries an HMAC over the row before and itself, under a key outside the table, and the last one is sealed as the
// head: a changed, deleted, inserted, reordered or cut-off row breaks the chain.
func (t *Tx) Audit(ring *KeyRing, row app.AuditRow) error {
	head, err := t.auditHead(context.Background())
	if err != nil {
		return err
	}
	last, err := t.lastAudit()
	if err != nil {
		return err
	}
	row.Sequence = max(head.last.Sequence, last) + 1
	if !head.sealedBy(ring) {
		row.Sequence++ // the gap stays for ever: what somebody did to the head cannot be made good by the next row
	}
	row.MAC = ring.auditMAC(head.last.MAC, row)
	_, err = t.change("INSERT INTO audit ("+auditColumns+") VALUES "+rowsOf(9, 1),
		row.Sequence, milliseconds(row.At), row.Operator, string(row.Action), row.AppID, row.UserID, row.Reason, row.Detail,
		row.MAC)
	if err != nil {
		return err
	}
	return t.setAuditHead(ring, head.last.Sequence, row)
}

func (t *Tx) lastAudit() (sequence int64, err error) {
	err = t.one(context.Background(), `SELECT COALESCE(MAX(sequence), 0) FROM audit`, nil, &sequence)
	return sequence, err
}

// auditHead is the end of the chain as it was when it was last added to. Who cuts rows off cannot make the seal of an earlier end.
type auditHead struct {
	last app.AuditRow // its sequence number and MAC
	seal []byte
}

func (h auditHead) sealedBy(ring *KeyRing) bool { return hmac.Equal(h.seal, ring.auditSeal(h.last)) }

// auditHead reads the end of the chain; one that somebody has deleted is without a seal.
func (q *Queries) auditHead(ctx context.Context) (auditHead, error) {
	var head auditHead
	err := q.one(ctx, `SELECT sequence, mac, seal FROM audit_head WHERE id = 1`, nil, &head.last.Sequence, &head.last.MAC, &head.seal)
	if app.KindOf(err) == app.NotFound {
		return auditHead{}, nil
	}
	return head, err
}

// setAuditHead seals a row as the end of the chain.
func (t *Tx) setAuditHead(ring *KeyRing, before int64, last app.AuditRow) error {
	changed, err := t.change(`UPDATE audit_head SET sequence = ?, mac = ?, seal = ? WHERE id = 1 AND sequence = ?`,
		last.Sequence, last.MAC, ring.auditSeal(last), before)
	if err != nil || changed > 0 {
		return err
	}
	_, err = t.change(`INSERT INTO audit_head (id, sequence, mac, seal) VALUES (1, ?, ?, ?)`,
		last.Sequence, last.MAC, ring.auditSeal(last))
	return err
}

// sealEmptyAudit seals the chain that has no row yet, once its key is made.
func (t *Tx) sealEmptyAudit(key []byte) error {
	last, err := t.lastAudit()
	if err != nil || last != 0 {
		return err
	}
	return t.setAuditHead(&KeyRing{audit: key}, 0, app.AuditRow{MAC: []byte{}})
}

// AuditHead gives the last row of the chain, with its sequence number and MAC alone; zero where there is none.
func (q *Queries) AuditHead(ctx context.Context) (app.AuditRow, error) {
	head, err := q.auditHead(ctx)
	return head.last, err
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

// AuditChain is how far a check of the chain has come. The zero value begins.
type AuditChain struct {
	Last   app.AuditRow // the last sound row: its sequence number and MAC
	Broken int64        // the first row that does not follow from the one before, or is missing; 0: none up to here
	Ended  bool         // the chain was followed to its end, or to where it breaks
}

// FollowAudit checks the next rows of the chain, 500 at most.
func (q *Queries) FollowAudit(ctx context.Context, ring *KeyRing, chain AuditChain) (AuditChain, error) {
	head, err := q.auditHead(ctx) // before the rows: those that are written meanwhile are not missed by it
	if err != nil {
		return chain, err
	}
	rows, err := q.AuditRows(ctx, chain.Last.Sequence+1, auditPage)
	if err != nil {
		return chain, err
	}
	for _, row := range rows {
		if row.Sequence != chain.Last.Sequence+1 || !ring.AuditFollows(chain.Last.MAC, row) {
			chain.Broken, chain.Ended = row.Sequence, true
			return chain, nil
		}
		chain.Last = app.AuditRow{Sequence: row.Sequence, MAC: row.MAC}
	}
	if len(rows) == 0 {
		chain.Ended = true
		whole := head.last.Sequence == chain.Last.Sequence && hmac.Equal(head.last.MAC, chain.Last.MAC) && head.sealedBy(ring)
		if !whole {
			chain.Broken = chain.Last.Sequence + 1
		}
	}
	return chain, nil
}

// BrokenAudit follows the whole chain and gives the sequence number of the first row that does not follow from the one before, or
// is missing; 0 when the chain holds. A database that was put back whole to an earlier time shows only against a head kept elsewhere.
func (q *Queries) BrokenAudit(ctx context.Context, ring *KeyRing) (int64, error) {
	var chain AuditChain
	for !chain.Ended {
		var err error
		if chain, err = q.FollowAudit(ctx, ring, chain); err != nil {
			return 0, err
		}
	}
	return chain.Broken, nil
}

// AuditMAC gives the MAC of a row of the log. NotFound: there is no such row.
func (q *Queries) AuditMAC(ctx context.Context, sequence int64) ([]byte, error) {
	var mac []byte
	err := q.one(ctx, `SELECT mac FROM audit WHERE sequence = ?`, []any{sequence}, &mac)
	return mac, err
}

// AuditFollows says whether a row is as it was written, after a row with that MAC.
func (r *KeyRing) AuditFollows(previous []byte, row app.AuditRow) bool {
	return hmac.Equal(row.MAC, r.auditMAC(previous, row))
}

func (r *KeyRing) auditSeal(last app.AuditRow) []byte {
	return keyedHash(r.audit, fmt.Sprintf("head %d %x", last.Sequence, last.MAC))
}

// auditMAC is described in docs/audit.md, for those who check the log without us. Each text goes with its length, so that no two rows
// are written the same.
func (r *KeyRing) auditMAC(previous []byte, row app.AuditRow) []byte {
	text := fmt.Appendf(nil, "%x %d %d %d %d", previous, row.Sequence, milliseconds(row.At), row.AppID, row.UserID)
	for _, one := range []string{row.Operator, string(row.Action), row.Reason, row.Detail} {
		text = fmt.Appendf(text, " %d:%s", len(one), one)
	}
	return keyedHash(r.audit, string(text))
}
