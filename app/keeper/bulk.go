package keeper

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	bulkPiece   = 100                 // users dealt with in one transaction: what else is to be written waits so long
	bulkTurn    = 45 * time.Second    // how long a turn works at most
	bulkWaiting = 20                  // jobs that may wait or run
	bulkKept    = 90 * 24 * time.Hour // how long a job that has ended is told about

	longestFilter  = 1000 // bytes of a filter as JSON
	longestProblem = 500  // bytes
)

// StartBulkRelogin orders a new login of everybody selected: a job ends the sessions they have now. Expected is how many users
// the operator was told a filter matches. A search counts as the users it finds now, since what was searched for, perhaps a
// phone number, is not to be kept. Malformed, with the field: the selection is empty, too large or two at once, or the search
// finds nobody or too many; TooManyRequests: too many jobs wait.
func (k *Keeper) StartBulkRelogin(
	ctx context.Context, order Order, selection app.Selection, expected int,
) (app.BulkJobID, error) {
	if err := order.check(); err != nil {
		return 0, err
	}
	selection, err := k.settled(ctx, selection)
	if err != nil {
		return 0, err
	}
	if selection.Filter == nil {
		expected = len(selection.Numbers)
	}
	job := app.BulkJob{
		AppID: k.app.ID, Action: app.ActionReloginMany, Operator: order.Operator, Reason: order.Reason, Selection: selection,
		Expected: max(expected, 0), State: app.BulkWaiting,
	}
	err = k.store.Write(ctx, func(tx *db.Tx) error {
		job.ID = app.BulkJobID(tx.NewID(k.clock()))
		return k.storeBulkJob(ctx, tx, order, job)
	})
	if err != nil {
		return 0, err
	}
	select {
	case k.bulkWake <- struct{}{}:
	default: // it is being woken already
	}
	return job.ID, nil
}

// settled is a selection as it is kept: each number once, and no search.
func (k *Keeper) settled(ctx context.Context, selection app.Selection) (app.Selection, error) {
	numbers, filter := selection.Numbers, selection.Filter
	if (len(numbers) > 0) == (filter != nil) || len(numbers) > app.SelectionLimit {
		return selection, app.FailField(app.Malformed, "", "selection")
	}
	if filter != nil && strings.TrimSpace(filter.Search) == "" {
		stored := *filter
		stored.Search = ""
		return app.Selection{Filter: &stored}, checkFilter(stored)
	}
	if filter != nil {
		var err error
		if numbers, err = k.found(ctx, *filter); err != nil {
			return selection, err
		}
	}
	return app.Selection{Numbers: slices.Compact(slices.Sorted(slices.Values(numbers)))}, nil
}

func checkFilter(filter app.UserFilter) error {
	text, err := json.Marshal(filter)
	if err != nil || len(text) > longestFilter {
		return app.FailField(app.Malformed, "", "selection")
	}
	return nil
}

// found lists the users a search finds.
func (k *Keeper) found(ctx context.Context, filter app.UserFilter) ([]app.UserNumber, error) {
	var numbers []app.UserNumber
	for next := ""; ; {
		page, err := k.matching(ctx, filter, app.RoleOperator, next, db.UsersPerPage)
		if err != nil {
			return nil, err
		}
		for _, user := range page.Users {
			numbers = append(numbers, user.Number)
		}
		next = page.Next
		switch {
		case len(numbers) > app.SelectionLimit, len(numbers) == 0 && next == "":
			return nil, app.FailField(app.Malformed, "", "search")
		case next == "":
			return numbers, nil
		}
	}
}

func (k *Keeper) matching(
	ctx context.Context, filter app.UserFilter, role app.Role, after string, limit int,
) (db.UserPage, error) {
	listing := k.UserListing(filter, role)
	listing.Order, listing.After, listing.Limit = app.ByFirstSeen, after, limit
	return k.store.Read().ListUsers(ctx, listing)
}

func (k *Keeper) storeBulkJob(ctx context.Context, tx *db.Tx, order Order, job app.BulkJob) error {
	unended, err := tx.UnendedBulkJobs(ctx, k.app.ID)
	if err != nil {
		return err
	}
	if unended >= bulkWaiting {
		return app.Fail(app.TooManyRequests, "")
	}
	if err := tx.InsertBulkJob(job); err != nil {
		return err
	}
	return k.auditBulk(tx, order, job.Action, bulkDetail{Job: job.ID, Users: job.Expected, Filter: job.Selection.Filter})
}

// bulkDetail is what the log tells about a job, as JSON.
type bulkDetail struct {
	Job    app.BulkJobID   `json:"job,string"`
	Users  int             `json:"users"`
	Filter *app.UserFilter `json:"filter,omitempty"`
}

func (k *Keeper) auditBulk(tx *db.Tx, order Order, action app.Action, detail bulkDetail) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	return k.audit(tx, order, action, 0, string(text))
}

// BulkJob tells about a job.
func (k *Keeper) BulkJob(ctx context.Context, id app.BulkJobID) (app.BulkJob, error) {
	return k.store.Read().BulkJob(ctx, k.app.ID, id)
}

// BulkJobs lists the jobs of the last 90 days, newest first.
func (k *Keeper) BulkJobs(ctx context.Context, limit int) ([]app.BulkJob, error) {
	return k.store.Read().BulkJobs(ctx, k.app.ID, limit)
}

// CancelBulk ends a job before its next piece. What is done stays done. AlreadyExists: it has ended already.
func (k *Keeper) CancelBulk(ctx context.Context, order Order, id app.BulkJobID) error {
	if err := order.check(); err != nil {
		return err
	}
	return k.store.Write(ctx, func(tx *db.Tx) error {
		job, err := tx.BulkJob(ctx, k.app.ID, id)
		if err != nil {
			return err
		}
		if job.Ended() {
			return app.Fail(app.AlreadyExists, "")
		}
		cancelled := job
		cancelled.End(app.BulkCancelled, k.clock())
		if err := tx.UpdateBulkJob(job, cancelled); err != nil {
			return err
		}
		return k.auditBulk(tx, order, app.ActionCancelJob, bulkDetail{Job: id, Users: job.Done})
	})
}

// BulkWake says that there is a new job, for whoever calls RunBulk.
func (k *Keeper) BulkWake() <-chan struct{} { return k.bulkWake }

// RunBulk works on the jobs that wait, the oldest first, for 45 seconds at most. Each piece of users is one transaction with
// how far the job has come, so it may be stopped at any time, and goes on where it was: nobody is left out or dealt with twice.
func (k *Keeper) RunBulk(ctx context.Context) error {
	turn, cancel := context.WithTimeout(ctx, bulkTurn)
	defer cancel()
	for {
		job, err := k.store.Read().NextBulkJob(turn, k.app.ID)
		if app.KindOf(err) == app.NotFound {
			return nil
		}
		if err == nil {
			err = k.advance(turn, job)
		}
		if turn.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// advance does the next piece of a job. A piece that cannot be done ends its job, and no other.
func (k *Keeper) advance(ctx context.Context, job app.BulkJob) error {
	err := k.reloginSome(ctx, job)
	if err != nil && ctx.Err() == nil && app.KindOf(err) != app.NotFound {
		k.log.Error("bulk job failed", "job", int64(job.ID), "error", err)
		failed := job
		failed.End(app.BulkFailed, k.clock())
		failed.Problem = problemOf(err)
		err = k.store.Write(ctx, func(tx *db.Tx) error { return tx.UpdateBulkJob(job, failed) })
	}
	if app.KindOf(err) == app.NotFound {
		return nil // the job was cancelled meanwhile
	}
	return err
}

// problemOf is an error in the first line of its own words.
func problemOf(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return strings.ToValidUTF8(text[:min(len(text), longestProblem)], "")
}

// reloginSome ends the sessions of the next users of a job. NotFound: somebody else has moved the job or ended it.
func (k *Keeper) reloginSome(ctx context.Context, job app.BulkJob) error {
	piece, err := k.nextPiece(ctx, job)
	if err != nil {
		return err
	}
	begun := context.WithoutCancel(ctx)
	err = k.store.Write(ctx, func(tx *db.Tx) error {
		after := job
		after.State, after.Position = app.BulkRunning, piece.next
		for _, number := range piece.users {
			if err := k.reloginOf(begun, tx, &after, number); err != nil {
				return err
			}
		}
		if piece.next == "" {
			after.End(app.BulkDone, k.clock())
		}
		return tx.UpdateBulkJob(job, after)
	})
	k.verified.forgetAll()
	return err
}

// reloginOf ends the sessions a user had when the order was given, and counts them. Whoever has logged in since needs nothing:
// so nobody is forced twice whom the walk comes by again because their key changed its state.
func (k *Keeper) reloginOf(ctx context.Context, tx *db.Tx, job *app.BulkJob, number app.UserNumber) error {
	user, err := tx.UserByNumber(ctx, k.app.ID, number)
	if app.KindOf(err) == app.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	sessions, err := tx.SessionsOfUser(ctx, user.ID)
	if err != nil {
		return err
	}
	older := slices.IndexFunc(sessions, func(session app.Session) bool { return app.ID(session.ID) < app.ID(job.ID) })
	if older < 0 && len(sessions) > 0 {
		return nil
	}
	sessions = sessions[max(older, 0):] // the newest come first
	job.Done++
	job.Devices += len(sessions)
	if err := tx.Announce(k.clock(), app.UserForcedRelogin, user, ""); err != nil {
		return err
	}
	return k.endAll(tx, user, sessions, k.event(app.Caller{}, app.DeviceForced))
}

// piece is the users a job deals with in one transaction, and where it goes on; "": there are no more.
type piece struct {
	users []app.UserNumber
	next  string
}

func (k *Keeper) nextPiece(ctx context.Context, job app.BulkJob) (piece, error) {
	if job.Selection.Filter != nil {
		return k.nextMatching(ctx, job)
	}
	numbers := job.Selection.Numbers
	from, _ := strconv.Atoi(job.Position) // none: with the first
	to := min(from+bulkPiece, len(numbers))
	if to == len(numbers) {
		return piece{users: numbers[from:]}, nil
	}
	return piece{users: numbers[from:to], next: strconv.Itoa(to)}, nil
}

// nextMatching leaves out who came after the order was given.
func (k *Keeper) nextMatching(ctx context.Context, job app.BulkJob) (piece, error) {
	page, err := k.matching(ctx, *job.Selection.Filter, app.RoleOperator, job.Position, bulkPiece)
	next := piece{next: page.Next}
	for _, user := range page.Users {
		if app.ID(user.ID) < app.ID(job.ID) {
			next.users = append(next.users, user.Number)
		}
	}
	return next, err
}
