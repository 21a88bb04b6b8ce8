// Package pace keeps long work in the background from taking the machine away from requests.
package pace

import (
	"context"
	"time"
)

// Pace rests between the steps of long work, so that the steps take no more than a share of the time. It is one goroutine's.
type Pace struct {
	share float64
	began time.Time // of the present step
}

// Of is the pace of work that may take a share of one processor's time, above 0 and at most 1. The first step begins now.
func Of(share float64) *Pace { return &Pace{share: share, began: time.Now()} }

// Rest ends a step and returns when the next may begin, or with the reason why the context ended.
func (p *Pace) Rest(ctx context.Context) error {
	worked := time.Since(p.began)
	rest := time.NewTimer(time.Duration(float64(worked) * (1 - p.share) / p.share))
	defer rest.Stop()
	select {
	case <-rest.C:
		p.began = time.Now()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
