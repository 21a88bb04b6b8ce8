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
// steps, come back after a while; now and then a key expires or is replaced by somebody else.
type Crowd struct {
	visitors []*MiniProgram
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
		crowd.visitors = append(crowd.visitors, NewMiniProgram(phone, baseURL, crowd.client))
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

func (c *Crowd) live(ctx context.Context, visitor *MiniProgram) {
	notAllAtOnce := rand.N(c.minPause)
	for goOn := wait(ctx, notAllAtOnce); goOn; {
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

// act does what one person does next. Whoever has no token opens the mini program first.
func act(ctx context.Context, visitor *MiniProgram) error {
	if visitor.Token() == "" {
		return visitor.Launch(ctx)
	}
	draw := rand.IntN(100)
	for _, habit := range habits {
		if draw -= habit.percent; draw < 0 {
			return habit.do(ctx, visitor)
		}
	}
	return tap(ctx, visitor)
}

// habits are what people do beside the tap that the article is about.
var habits = []struct {
	percent int
	do      func(context.Context, *MiniProgram) error
}{
	{12, sends(SealedPhone)},
	{12, sends(SealedRunData)},
	{6, sends(SealedProfile)},
	{5, sends(SealedGroupEnter)},
	{3, sends(SealedShareInfo)},
	{6, reopen},
	{5, comeBackLater},
	{3, useAnotherBackEnd},
	{2, logOut},
}

func tap(ctx context.Context, visitor *MiniProgram) error {
	_, err := visitor.User1(ctx)
	return err
}

func sends(kind SealedKind) func(context.Context, *MiniProgram) error {
	return func(ctx context.Context, visitor *MiniProgram) error {
		_, err := visitor.Send(ctx, kind)
		return err
	}
}

func reopen(ctx context.Context, visitor *MiniProgram) error { return visitor.Launch(ctx) }

func logOut(ctx context.Context, visitor *MiniProgram) error { return visitor.Logout(ctx) }

// comeBackLater is the article's case: the key has died while nobody looked.
func comeBackLater(ctx context.Context, visitor *MiniProgram) error {
	visitor.Phone().ExpireKey()
	return tap(ctx, visitor)
}

// useAnotherBackEnd is the case no wx.checkSession finds.
func useAnotherBackEnd(ctx context.Context, visitor *MiniProgram) error {
	visitor.Phone().RotateKey()
	return tap(ctx, visitor)
}
