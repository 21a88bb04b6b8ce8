package views

import (
	"time"

	"github.com/a-h/templ"
)

// AuditCheck is what is known of the chain of the audit log.
type AuditCheck struct {
	Rows      int64     // of the log
	WantedBy  string    // who waits for a check; "": nobody
	BeganAt   time.Time // of the check under way; zero: none is
	Position  int64     // how far it has come
	CheckedBy string    // who asked for the last one; "": it was done by itself
	CheckedAt time.Time // zero: there was none yet
	CheckedTo int64
	BrokenAt  int64 // the first row that did not follow, or was missing; 0: none
}

func (c AuditCheck) running() bool { return !c.BeganAt.IsZero() || c.WantedBy != "" }

// chainBadge says in a word how the chain is.
func (p AuditPage) chainBadge() Badge {
	switch {
	case p.Check.BrokenAt != 0:
		return Badge{Tone: ToneBad, Icon: "circle-x", Text: p.T("chain.broken")}
	case p.Check.CheckedAt.IsZero():
		return Badge{Tone: ToneFaint, Icon: "circle-dot", Text: p.T("chain.unchecked")}
	}
	return Badge{Tone: ToneGood, Icon: "circle-check", Text: p.T("chain.whole")}
}

// chainWords say up to which row the chain was checked, when, and for whom.
func (p AuditPage) chainWords() string {
	if p.Check.CheckedAt.IsZero() {
		return p.T("chain.unchecked.text")
	}
	by := p.T("chain.itself")
	if p.Check.CheckedBy != "" {
		by = p.Actor(p.Check.CheckedBy)
	}
	return p.T("chain.checked", "to", p.Check.CheckedTo, "rows", p.Check.Rows, "when", p.Absolute(p.Check.CheckedAt), "by", by)
}

func (p AuditPage) chainProgress() Progress {
	return Progress{
		ID: "chain-progress", Label: p.T("chain.checking"), Note: p.T("chain.checking.text"),
		Done: min(p.Check.Position, p.Check.Rows), Total: p.Check.Rows,
	}
}

// chainRefresh fetches the whole part again while a check runs: what it found stands beside its progress.
func (p AuditPage) chainRefresh() templ.Attributes {
	return p.progressAttributes(Progress{ID: "chain", Running: p.Check.running(), Address: auditAddress})
}
