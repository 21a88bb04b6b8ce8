package web

import (
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

const auditPath = "/admin/audit"

// auditCheck is what is known of the chain of the audit log.
func (d *Dashboard) auditCheck(v *visit) (views.AuditCheck, error) {
	read := d.Store.Read()
	known, err := read.AuditCheck(v.context())
	if err != nil {
		return views.AuditCheck{}, err
	}
	head, err := read.AuditHead(v.context())
	return views.AuditCheck{
		Rows: head.Sequence, WantedBy: known.WantedBy, BeganAt: known.BeganAt, Position: known.Position, CheckedBy: known.CheckedBy,
		CheckedAt: known.CheckedAt, CheckedTo: known.CheckedTo, BrokenAt: known.BrokenAt,
	}, err
}

// checkAudit asks for a check of the whole log; a job does it.
func (d *Dashboard) checkAudit(v *visit) error {
	if err := d.Accounts.AskForAuditCheck(v.context(), operator.Order{Operator: v.operator.Name}); err != nil {
		return err
	}
	return v.goTo(auditPath)
}
