package wechat

import (
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// healthMinutes is how long the calls are remembered.
const healthMinutes = 60

// Health is how WeChat's API has answered this process lately. It holds no secret.
type Health struct {
	Minutes []HealthMinute // the last 60, oldest first, the running one last
	Breaker Breaker
	// AccessTokenUntil is until when the access token is used; zero: none is held, since none was needed or WeChat gave none.
	AccessTokenUntil time.Time
	LastFailure      *HealthFailure // the latest call without a usable answer; nil: none since the start
	LastRefusal      *HealthFailure // the latest refusal of our appid, secret, address or account, or by a quota; nil: none
}

// HealthMinute is one minute's calls, each try counted.
type HealthMinute struct {
	At        time.Time // when the minute began
	Calls     int
	Failed    int // without a usable answer: broken off, too late, unreadable, or "busy"
	latencies [len(latencyBounds) + 1]int
	slowest   time.Duration
	total     time.Duration
}

// HealthFailure is one call that failed.
type HealthFailure struct {
	At      time.Time
	API     string
	Problem Problem
	Errcode int
	Address string // ours, where WeChat does not allow it
}

// Breaker says whether calls are made at all.
type Breaker string

// The states of the breaker.
const (
	BreakerClosed  Breaker = "closed"  // calls are made
	BreakerOpen    Breaker = "open"    // WeChat was out of reach: none is made for the moment
	BreakerProbing Breaker = "probing" // one call tries whether WeChat is back
)

var breakers = map[gobreaker.State]Breaker{
	gobreaker.StateClosed: BreakerClosed, gobreaker.StateOpen: BreakerOpen, gobreaker.StateHalfOpen: BreakerProbing,
}

// latencyBounds are the upper ends of the histogram's steps.
var latencyBounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond,
	50 * time.Millisecond, 65 * time.Millisecond, 80 * time.Millisecond, 100 * time.Millisecond, 130 * time.Millisecond,
	160 * time.Millisecond, 200 * time.Millisecond, 250 * time.Millisecond, 300 * time.Millisecond, 400 * time.Millisecond,
	500 * time.Millisecond, 700 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second,
	5 * time.Second,
}

// HealthSummary is what several minutes have in common.
type HealthSummary struct {
	Calls, Failed int
	// Of the calls that were answered, "busy" included; 0: none was. Mean and Max are exact, P50 and P95 a little above the truth.
	Mean, P50, P95, Max time.Duration
}

// Summary sums up the last minutes, the running one included.
func (h Health) Summary(minutes int) HealthSummary {
	var sum HealthMinute
	for _, minute := range h.Minutes[max(0, len(h.Minutes)-minutes):] {
		sum.add(minute)
	}
	return sum.Summary()
}

func (m *HealthMinute) add(other HealthMinute) {
	m.Calls += other.Calls
	m.Failed += other.Failed
	m.total += other.total
	m.slowest = max(m.slowest, other.slowest)
	for i, n := range other.latencies {
		m.latencies[i] += n
	}
}

// Summary sums up the minute.
func (m HealthMinute) Summary() HealthSummary {
	summary := HealthSummary{Calls: m.Calls, Failed: m.Failed, Max: m.slowest, P50: m.percentile(50), P95: m.percentile(95)}
	if answered := m.answered(); answered > 0 {
		summary.Mean = m.total / time.Duration(answered)
	}
	return summary
}

func (m HealthMinute) answered() int {
	n := 0
	for _, some := range m.latencies {
		n += some
	}
	return n
}

// percentile is a latency that so many of a hundred answers did not exceed.
func (m HealthMinute) percentile(p int) time.Duration {
	wanted := (m.answered()*p + 99) / 100
	for i, n := range m.latencies {
		if wanted -= n; n > 0 && wanted <= 0 && i < len(latencyBounds) {
			return min(latencyBounds[i], m.slowest)
		}
	}
	return m.slowest
}

// health remembers the calls of a client.
type health struct {
	lock        sync.Mutex
	minutes     [healthMinutes]HealthMinute // by minute of the clock, in a ring
	lastFailure *HealthFailure
	lastRefusal *HealthFailure
}

// note remembers one call that was made. One that its caller gave up says nothing of WeChat.
func (h *health) note(api string, began time.Time, failure *Error) {
	now := time.Now()
	h.lock.Lock()
	defer h.lock.Unlock()
	minute := h.minute(now)
	if failure == nil {
		minute.answer(now.Sub(began))
		return
	}
	told := &HealthFailure{At: now, API: api, Problem: failure.Problem, Errcode: failure.Errcode, Address: failure.Address}
	switch class := failure.Class(); {
	case class == ClassCancelled:
		return
	case failure.Problem != ProblemErrcode:
		minute.Calls++
		minute.Failed++
		h.lastFailure = told
		return
	case class == ClassBusy:
		minute.Failed++
		h.lastFailure = told
	case failure.refusesToken(): // another one is fetched
	case class == ClassConfiguration || class == ClassQuota || class == ClassLimited:
		h.lastRefusal = told
	}
	minute.answer(now.Sub(began))
}

func (m *HealthMinute) answer(latency time.Duration) {
	m.Calls++
	m.total += latency
	m.slowest = max(m.slowest, latency)
	step := 0
	for step < len(latencyBounds) && latency > latencyBounds[step] {
		step++
	}
	m.latencies[step]++
}

// minute finds the minute of a time, emptied of what it held an hour ago.
func (h *health) minute(at time.Time) *HealthMinute {
	began := at.Truncate(time.Minute)
	minute := &h.minutes[at.Unix()/60%healthMinutes]
	if !minute.At.Equal(began) {
		*minute = HealthMinute{At: began}
	}
	return minute
}

// Health tells how WeChat has answered in the 60 minutes until now.
func (c *Client) Health(now time.Time) Health {
	told := Health{Breaker: breakers[c.breaker.State()]}
	if token, held := c.tokens.current(); held {
		told.AccessTokenUntil = token.ExpiresAt
	}
	h := c.health
	h.lock.Lock()
	defer h.lock.Unlock()
	for back := healthMinutes - 1; back >= 0; back-- {
		at := now.Add(-time.Duration(back) * time.Minute)
		minute := HealthMinute{At: at.Truncate(time.Minute)}
		if held := h.minutes[at.Unix()/60%healthMinutes]; held.At.Equal(minute.At) {
			minute = held
		}
		told.Minutes = append(told.Minutes, minute)
	}
	told.LastFailure, told.LastRefusal = h.lastFailure, h.lastRefusal // neither is ever changed
	return told
}
