package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/db"
)

func newBulkJob(of app.App, at time.Time) app.BulkJob {
	return app.BulkJob{
		ID: app.BulkJobID(app.NewID(at)), AppID: of.ID, Action: app.ActionReloginMany, Operator: "小王", Reason: "测试",
		Expected: 3, State: app.BulkWaiting,
	}
}

func TestBulkJobRoundTrip(t *testing.T) {
	store, one := open(t)
	read := func(id app.BulkJobID) app.BulkJob {
		t.Helper()
		got, err := store.Read().BulkJob(t.Context(), one.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, selection := range []app.Selection{
		{Numbers: []app.UserNumber{123456789, 987654321}}, {Filter: &app.UserFilter{}},
		{Filter: &app.UserFilter{KeyState: app.KeyDead, SeenFrom: start, Version: "12", Disabled: true}},
	} {
		before := newBulkJob(one, start)
		before.Selection = selection
		write(t, store, func(tx *db.Tx) error { return tx.InsertBulkJob(before) })
		if diff := cmp.Diff(before, read(before.ID)); diff != "" {
			t.Errorf("-stored +read\n%s", diff)
		}
		after := before
		after.Position, after.Done, after.Devices, after.Problem = "500", 499, 777, "no luck"
		after.End(app.BulkFailed, start.Add(time.Minute).Local())
		write(t, store, func(tx *db.Tx) error { return tx.UpdateBulkJob(before, after) })
		if diff := cmp.Diff(after, read(before.ID)); diff != "" {
			t.Errorf("-stored +read\n%s", diff)
		}
	}
}

func TestBulkJobMovesOnlyFromWhereItWas(t *testing.T) {
	store, one := open(t)
	waiting := newBulkJob(one, start)
	write(t, store, func(tx *db.Tx) error { return tx.InsertBulkJob(waiting) })
	running := waiting
	running.State, running.Position, running.Done = app.BulkRunning, "500", 500
	farther := running
	farther.Position, farther.Done = "1000", 1000
	cancelled := running
	cancelled.End(app.BulkCancelled, start)
	update := func(before, after app.BulkJob) error {
		return store.Write(t.Context(), func(tx *db.Tx) error { return tx.UpdateBulkJob(before, after) })
	}
	for i, step := range []struct {
		before, after app.BulkJob
		kind          app.Kind
	}{
		{running, farther, app.NotFound}, {waiting, running, 0}, {waiting, running, app.NotFound}, {running, farther, 0},
		{running, cancelled, app.NotFound}, {farther, cancelled, 0}, {farther, farther, app.NotFound},
	} {
		if err := update(step.before, step.after); (err == nil) != (step.kind == 0) || err != nil && app.KindOf(err) != step.kind {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

func TestBulkJobsTakeTurns(t *testing.T) {
	store, one := open(t)
	other, err := store.EnsureApp(t.Context(), "wxother", start)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := newBulkJob(other, start)
	jobs := []app.BulkJob{newBulkJob(one, start.Add(time.Second)), newBulkJob(one, start.Add(2*time.Second)), newBulkJob(one, start.Add(3*time.Second))}
	jobs[1].State = app.BulkRunning
	for _, job := range append(jobs, elsewhere) {
		write(t, store, func(tx *db.Tx) error { return tx.InsertBulkJob(job) })
	}
	for left := len(jobs); left > 0; left-- {
		n, err := store.Read().UnendedBulkJobs(t.Context(), one.ID)
		if err != nil || n != left {
			t.Errorf("%d jobs have not ended, want %d, %v", n, left, err)
		}
		next, err := store.Read().NextBulkJob(t.Context(), one.ID)
		if err != nil || next.ID != jobs[len(jobs)-left].ID {
			t.Fatalf("next is %+v, %v", next, err)
		}
		ended := next
		ended.End(app.BulkDone, start.Add(time.Duration(10-left)*time.Hour))
		write(t, store, func(tx *db.Tx) error { return tx.UpdateBulkJob(next, ended) })
	}
	if _, err := store.Read().NextBulkJob(t.Context(), one.ID); app.KindOf(err) != app.NotFound {
		t.Errorf("when all have ended: %v", err)
	}
	if _, err := store.Read().BulkJob(t.Context(), one.ID, elsewhere.ID); app.KindOf(err) != app.NotFound {
		t.Errorf("another app's: %v", err)
	}
	write(t, store, func(tx *db.Tx) error { return tx.ForgetBulkJobsBefore(start.Add(8 * time.Hour)) })
	listed, err := store.Read().BulkJobs(t.Context(), one.ID, 10)
	if err != nil || len(listed) != 2 || listed[0].ID != jobs[2].ID || listed[1].ID != jobs[1].ID {
		t.Errorf("listed are %+v, %v", listed, err)
	}
	if listed, err := store.Read().BulkJobs(t.Context(), one.ID, 1); err != nil || len(listed) != 1 {
		t.Errorf("%d listed, %v", len(listed), err)
	}
	if _, err := store.Read().BulkJob(t.Context(), other.ID, elsewhere.ID); err != nil {
		t.Errorf("a job that waits was forgotten: %v", err)
	}
}
