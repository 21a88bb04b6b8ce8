package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// Lease is the right to run one kind of work, held by one process until it expires. The fence grows with every new holder.
type Lease struct {
	Name      string
	Holder    int64
	Fence     int64
	ExpiresAt time.Time
}

// TakeLease takes or renews a lease. AlreadyExists: another holder has it. One that would last far longer than leases do was taken while a
// clock was ahead, and holds nobody up.
func (t *Tx) TakeLease(name string, holder int64, now time.Time, length time.Duration) (Lease, error) {
	lease := Lease{Name: name, Holder: holder, ExpiresAt: now.Add(length)}
	var held Lease
	err := t.one(context.Background(), `SELECT holder, fence, expires_at FROM leases WHERE name = ?`, []any{name},
		&held.Holder, &held.Fence, moment{&held.ExpiresAt})
	switch {
	case app.KindOf(err) == app.NotFound:
		lease.Fence = 1
		_, err = t.change(`INSERT INTO leases (name, holder, fence, expires_at) VALUES (?, ?, ?, ?)`,
			name, holder, lease.Fence, milliseconds(lease.ExpiresAt))
		return lease, err
	case err != nil:
		return lease, err
	case held.Holder != holder && held.ExpiresAt.After(now) && held.ExpiresAt.Before(now.Add(2*length)):
		return lease, app.Fail(app.AlreadyExists, "")
	}
	lease.Fence = held.Fence
	if held.Holder != holder {
		lease.Fence++
	}
	err = t.changeOne(`UPDATE leases SET holder = ?, fence = ?, expires_at = ? WHERE name = ? AND fence = ?`,
		holder, lease.Fence, milliseconds(lease.ExpiresAt), name, held.Fence)
	return lease, err
}

// GiveLeaseBack ends a lease early.
func (t *Tx) GiveLeaseBack(lease Lease) error {
	_, err := t.change(`UPDATE leases SET expires_at = 0 WHERE name = ? AND fence = ?`, lease.Name, lease.Fence)
	return err
}

// Leases lists all leases by name, those that have expired or were given back too.
func (q *Queries) Leases(ctx context.Context) ([]Lease, error) {
	var leases []Lease
	err := q.each(ctx, `SELECT name, holder, fence, expires_at FROM leases ORDER BY name LIMIT 100`, nil, func(scan func(...any) error) error {
		var lease Lease
		err := scan(&lease.Name, &lease.Holder, &lease.Fence, moment{&lease.ExpiresAt})
		leases = append(leases, lease)
		return err
	})
	return leases, err
}
