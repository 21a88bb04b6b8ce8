package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// load says how a scenario is played.
type load struct {
	clients   int
	perSecond float64 // 0: each client asks again as soon as it has its answer
	lasts     time.Duration
}

// expected is about how many requests are made beforehand for each client. Where more are needed, they come round again.
func (l load) expected() int {
	const most, fastest = 200_000, 30_000
	perSecond := l.perSecond
	if perSecond == 0 {
		perSecond = fastest
	}
	return int(min(most, perSecond*l.lasts.Seconds())) / l.clients
}

// round is one measurement of one target.
type round struct {
	tally
	cpu     time.Duration
	ownCPU  time.Duration // of whoever asks, and of WeChat's stand-in
	rss     int64
	flushes int64
	known   bool // cpu, ownCPU and rss are
}

// measure plays a scenario once.
func (b *bench) measure(ctx context.Context, t *target, s scenario, l load) (round, error) {
	steps, err := s.steps(b, t, l.clients, l.expected())
	if err != nil {
		return round{}, err
	}
	before, err := t.process.readings()
	if err != nil {
		return round{}, fmt.Errorf("the %s has ended: %w", t.name, err)
	}
	pid := t.process.command.Process.Pid
	used, known := usageOf(pid)
	own, _ := usageOf(os.Getpid())
	watching, stop := context.WithCancel(ctx)
	most := make(chan int64, 1)
	go func() { most <- watchRSS(watching, pid) }()
	r := round{known: known}
	if l.perSecond > 0 {
		r.tally = open(ctx, t.process.address, steps, l.lasts, l.perSecond)
	} else {
		r.tally = closed(ctx, t.process.address, steps, l.lasts)
	}
	stop()
	r.rss = <-most
	if err := ctx.Err(); err != nil {
		return r, err
	}
	after, err := t.process.readings()
	if err != nil {
		return r, fmt.Errorf("the %s has ended: %w", t.name, err)
	}
	usedThen, _ := usageOf(pid)
	ownThen, _ := usageOf(os.Getpid())
	r.cpu, r.ownCPU, r.flushes = usedThen.cpu-used.cpu, ownThen.cpu-own.cpu, after.Flushes-before.Flushes
	return r, nil
}

// inTurn plays a scenario against each target in each round, every second round in the opposite order, and notes what came of it.
func (b *bench) inTurn(ctx context.Context, s scenario, l load, targets ...*target) ([]Measurement, error) {
	rounds := make([][]round, len(targets))
	order := make([]int, len(targets))
	for i := range order {
		order[i] = i
	}
	for number := range b.options.Rounds {
		for _, at := range order {
			b.progress("%s, %s, round %d of %d", s.name, targets[at].name, number+1, b.options.Rounds)
			one, err := b.measure(ctx, targets[at], s, l)
			if err != nil {
				return nil, err
			}
			rounds[at] = append(rounds[at], one)
		}
		slices.Reverse(order)
	}
	noted := make([]Measurement, len(targets))
	for i, t := range targets {
		noted[i] = b.summary(s, l, t, rounds[i])
		b.report.note(noted[i])
	}
	return noted, nil
}

// ratio is how the rates of two targets compare: the median of the rounds, each of which was measured side by side.
func ratio(one, other Measurement) float64 {
	var all []float64
	for i := range min(len(one.Rounds), len(other.Rounds)) {
		if other.Rounds[i] > 0 {
			all = append(all, one.Rounds[i]/other.Rounds[i])
		}
	}
	return median(all)
}

// median of an even number of values is the mean of the two in the middle; of none, 0.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
