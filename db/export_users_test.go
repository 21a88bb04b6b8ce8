package db

import "context"

// EntriesRead is how much of an index one page of users reads at most.
const EntriesRead = entriesRead

// ListingPlans tells how the engine would find the users of a listing.
func ListingPlans(t interface{ Fatal(...any) }, d *DB, ask UserListing) (lines []string) {
	walks, err := d.read.walks(context.Background(), ask)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range walks {
		for _, r := range w.ranges {
			query, arguments := w.query(r, 10)
			lines = append(lines, Plan(t, d, query, arguments...)...)
		}
	}
	return lines
}
