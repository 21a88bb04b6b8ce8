package wechat

import (
	"maps"
	"strconv"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

// OtherErrcode stands for every errcode that this program does not know.
const OtherErrcode = "other"

// Call is by what calls of the API are counted, each try by itself.
type Call struct {
	API     string  // last part of the path
	Problem Problem // "": there was a usable answer
	Errcode string  // "0", one that is known, or OtherErrcode; "": there was none
}

// calls counts calls since the start. What it counts by comes from this package alone, so that it stays small.
type calls struct {
	lock   sync.Mutex
	counts map[Call]uint64
	times  map[string]*meter.Histogram // of the calls of each API that were answered
	bounds []int64
}

func newCalls() *calls {
	c := &calls{counts: map[Call]uint64{}, times: map[string]*meter.Histogram{}}
	for _, bound := range latencyBounds {
		c.bounds = append(c.bounds, int64(bound))
	}
	return c
}

func (c *calls) note(api string, took time.Duration, failure *Error) {
	call := Call{API: api, Errcode: "0"}
	if failure != nil {
		call.Problem, call.Errcode = failure.Problem, failure.countedErrcode()
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.counts[call]++
	if failure != nil && failure.Problem != ProblemErrcode {
		return
	}
	if c.times[api] == nil {
		c.times[api] = meter.NewHistogram(c.bounds...)
	}
	c.times[api].Observe(int64(took))
}

func (e *Error) countedErrcode() string {
	if e.Problem != ProblemErrcode {
		return ""
	}
	if _, known := errcodes[e.Errcode]; known {
		return strconv.Itoa(e.Errcode)
	}
	return OtherErrcode
}

// Calls tells how often each API was called since the start, by what came of it, and how many nanoseconds the answers took.
func (c *Client) Calls() (counts map[Call]uint64, times map[string]meter.Distribution) {
	c.calls.lock.Lock()
	defer c.calls.lock.Unlock()
	times = map[string]meter.Distribution{}
	for api, histogram := range c.calls.times {
		times[api] = histogram.Distribution()
	}
	return maps.Clone(c.calls.counts), times
}

// LimitHits counts the calls that were not made.
func (c *Client) LimitHits() *meter.Tally[app.Limit] { return c.limits }

// LoginsWaiting tells how many logins wait for WeChat now.
func (c *Client) LoginsWaiting() int64 { return c.logins.Load() }
