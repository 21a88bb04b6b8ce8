package keeper

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// auditAPage is how many rows of the log an export holds in memory.
const auditAPage = 500

var auditHeader = []string{"sequence", "at", "operator", "action", "user", "reason", "detail", "mac", "previous_mac", "app_id", "user_id"}

// ExportAudit writes the rows of the audit log that a listing asks for as CSV, the newest first. Asked is the filter as it was
// written, for the log. It is audited before the first line is written, and holds a page of rows in memory; between, called after
// each page, may end it. The column user is empty where the user is no more. Each row stands with the MAC of the row before, so that
// CheckAuditFile can tell whether it is as it was written.
func (k *Keeper) ExportAudit(
	ctx context.Context, order Order, listing db.AuditListing, asked map[string]string, to io.Writer, between func() error,
) error {
	if err := order.check(); err != nil {
		return err
	}
	detail, err := json.Marshal(struct {
		Asked map[string]string `json:"asked,omitempty"`
	}{asked})
	if err != nil {
		return err
	}
	err = k.store.Write(ctx, func(tx *db.Tx) error { return k.audit(tx, order, app.ActionExportAudit, 0, string(detail)) })
	if err != nil {
		return err
	}
	rows, err := newCSV(to, auditHeader)
	if err != nil {
		return err
	}
	listing.Limit = auditAPage
	for {
		page, err := k.store.Read().ListAudit(ctx, listing)
		if err != nil {
			return err
		}
		numbers, err := k.numbersIn(ctx, page.Rows)
		if err != nil {
			return err
		}
		for i, row := range page.Rows {
			previous, err := k.previousMAC(ctx, page.Rows, i)
			if err != nil {
				return err
			}
			if err := rows.Write(auditCells(row, numbers[row.UserID], previous)); err != nil {
				return err
			}
		}
		if err := flush(rows); err != nil {
			return err
		}
		if err := between(); err != nil || page.Next == 0 {
			return err
		}
		listing.Before = page.Next
	}
}

// previousMAC is the MAC of the row before one of a page, which is newest first. A filter may have left that row out.
func (k *Keeper) previousMAC(ctx context.Context, page []app.AuditRow, i int) ([]byte, error) {
	before := page[i].Sequence - 1
	if i+1 < len(page) && page[i+1].Sequence == before {
		return page[i+1].MAC, nil
	}
	mac, err := k.store.Read().AuditMAC(ctx, before)
	if app.KindOf(err) == app.NotFound {
		return nil, nil // the first row, or somebody has deleted the one before: a check says which
	}
	return mac, err
}

func auditCells(row app.AuditRow, user string, previous []byte) []string {
	cells := []string{
		strconv.FormatInt(row.Sequence, 10), row.At.UTC().Format(time.RFC3339Nano), row.Operator, string(row.Action), user, row.Reason,
		row.Detail, hex.EncodeToString(row.MAC), hex.EncodeToString(previous), strconv.FormatInt(int64(row.AppID), 10),
		strconv.FormatInt(int64(row.UserID), 10),
	}
	for i, cell := range cells {
		cells[i] = marked(cell)
	}
	return cells
}

// marked is harmless, and can be taken back: whatever begins with the mark has one more.
func marked(cell string) string {
	if strings.HasPrefix(cell, "'") {
		return "'" + cell
	}
	return harmless(cell)
}

func unmarked(cell string) string { return strings.TrimPrefix(cell, "'") }

// numbersIn are the user numbers of those whom rows are about.
func (k *Keeper) numbersIn(ctx context.Context, rows []app.AuditRow) (map[app.UserID]string, error) {
	var ids []app.UserID
	for _, row := range rows {
		if row.UserID != 0 {
			ids = append(ids, row.UserID)
		}
	}
	users, err := k.store.Read().UsersByID(ctx, ids)
	numbers := map[app.UserID]string{}
	for id, user := range users {
		numbers[id] = user.Number.String()
	}
	return numbers, err
}
