package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// InsertBackupRun records how a scheduled backup fared.
func (t *Tx) InsertBackupRun(run app.BackupRun) error {
	_, err := t.change(`INSERT INTO backup_runs (id, took_ms, bytes, name, encrypted, problem) VALUES (?, ?, ?, ?, ?, ?)`,
		t.NewID(run.StartedAt), run.Took.Milliseconds(), run.Bytes, run.Name, run.Encrypted, run.Problem)
	return err
}

// BackupRuns lists how scheduled backups fared, newest first.
func (q *Queries) BackupRuns(ctx context.Context, limit int) ([]app.BackupRun, error) {
	return q.backupRuns(ctx, "ORDER BY id DESC LIMIT ?", limit)
}

// LastBackup tells of the newest scheduled backup that is there, also if something else went wrong with it. NotFound: none is.
func (q *Queries) LastBackup(ctx context.Context) (app.BackupRun, error) {
	runs, err := q.backupRuns(ctx, "WHERE name <> '' ORDER BY id DESC LIMIT 1")
	if err != nil || len(runs) == 0 {
		return app.BackupRun{}, orNotFound(err)
	}
	return runs[0], nil
}

// BackupFailingSince tells when the first of the failures came that no success has followed, and what the last one's problem was.
// A zero time: the newest run is good, or there is none.
func (q *Queries) BackupFailingSince(ctx context.Context) (since time.Time, problem string, err error) {
	newest, err := q.BackupRuns(ctx, 1)
	if err != nil || len(newest) == 0 || newest[0].Problem == "" {
		return time.Time{}, "", err
	}
	first, err := q.backupRuns(ctx,
		"WHERE id > (SELECT COALESCE(MAX(id), 0) FROM backup_runs WHERE problem = '') ORDER BY id LIMIT 1")
	if err != nil || len(first) == 0 {
		return time.Time{}, "", err
	}
	return first[0].StartedAt, newest[0].Problem, nil
}

func (q *Queries) backupRuns(ctx context.Context, which string, arguments ...any) ([]app.BackupRun, error) {
	var runs []app.BackupRun
	err := q.each(ctx, "SELECT id, took_ms, bytes, name, encrypted, problem FROM backup_runs "+which, arguments,
		func(scan func(...any) error) error {
			var id app.ID
			var took int64
			var run app.BackupRun
			err := scan(&id, &took, &run.Bytes, &run.Name, &run.Encrypted, &run.Problem)
			run.StartedAt, run.Took = id.Time(), time.Duration(took)*time.Millisecond
			runs = append(runs, run)
			return err
		})
	return runs, err
}

// ForgetBackupRunsBefore deletes what is known of runs before a time, but not of the newest backup that is there.
func (t *Tx) ForgetBackupRunsBefore(at time.Time) error {
	newest, err := t.LastBackup(context.Background())
	if app.KindOf(err) == app.NotFound {
		err = nil
	}
	if err != nil {
		return err
	}
	_, err = t.change(`DELETE FROM backup_runs WHERE id < ? AND id < ?`, app.FirstID(at), app.FirstID(newest.StartedAt))
	return err
}

func orNotFound(err error) error {
	if err == nil {
		return app.Fail(app.NotFound, "")
	}
	return err
}
