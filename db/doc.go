// Package db holds every SQL statement of the program. It promises that Write returns only after the change is on disk, that
// the read handle cannot write, and that one failing write harms none of its neighbours in the same commit. It knows rows,
// not rules: what may happen is decided in packages keeper and operator.
//
// SQL is portable by the rules of docs/decisions.md (no RETURNING, no auto-increment, epoch milliseconds, upserts through one
// helper), and what differs between engines is one dialect value.
//
// Errors are app.Errors: NotFound for no such row, AlreadyExists for a duplicate, StorageUnavailable for everything the disk
// or the engine did.
package db
