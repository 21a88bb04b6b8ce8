package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// ListEventsReading lists events, reading so little at a time that few rows meet every bound.
func ListEventsReading(ctx context.Context, d *DB, listing EventListing, rows, step int, hours int64) (EventPage, error) {
	return d.read.listEvents(ctx, listing, readingBounds{rows: rows, step: step, least: 1, hours: hours})
}

// ListAuditReading lists operators' actions, reading at most so many rows for a page.
func ListAuditReading(ctx context.Context, d *DB, listing AuditListing, rows int) (AuditPage, error) {
	return d.read.listAudit(ctx, listing, rows)
}

// CountedByMinuteReading counts events by minute, reading at most so many rows of a table.
func CountedByMinuteReading(
	ctx context.Context, d *DB, appID app.AppID, group CounterGroup, from, to time.Time, rows int,
) ([]MinuteCount, time.Time, error) {
	return d.read.countedByMinute(ctx, appID, group, from, to, rows)
}
