package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	soakPart    = "soak"
	soakRate    = 200.0
	soakSamples = 120 // over the whole time
)

// soak plays the mixed load at a low rate for a long time, with the dashboard open, and looks whether anything grows.
func (b *bench) soak(ctx context.Context) error {
	rate := b.options.PerSecond
	if rate == 0 {
		rate = soakRate
	}
	stop, err := b.openDashboard(ctx)
	if err != nil {
		return err
	}
	watching, ended := context.WithCancel(ctx)
	seen := make(chan []holding, 1)
	go func() { seen <- b.watchHoldings(watching, b.options.Soak/soakSamples) }()
	s := mixed
	s.name = fmt.Sprintf("mixed for %v, the dashboard open", b.options.Soak)
	l := load{clients: b.options.Clients, perSecond: rate, lasts: b.options.Soak}
	one, err := b.measure(ctx, b.server, s, l)
	ended()
	held := <-seen
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	m := b.summary(s, l, b.server, []round{one})
	b.report.note(m)
	b.report.atMost("soak: errors and wrong bodies", float64(m.Errors+m.Wrong), 0, "")
	for _, kind := range []struct {
		name  string
		of    func(holding) int64
		unit  float64
		bound float64
	}{
		{"memory", func(h holding) int64 { return h.rss }, mb, 1.1},
		{"descriptors", func(h holding) int64 { return h.descriptors }, 1, 1.1},
		{"write-ahead log", func(h holding) int64 { return h.log }, mb, 1.1},
	} {
		early, late, most := growth(held, kind.of)
		if early == 0 {
			continue // not known on this system
		}
		goal := fmt.Sprintf("soak: %s of the last quarter (most %.1f), of the second quarter's", kind.name, float64(most)/kind.unit)
		b.report.atMost(goal, late/early, kind.bound, "")
	}
	return nil
}

// growth is the median of the second and of the last quarter, since the first one warms up, and the most.
func growth(held []holding, of func(holding) int64) (early, late float64, most int64) {
	var all []float64
	for _, one := range held {
		all = append(all, float64(of(one)))
		most = max(most, of(one))
	}
	quarter := len(all) / 4
	return median(all[quarter : 2*quarter]), median(all[len(all)-quarter:]), most
}

// holding is what a server has at a moment.
type holding struct{ rss, descriptors, log int64 }

// watchHoldings looks at the server now and then until the context ends.
func (b *bench) watchHoldings(ctx context.Context, every time.Duration) (seen []holding) {
	pid := b.server.process.command.Process.Pid
	for at := time.Now().Add(every); sleepUntil(ctx, at); at = at.Add(every) {
		now, _ := usageOf(pid)
		open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		one := holding{rss: now.rss, descriptors: int64(len(open)), log: logBytes(b.ground.Folder)}
		seen = append(seen, one)
		b.progress("soak: %d of %d, memory %.1f MB, %d descriptors, log %.1f MB", len(seen), soakSamples, float64(one.rss)/mb,
			one.descriptors, float64(one.log)/mb)
	}
	return seen
}

func logBytes(folder string) (bytes int64) {
	logs, _ := filepath.Glob(filepath.Join(folder, "*-wal")) // the pattern is well formed
	for _, path := range logs {
		if info, err := os.Stat(path); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// openDashboard is what an operator's open browser does: it watches events as they come, and looks at a page a second.
func (b *bench) openDashboard(ctx context.Context) (stop func() error, err error) {
	if err := b.signIn(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- open(ctx, b.server.process.address, same(4, b.anyListing()), untilStopped, 1).first }()
	go func() { ended <- b.watchEvents(ctx) }()
	return func() error {
		cancel()
		return errors.Join(<-ended, <-ended)
	}, nil
}

// watchEvents reads the stream of events until the context ends. A stream that ends before is begun anew, as browsers do.
func (b *bench) watchEvents(ctx context.Context) error {
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.url("/admin/events/live"), nil)
		if err != nil {
			return err
		}
		request.Header.Set("Cookie", b.office.cookie)
		response, err := http.DefaultTransport.RoundTrip(request)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("stream of events: status %d", response.StatusCode)
		}
	}
	return nil
}
