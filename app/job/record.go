package job

import (
	"slices"
	"strings"
	"sync"
	"time"

	"wxkeeper/app"
)

// Record remembers how the jobs of a Runner fared last. It is safe for concurrent use.
type Record struct {
	mu    sync.Mutex
	began time.Time
	runs  []app.JobRun
}

// Runs tells how each job fared, in the order in which they were given.
func (r *Record) Runs(now time.Time) []app.JobRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := slices.Clone(r.runs)
	for i := range told {
		every := told[i].Every
		told[i].NextAt = r.began.Add(every * (now.Sub(r.began)/every + 1))
	}
	return told
}

func (r *Record) begin(holder int64, now time.Time, jobs []Job) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.runs = now, nil
	for _, job := range jobs {
		r.runs = append(r.runs, app.JobRun{Name: job.Name, Every: job.Every, Holder: holder})
	}
}

func (r *Record) started(name string, now time.Time) {
	r.change(name, func(run *app.JobRun) { run.StartedAt, run.Running = now, true })
}

func (r *Record) ended(name string, now time.Time, err error) {
	r.change(name, func(run *app.JobRun) {
		run.Took, run.Running, run.Problem = now.Sub(run.StartedAt), false, ""
		if err != nil {
			run.Problem, _, _ = strings.Cut(err.Error(), "\n") // a panic's stack is for the log
			return
		}
		run.GoodAt = now
	})
}

func (r *Record) change(name string, do func(*app.JobRun)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.runs {
		if r.runs[i].Name == name {
			do(&r.runs[i])
		}
	}
}
