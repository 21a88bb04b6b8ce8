// Package pace keeps long work in the background from taking the machine away from requests.
package pace

import (
	"context"
	"time"
)

// Pace rests between the steps of long work, so that the steps take no more than a share of the time. It is one goroutine's.
type Pace struct {
	share    float64
	began    time.Time     // of the present step
	requests func() uint64 // nil: they are taken for granted
	seen     uint64        // of them, when the step began
}

// Of is the pace of work that may take a share of one processor's time, above 0 and at most 1. The first step begins now.
func Of(share float64) *Pace { return &Pace{share: share, began: time.Now()} }

// Beside is the pace of work that takes a share of the time while requests come in numbers, and else all of it. Requests tells how many
// there have been.
func Beside(requests func() uint64, share float64) *Pace {
	p := Of(share)
	p.requests, p.seen = requests, requests()
	return p
}

// quiet is how many requests a second nobody needs to rest for.
const quiet = 100

// Rest ends a step and returns when the next may begin, or with the reason why the context ended.
func (p *Pace) Rest(ctx context.Context) error {
	worked := time.Since(p.began)
	if p.isQuiet(worked) {
		p.begin()
		return context.Cause(ctx)
	}
	rest := time.NewTimer(time.Duration(float64(worked) * (1 - p.share) / p.share))
	defer rest.Stop()
	select {
	case <-rest.C:
		p.begin()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *Pace) isQuiet(during time.Duration) bool {
	return p.requests != nil && float64(p.requests()-p.seen) < quiet*during.Seconds()
}

func (p *Pace) begin() {
	p.began = time.Now()
	if p.requests != nil {
		p.seen = p.requests()
	}
}
