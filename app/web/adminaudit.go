package web

import (
	"io"
	"net/url"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
	"wxkeeper/views"
)

func (d *Dashboard) auditPage(v *visit) error {
	asked := auditQuery(v.QueryParams())
	asked.Cursor = v.cursor()
	listing, problem := d.auditListing(&asked)
	page := views.AuditPage{Frame: v.frame(v.text.T("nav.audit"), views.SectionAudit), Asked: asked}
	page.Flash = append(page.Flash, v.ignored(problem)...)
	var err error
	if listing.UserID, page.Unknown, err = d.userAsked(v, asked.User); err != nil {
		return err
	}
	if !page.Unknown {
		if err := d.listAudit(v, listing, &page); err != nil {
			return err
		}
	}
	if page.Check, err = d.auditCheck(v); err != nil {
		return err
	}
	return v.page(views.Audit(page))
}

func (d *Dashboard) listAudit(v *visit, listing db.AuditListing, page *views.AuditPage) error {
	found, err := d.Store.Read().ListAudit(v.context(), listing)
	if err != nil {
		return err
	}
	var ids []app.UserID
	for _, row := range found.Rows {
		if row.UserID != 0 {
			ids = append(ids, row.UserID)
		}
	}
	page.Rows, page.Next, page.Stopped = found.Rows, found.Next, found.Stopped
	page.Users, err = d.Store.Read().UsersByID(v.context(), ids)
	return err
}

// auditQuery reads what is asked for in an address.
func auditQuery(values url.Values) views.AuditQuery {
	get := func(name string) string { return shortened(strings.TrimSpace(values.Get(name))) }
	return views.AuditQuery{
		Operator: get("operator"), Action: get("action"), User: get("user"), From: get("from"), To: get("to"), Size: pageSize(values),
	}
}

// auditListing is what a query means, but for its user. A part that means nothing is taken out of the query and named.
func (d *Dashboard) auditListing(asked *views.AuditQuery) (listing db.AuditListing, problem string) {
	if action := app.Action(asked.Action); action != "" && !views.ActionKnown(action) {
		problem, asked.Action = asked.Action, ""
	}
	listing = db.AuditListing{
		Operator: asked.Operator, Action: app.Action(asked.Action), Before: asked.Cursor, Limit: asked.Size,
	}
	if times := d.timesAsked(&asked.From, &asked.To, &listing.From, &listing.To); times != "" {
		problem = times
	}
	return listing, problem
}

// auditCSV writes the log as a file.
func (d *Dashboard) auditCSV(v *visit) error {
	asked := auditQuery(v.QueryParams())
	listing, problem := d.auditListing(&asked)
	user, unknown, err := d.userAsked(v, asked.User)
	switch {
	case err != nil:
		return err
	case problem != "" || unknown:
		return malformed("filter") // a file that leaves a filter out would be the wrong file
	}
	listing.UserID = user
	order := keeper.Order{Operator: v.operator.Name, Reason: v.text.T("audit.export.reason")}
	return d.sendCSV(v, "audit", func(to io.Writer, between func() error) error {
		return d.Keeper.ExportAudit(v.context(), order, listing, asked.Filters(), to, between)
	})
}
