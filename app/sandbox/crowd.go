package sandbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// CrowdOptions say how busy a crowd is. The zero value suits an idle laptop.
type CrowdOptions struct {
	Client   *http.Client  // nil: one of its own with a timeout
	MinPause time.Duration // between two acts of one phone; 0: 2 s
	MaxPause time.Duration // 0: 10 s, and never less than MinPause
}

// The pauses of people who have nothing better to do.
const (
	defaultMinPause = 2 * time.Second
	defaultMaxPause = 10 * time.Second
)

// Crowd is people with phones who use the mini program at random intervals: they open it, tap, send their phone number and
// steps, come back after a while, take another device; now and then a key expires or is replaced by somebody else.
type Crowd struct {
	visitors []*visitor
	client   *http.Client
	minPause time.Duration
	maxPause time.Duration
	counts   counts
}

// NewCrowd gathers people whose mini program talks to the keeper's API at baseURL.
func NewCrowd(phones []*Phone, baseURL string, options CrowdOptions) *Crowd {
	crowd := &Crowd{
		client:   options.Client,
		minPause: durationOr(options.MinPause, defaultMinPause),
		maxPause: durationOr(options.MaxPause, defaultMaxPause),
	}
	if crowd.client == nil {
		crowd.client = ownClient(len(phones))
	}
	for _, phone := range phones {
		crowd.visitors = append(crowd.visitors, &visitor{MiniProgram: NewMiniProgram(phone, baseURL, crowd.client)})
	}
	return crowd
}

// ownClient keeps a connection for each phone, and shares none with the rest of the program.
func ownClient(phones int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = phones
	return &http.Client{Transport: transport, Timeout: clientTimeout}
}

// Run lets everybody live until ctx is done, and returns when the last one has stopped.
func (c *Crowd) Run(ctx context.Context) {
	defer c.client.CloseIdleConnections()
	var living sync.WaitGroup
	for _, visitor := range c.visitors {
		living.Go(func() { c.live(ctx, visitor) })
	}
	living.Wait()
}

// Tally tells what the crowd has done so far.
func (c *Crowd) Tally() Tally { return c.counts.tally(len(c.visitors)) }

// live ends before ctx is done only for a person who has left WeChat.
func (c *Crowd) live(ctx context.Context, visitor *visitor) {
	notAllAtOnce := rand.N(c.minPause)
	for goOn := wait(ctx, notAllAtOnce); goOn && !visitor.Phone().Closed(); {
		err := act(ctx, visitor)
		if ctx.Err() != nil {
			return // the keeper may be stopping too: not its failure
		}
		c.counts.add(err)
		goOn = wait(ctx, c.pauseAfter(err))
	}
}

// pauseAfter obeys a Retry-After, and tolerates a MaxPause below MinPause.
func (c *Crowd) pauseAfter(err error) time.Duration {
	pause := c.minPause + rand.N(max(c.maxPause-c.minPause, 0)+1)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		pause = max(pause, refusal.RetryAfter)
	}
	return pause
}

func wait(ctx context.Context, pause time.Duration) (goOn bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
