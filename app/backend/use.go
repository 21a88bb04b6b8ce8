package backend

import (
	"context"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	writtenEvery = time.Second
	callsWaiting = 10_000 // counters that may wait to be written; what finds no room is not counted
)

// call is one counter: what a back end asked for, in an hour.
type call struct {
	appID   app.AppID
	backEnd app.BackEndID
	what    string
	hour    time.Time
}

// CountRefused is counted for a call that was refused, whatever it was about.
const CountRefused = "refused"

// Note counts a call of a back end, and that it was used. It waits for no disk: a signature costs none.
func (r *Register) Note(of app.BackEnd, appID app.AppID, what string) {
	now := r.clock()
	r.lock.Lock()
	defer r.lock.Unlock()
	one := call{appID, of.ID, what, now.Truncate(time.Hour)}
	r.count(one, 1)
	if now.Sub(of.UsedAt) >= app.Coarse {
		r.used[of.ID] = now
	}
}

// count lets n calls wait to be written, if there is room.
func (r *Register) count(one call, n int64) {
	if _, known := r.waiting[one]; !known && len(r.waiting) >= callsWaiting {
		r.limits.Add(app.LimitBackEndCounts, uint64(n))
		return
	}
	r.waiting[one] += n
}

func (r *Register) run() {
	defer close(r.stopped)
	tick := time.NewTicker(writtenEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.write()
		case <-r.stop:
			r.write()
			return
		}
	}
}

// write stores what waits. What cannot be written waits on, in the same bounds.
func (r *Register) write() {
	waiting, used := r.take()
	if len(waiting) == 0 {
		return
	}
	err := r.store.Write(context.Background(), func(tx *db.Tx) error {
		for one, n := range waiting {
			tx.CountBackEnd(one.appID, one.backEnd, one.what, one.hour, n)
		}
		for id, at := range used {
			if err := tx.NoteBackEndUse(id, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		if !r.failing {
			r.log.Error("calls of back ends not counted yet", "error", err)
		}
		r.putBack(waiting, used)
	}
	r.failing = err != nil
}

func (r *Register) take() (map[call]int64, map[app.BackEndID]time.Time) {
	r.lock.Lock()
	defer r.lock.Unlock()
	waiting, used := r.waiting, r.used
	r.waiting, r.used = map[call]int64{}, map[app.BackEndID]time.Time{}
	return waiting, used
}

func (r *Register) putBack(waiting map[call]int64, used map[app.BackEndID]time.Time) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for one, n := range waiting {
		r.count(one, n)
	}
	for id, at := range used {
		if at.After(r.used[id]) {
			r.used[id] = at
		}
	}
}
