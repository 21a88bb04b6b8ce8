package db

import (
	"context"
	"math"
	"sort"
	"time"

	"wxkeeper/app"
)

const (
	auditRowsRead = 10_000 // rows that one page may read
	auditRowsPage = 500    // rows on a page at most

	// auditDisorder is by how much two rows may stand in another order than that of their times: a time is taken before its
	// turn to be written comes.
	auditDisorder = time.Minute
)

// AuditListing asks for a page of operators' actions. A field left empty asks for any.
type AuditListing struct {
	Operator string
	Action   app.Action
	UserID   app.UserID // on whom
	From     time.Time  // at this time or later
	To       time.Time  // before this time
	Before   int64      // the newest of those with a smaller sequence number than this; 0: the newest of all
	Limit    int        // 1 to 500
}

// AuditPage is a part of a list of operators' actions.
type AuditPage struct {
	Rows    []app.AuditRow // newest first
	Next    int64          // goes on where the page ends, as Before; 0: there is nothing further
	Stopped bool           // the page ended because enough was read, not because it was full: there may be more from Next on
}

// ListAudit lists operators' actions, the newest first. However few match, it reads a bounded number of rows.
func (q *Queries) ListAudit(ctx context.Context, listing AuditListing) (AuditPage, error) {
	return q.listAudit(ctx, listing, auditRowsRead)
}

func (q *Queries) listAudit(ctx context.Context, listing AuditListing, mayRead int) (AuditPage, error) {
	limit := max(1, min(listing.Limit, auditRowsPage))
	from, to, err := q.auditBounds(ctx, listing)
	if err != nil {
		return AuditPage{}, err
	}
	page := AuditPage{}
	if page.Next, err = q.auditEdge(ctx, listing.UserID, from, to, mayRead); err != nil {
		return AuditPage{}, err
	}
	where, arguments := auditConditions(listing)
	page.Rows, err = q.auditRows(ctx, where+" AND sequence >= ? AND sequence < ? ORDER BY sequence DESC LIMIT ?",
		append(arguments, max(from, page.Next), to, limit+1)...)
	if len(page.Rows) > limit {
		page.Rows = page.Rows[:limit]
		page.Next = page.Rows[limit-1].Sequence
	}
	page.Stopped = page.Next != 0 && len(page.Rows) < limit
	return page, err
}

// auditEdge is the last row that a page may read, 0 if it may read all there are.
func (q *Queries) auditEdge(ctx context.Context, user app.UserID, from, to int64, mayRead int) (int64, error) {
	where, arguments := auditConditions(AuditListing{UserID: user})
	var edge int64
	err := q.one(ctx, "SELECT sequence FROM audit WHERE "+where+
		" AND sequence >= ? AND sequence < ? ORDER BY sequence DESC LIMIT 1 OFFSET ?",
		append(arguments, from, to, mayRead-1), &edge)
	if app.KindOf(err) == app.NotFound {
		return 0, nil
	}
	return edge, err
}

func auditConditions(listing AuditListing) (where string, arguments []any) {
	where = "1 = 1"
	if listing.UserID != 0 {
		where, arguments = "user_id = ?", []any{listing.UserID}
	}
	if listing.Operator != "" {
		where += " AND operator = ?"
		arguments = append(arguments, listing.Operator)
	}
	if listing.Action != "" {
		where += " AND action = ?"
		arguments = append(arguments, string(listing.Action))
	}
	if !listing.From.IsZero() {
		where += " AND at >= ?"
		arguments = append(arguments, milliseconds(listing.From))
	}
	if !listing.To.IsZero() {
		where += " AND at < ?"
		arguments = append(arguments, milliseconds(listing.To))
	}
	return where, arguments
}

// auditBounds are the sequence numbers between which the rows of a listing are, from <= sequence < to. The table has no index
// of times: its order is theirs, so that a time is found by halving.
func (q *Queries) auditBounds(ctx context.Context, listing AuditListing) (from, to int64, err error) {
	from, to = 1, math.MaxInt64
	if listing.Before != 0 {
		to = listing.Before
	}
	if !listing.From.IsZero() {
		if from, err = q.auditAt(ctx, listing.From.Add(-auditDisorder)); err != nil {
			return 0, 0, err
		}
	}
	if !listing.To.IsZero() {
		after, err := q.auditAt(ctx, listing.To.Add(auditDisorder))
		return from, min(to, after), err
	}
	return from, to, nil
}

// auditAt is the sequence number of the first row at a time or later, one more than the last row's if there is none.
func (q *Queries) auditAt(ctx context.Context, at time.Time) (int64, error) {
	var last int64
	if err := q.one(ctx, `SELECT COALESCE(MAX(sequence), 0) FROM audit`, nil, &last); err != nil {
		return 0, err
	}
	var failed error
	found := sort.Search(int(last), func(i int) bool {
		var written int64
		err := q.one(ctx, `SELECT at FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT 1`, []any{i + 1}, &written)
		if err != nil {
			failed = err
		}
		return written >= milliseconds(at)
	})
	return int64(found) + 1, failed
}
