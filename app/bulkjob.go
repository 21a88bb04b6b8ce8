package app

import "time"

// BulkJobID names a bulk job.
type BulkJobID ID

// BulkState is how far a bulk job has come.
type BulkState string

// The states of a bulk job. What was done before one was cancelled or failed stays done.
const (
	BulkWaiting   BulkState = "waiting"
	BulkRunning   BulkState = "running"
	BulkDone      BulkState = "done"
	BulkCancelled BulkState = "cancelled"
	BulkFailed    BulkState = "failed"
)

// Selection says whom a bulk job is about: the users with these numbers, or all that match a filter.
type Selection struct {
	Numbers []UserNumber `json:"numbers,omitempty"`
	Filter  *UserFilter  `json:"filter,omitempty"`
}

// SelectionLimit is how many users may be selected by their numbers.
const SelectionLimit = 5000

// BulkJob is one action on many users, done piece by piece.
type BulkJob struct {
	ID        BulkJobID
	AppID     AppID
	Action    Action
	Operator  string
	Reason    string
	Selection Selection // of a job that has ended: without the numbers
	Position  string    // where the walk over the selection goes on
	Expected  int       // how many users there were said to be at the start
	Done      int       // users dealt with
	Devices   int       // of theirs that lost their login
	State     BulkState
	Problem   string // why the job failed
	EndedAt   time.Time
}

// CreatedAt is when the order was given.
func (j BulkJob) CreatedAt() time.Time { return ID(j.ID).Time() }

// Ended says whether the job does nothing any more.
func (j BulkJob) Ended() bool { return !j.EndedAt.IsZero() }

// End ends the job. The numbers of those selected serve nobody from then on, and are forgotten.
func (j *BulkJob) End(state BulkState, at time.Time) {
	j.State, j.EndedAt, j.Selection.Numbers = state, at, nil
}
