package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// AuditCheck is what is known of checks of the whole audit log, of which one at a time is under way.
type AuditCheck struct {
	WantedBy  string    // who asked for one that has not ended; "": nobody
	BeganAt   time.Time // of the one under way; zero: none is
	Position  int64     // how far that one has come
	CheckedBy string    // who asked for the last one that ended
	CheckedAt time.Time // zero: there was none yet
	CheckedTo int64     // the last row that it found sound
	BrokenAt  int64     // the first row that did not follow, or was missing; 0: none
}

// AuditCheck tells what is known of checks of the audit log.
func (q *Queries) AuditCheck(ctx context.Context) (AuditCheck, error) {
	var check AuditCheck
	err := q.one(ctx, `SELECT wanted_by, began_at, position, checked_by, checked_at, checked_to, broken_at FROM audit_checks WHERE id = 1`,
		nil, &check.WantedBy, moment{&check.BeganAt}, &check.Position, &check.CheckedBy, moment{&check.CheckedAt}, &check.CheckedTo,
		&check.BrokenAt)
	if app.KindOf(err) == app.NotFound {
		return AuditCheck{}, nil
	}
	return check, err
}

// WantAuditCheck notes who asks for a check.
func (t *Tx) WantAuditCheck(operator string) error {
	return t.changeOne(`UPDATE audit_checks SET wanted_by = ? WHERE id = 1`, operator)
}

// NoteAuditCheck notes how far the check under way has come.
func (t *Tx) NoteAuditCheck(began time.Time, position int64) error {
	return t.changeOne(`UPDATE audit_checks SET began_at = ?, position = ? WHERE id = 1`, milliseconds(began), position)
}

// EndAuditCheck notes what a check found, and that none is under way nor wanted by whoever asked for this one.
func (t *Tx) EndAuditCheck(by string, at time.Time, found AuditChain) error {
	err := t.changeOne(`UPDATE audit_checks SET began_at = 0, position = 0, checked_by = ?, checked_at = ?, checked_to = ?, broken_at = ?
		WHERE id = 1`, by, milliseconds(at), found.Last.Sequence, found.Broken)
	if err != nil {
		return err
	}
	_, err = t.change(`UPDATE audit_checks SET wanted_by = '' WHERE id = 1 AND wanted_by = ?`, by)
	return err
}
