package db

import (
	"context"
	"encoding/json"
	"time"

	"wxkeeper/app"
)

const bulkJobColumns = `id, app_id, action, operator, reason, selection, position, expected, done, devices, state, problem, ended_at`

// InsertBulkJob stores a job that waits.
func (t *Tx) InsertBulkJob(job app.BulkJob) error {
	selection, err := json.Marshal(job.Selection)
	if err != nil {
		return err
	}
	_, err = t.change("INSERT INTO bulk_jobs ("+bulkJobColumns+") VALUES "+rowsOf(13, 1),
		job.ID, job.AppID, string(job.Action), job.Operator, job.Reason, string(selection), job.Position, job.Expected,
		job.Done, job.Devices, string(job.State), job.Problem, milliseconds(job.EndedAt))
	return err
}

// UpdateBulkJob stores how far a job has come. NotFound: somebody else has moved it or ended it meanwhile.
func (t *Tx) UpdateBulkJob(before, after app.BulkJob) error {
	selection, err := json.Marshal(after.Selection)
	if err != nil {
		return err
	}
	return t.changeOne(`UPDATE bulk_jobs SET selection = ?, position = ?, done = ?, devices = ?, state = ?, problem = ?,
		ended_at = ? WHERE id = ? AND state = ? AND position = ?`,
		string(selection), after.Position, after.Done, after.Devices, string(after.State), after.Problem,
		milliseconds(after.EndedAt), before.ID, string(before.State), before.Position)
}

// BulkJob finds a job of an app.
func (q *Queries) BulkJob(ctx context.Context, appID app.AppID, id app.BulkJobID) (app.BulkJob, error) {
	return q.bulkJob(ctx, "app_id = ? AND id = ?", appID, id)
}

// NextBulkJob finds the job that is to be worked on: of those that have not ended, the oldest. NotFound: there is none.
func (q *Queries) NextBulkJob(ctx context.Context, appID app.AppID) (app.BulkJob, error) {
	return q.bulkJob(ctx, "app_id = ? AND state IN (?, ?) ORDER BY id LIMIT 1",
		appID, string(app.BulkWaiting), string(app.BulkRunning))
}

// UnendedBulkJobs counts the jobs of an app that wait or run.
func (q *Queries) UnendedBulkJobs(ctx context.Context, appID app.AppID) (int, error) {
	var n int
	err := q.one(ctx, `SELECT COUNT(*) FROM bulk_jobs WHERE app_id = ? AND state IN (?, ?)`,
		[]any{appID, string(app.BulkWaiting), string(app.BulkRunning)}, &n)
	return n, err
}

// BulkJobs lists the jobs of an app, newest first.
func (q *Queries) BulkJobs(ctx context.Context, appID app.AppID, limit int) ([]app.BulkJob, error) {
	return q.bulkJobs(ctx, "app_id = ? ORDER BY id DESC LIMIT ?", appID, limit)
}

// ForgetBulkJobsBefore forgets the jobs that ended before a time.
func (t *Tx) ForgetBulkJobsBefore(at time.Time) error {
	_, err := t.change(`DELETE FROM bulk_jobs WHERE state IN (?, ?, ?) AND ended_at < ?`,
		string(app.BulkDone), string(app.BulkCancelled), string(app.BulkFailed), milliseconds(at))
	return err
}

func (q *Queries) bulkJob(ctx context.Context, which string, arguments ...any) (app.BulkJob, error) {
	jobs, err := q.bulkJobs(ctx, which, arguments...)
	if err == nil && len(jobs) == 0 {
		err = app.Fail(app.NotFound, "")
	}
	if err != nil {
		return app.BulkJob{}, err
	}
	return jobs[0], nil
}

func (q *Queries) bulkJobs(ctx context.Context, which string, arguments ...any) ([]app.BulkJob, error) {
	var jobs []app.BulkJob
	err := q.each(ctx, "SELECT "+bulkJobColumns+" FROM bulk_jobs WHERE "+which, arguments,
		func(scan func(...any) error) error {
			var job app.BulkJob
			var selection string
			err := scan(&job.ID, &job.AppID, &job.Action, &job.Operator, &job.Reason, &selection, &job.Position, &job.Expected,
				&job.Done, &job.Devices, &job.State, &job.Problem, moment{&job.EndedAt})
			if err != nil {
				return err
			}
			jobs = append(jobs, job)
			return json.Unmarshal([]byte(selection), &jobs[len(jobs)-1].Selection)
		})
	return jobs, err
}
