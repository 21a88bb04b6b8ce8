package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"wxkeeper/app/job"
)

func TestTheRecordTellsHowJobsFared(t *testing.T) {
	r := runner(t)
	r.Record = &job.Record{}
	ctx, stop := context.WithCancel(t.Context())
	wake := make(chan struct{}, 1)
	runs := 0
	r.Run(ctx,
		job.Job{Name: "good", Every: time.Hour, Wake: wake, Run: func(context.Context) error {
			if runs++; runs == 1 {
				return errors.New("no luck")
			}
			told := r.Record.Runs(time.Now())
			if !told[0].Running || told[0].Problem != "no luck" || !told[0].GoodAt.IsZero() {
				t.Errorf("while it runs: %+v", told[0])
			}
			stop()
			return nil
		}},
		job.Job{Name: "bad", Every: time.Minute, Run: func(context.Context) error {
			defer func() { wake <- struct{}{} }()
			panic("worse")
		}})
	now := time.Now()
	told := r.Record.Runs(now)
	if len(told) != 2 || told[0].Name != "good" || told[0].Problem != "" || told[0].Running || told[0].StartedAt.IsZero() ||
		told[0].GoodAt.IsZero() {
		t.Errorf("the good one: %+v", told)
	}
	if told[1].Problem != "panic: worse" {
		t.Errorf("the bad one: %+v", told[1])
	}
	if told[0].Holder == 0 || told[0].Holder != told[1].Holder {
		t.Errorf("holders %d and %d", told[0].Holder, told[1].Holder)
	}
	if next := told[1].NextAt.Sub(now); next <= 0 || next > time.Minute {
		t.Errorf("the next turn comes in %v", next)
	}
}
