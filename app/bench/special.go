package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const mb = 1 << 20

// firstAnswer measures how soon a server that is started again answers, and what it holds when nobody asks.
func (b *bench) firstAnswer(ctx context.Context) error {
	var took []float64
	for range b.options.Rounds {
		b.progress("start again")
		if err := b.restart(ctx); err != nil {
			return err
		}
		connection := dial(b.server.process.address, time.Now().Add(patience))
		err := b.server.phones[0].verify()(connection)
		took = append(took, inMS(time.Since(b.server.process.startedAt)))
		connection.close()
		if err != nil {
			return err
		}
	}
	b.report.atMost("first answer after a start", median(took), 100, "ms")
	return nil
}

// restart stops the server and starts it on the same data: tokens stay good.
func (b *bench) restart(ctx context.Context, more ...string) error {
	if err := b.server.process.stop(); err != nil {
		return err
	}
	again, err := b.startServer(ctx, more...)
	if err != nil {
		return err
	}
	b.server.process = again.process
	return nil
}

// settling is how long a server that was just started is left alone.
const settling = 3 * time.Second

// idle measures what a server holds that was started and is not asked, in memory and on disk.
func (b *bench) idle(ctx context.Context) error {
	b.progress("idle")
	if err := b.restart(ctx); err != nil {
		return err
	}
	if !sleepUntil(ctx, time.Now().Add(settling)) {
		return ctx.Err()
	}
	b.report.atMost("disk, a user", float64(bytesIn(b.ground.Folder)/int64(b.ground.Users)), 1400, "bytes")
	if now, known := usageOf(b.server.process.command.Process.Pid); known {
		b.report.atMost("memory, idle", float64(now.rss)/mb, 25, "MB")
	}
	return nil
}

// single measures one getinfo at a time, beside what the disk and the processor need for it.
func (b *bench) single(ctx context.Context) error {
	flush, err := flushTime(b.ground.Folder)
	if err != nil {
		return err
	}
	one := getInfos
	one.name = "getinfo, one at a time"
	measured, err := b.inTurn(ctx, one, load{clients: 1, lasts: b.options.Lasts}, b.targets()...)
	if err != nil {
		return err
	}
	m := measured[0]
	b.report.atLeast("flushes a write, one client", value(m.FlushesPerWrite), 0.95, "")
	if m.CPUSeconds == nil || m.Requests == 0 {
		return nil
	}
	work := *m.CPUSeconds / float64(m.Requests) * 1000
	again, err := flushTime(b.ground.Folder)
	if err != nil {
		return err
	}
	floor := (inMS(flush)+inMS(again))/2 + work
	b.report.atMost(fmt.Sprintf("getinfo, one at a time: p50, of flush and work (%.2f ms)", floor), m.P50/floor, 1.5, "")
	return nil
}

func value(measured *float64) float64 {
	if measured == nil {
		return 0
	}
	return *measured
}

// flushTime is the median of what the disk needs to make 8 KB durable in a file that does not grow.
func flushTime(folder string) (time.Duration, error) {
	const block, blocks, flushes = 8 << 10, 64, 100
	file, err := os.CreateTemp(filepath.Clean(folder), "flush-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	text := make([]byte, block)
	var took []float64
	for i := range blocks + flushes {
		if _, err := file.WriteAt(text, int64(i%blocks)*block); err != nil {
			return 0, err
		}
		began := time.Now()
		if i < blocks-1 {
			continue
		}
		if err := flush(file); err != nil {
			return 0, err
		}
		if i >= blocks {
			took = append(took, float64(time.Since(began)))
		}
	}
	return time.Duration(median(took)), nil
}

// gathering measures how many writes share a flush, and what a disk costs whose flushes take longer.
func (b *bench) gathering(ctx context.Context) error {
	const slower = time.Millisecond
	for _, one := range []struct {
		clients int
		bound   float64
	}{{32, 0.25}, {256, 0.05}} {
		if one.clients > len(b.server.phones) {
			continue
		}
		s := getInfos
		s.name = fmt.Sprintf("getinfo, %d clients", one.clients)
		fast, err := b.inTurn(ctx, s, load{clients: one.clients, lasts: b.options.Lasts}, b.targets()...)
		if err != nil {
			return err
		}
		if err := b.restart(ctx, "--slow-flush", slower.String()); err != nil {
			return err
		}
		s.name += fmt.Sprintf(", %v more a flush", slower)
		slow, err := b.inTurn(ctx, s, load{clients: one.clients, lasts: b.options.Lasts}, b.server)
		if err != nil {
			return err
		}
		if err := b.restart(ctx); err != nil {
			return err
		}
		b.report.atMost("flushes a write, "+s.name, value(slow[0].FlushesPerWrite), one.bound, "")
		b.report.atLeast("rate, "+s.name, slow[0].PerSecond/fast[0].PerSecond, 0.7, "of the fast disk's")
	}
	return nil
}

// half measures latencies in an open loop at half of the rate that a closed one reached.
func (b *bench) half(ctx context.Context) error {
	for _, s := range []scenario{logins, getInfos, verifies} {
		most, err := b.fastest(ctx, s)
		if err != nil {
			return err
		}
		clients := min(4*b.options.Clients, len(b.server.phones))
		s.name += ", half of the maximum"
		measured, err := b.inTurn(ctx, s, load{clients: clients, perSecond: most / 2, lasts: b.options.Lasts}, b.server)
		if err != nil {
			return err
		}
		b.report.atMost(s.name+": p99", measured[0].P99, 15, "ms")
		b.report.atMost(s.name+": max", measured[0].Max, 60, "ms")
	}
	return nil
}

// fastest is the rate of a closed loop, as measured in this run.
func (b *bench) fastest(ctx context.Context, s scenario) (float64, error) {
	for _, m := range b.report.measured {
		if m.Scenario == s.name && m.Target == serverName && m.Offered == 0 {
			return m.PerSecond, nil
		}
	}
	measured, err := b.inTurn(ctx, s, load{clients: b.options.Clients, lasts: b.options.Lasts}, b.server)
	if err != nil {
		return 0, err
	}
	return max(measured[0].PerSecond, 1), nil
}

// far measures logins while WeChat takes its time.
func (b *bench) far(ctx context.Context) error {
	const latency, clients = 100 * time.Millisecond, 512
	b.weChat.setLatency(latency)
	defer b.weChat.setLatency(b.options.Latency)
	s := logins
	s.name = "login, WeChat 100 ms away"
	measured, err := b.inTurn(ctx, s, load{clients: clients, lasts: max(b.options.Lasts, 10*latency)}, b.targets()...)
	if err == nil {
		most := clients / latency.Seconds()
		b.report.atLeast(fmt.Sprintf("%s, %d clients: of %.0f a second", s.name, clients, most), measured[0].PerSecond/most, 0.75, "")
	}
	return err
}

// hanging measures what else is served while WeChat hangs. Logins go on at the same rate all the time.
func (b *bench) hanging(ctx context.Context) error {
	for _, s := range []scenario{getInfos, verifies} {
		with := s
		s.name, with.name = s.name+", WeChat answers", s.name+", WeChat hangs"
		err := b.withAndWithout(ctx, s, with, 0.9, func(ctx context.Context, hangs bool) (func() error, error) {
			b.weChat.hangs.Store(hangs)
			stop := b.steadyLogins(ctx)
			if hangs && !sleepUntil(ctx, time.Now().Add(time.Second)) {
				return stop, ctx.Err()
			}
			return func() error {
				b.weChat.hangs.Store(false)
				stop()
				return b.waitForWeChat(ctx, hangs)
			}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// steadyLogins log in at a low rate until they are stopped, whatever comes of it.
func (b *bench) steadyLogins(ctx context.Context) (stop func() error) {
	const clients, perSecond = 512, 50
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	steps, _ := loginSteps(b, b.server, clients, 0) // logins need no preparation that could fail
	go func() {
		defer close(ended)
		open(ctx, b.server.process.address, steps, untilStopped, perSecond)
	}()
	return func() error {
		cancel()
		<-ended
		return nil
	}
}

// waitForWeChat waits until logins succeed again: the server asks only now and then while WeChat gives no answer.
func (b *bench) waitForWeChat(ctx context.Context, hung bool) error {
	if !hung {
		return nil
	}
	connection := dial(b.server.process.address, time.Now().Add(2*patience))
	defer connection.close()
	for ends := time.Now().Add(patience); ; {
		_, err := b.server.logIn(connection, b.server.somebody(), true)
		if err == nil || time.Now().After(ends) {
			return err
		}
		if !sleepUntil(ctx, time.Now().Add(200*time.Millisecond)) {
			return ctx.Err()
		}
	}
}

// busyOffice measures what the dashboard costs the phones.
func (b *bench) busyOffice(ctx context.Context) error {
	s, with := mixed, mixed
	s.name, with.name = "mixed, nobody at the dashboard", "mixed, a busy dashboard"
	err := b.withAndWithout(ctx, s, with, 0.85, func(ctx context.Context, busy bool) (func() error, error) {
		if !busy {
			return func() error { return nil }, nil
		}
		return b.dashboardLoad(ctx)
	})
	if err == nil {
		last := b.report.measured[len(b.report.measured)-1]
		b.report.atMost(last.Scenario+": the longest answer", last.Max, 100, "ms")
	}
	return err
}

// withAndWithout measures a scenario in turn without and with something beside it, which begin begins.
func (b *bench) withAndWithout(
	ctx context.Context, without, with scenario, goal float64, begin func(ctx context.Context, with bool) (stop func() error, err error),
) error {
	l := load{clients: b.options.Clients, lasts: b.options.Lasts}
	rounds := map[bool][]round{}
	for number := range b.options.Rounds {
		for _, beside := range []bool{number%2 == 1, number%2 == 0} {
			b.progress("%s, round %d of %d", map[bool]string{false: without.name, true: with.name}[beside], number+1, b.options.Rounds)
			stop, err := begin(ctx, beside)
			if err != nil {
				return err
			}
			one, err := b.measure(ctx, b.server, without, l)
			if stopped := stop(); err == nil {
				err = stopped
			}
			if err != nil {
				return err
			}
			rounds[beside] = append(rounds[beside], one)
		}
	}
	quiet, loud := b.summary(without, l, b.server, rounds[false]), b.summary(with, l, b.server, rounds[true])
	b.report.note(quiet)
	b.report.note(loud)
	b.report.atLeast(with.name+": rate, of that without", ratio(loud, quiet), goal, "")
	return nil
}
