package sandbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// FaultKind is one way in which WeChat, or the road to it, fails.
type FaultKind string

// The faults that can be ordered. FaultTruncated and FaultCut lose the answer of a call that WeChat did carry out: its code
// is used, its key is reset. The others happen before WeChat has looked at the call.
const (
	FaultLatency   FaultKind = "latency"   // only slow: the Delay, then the usual answer
	FaultBusy      FaultKind = "busy"      // errcode -1
	FaultQuota     FaultKind = "quota"     // errcode 45011
	FaultErrcode   FaultKind = "errcode"   // the Errcode
	Fault5xx       FaultKind = "5xx"       // HTTP 502 of a gateway
	FaultEmpty     FaultKind = "empty"     // HTTP 200, text/html; charset=gbk, no body
	FaultHTML      FaultKind = "html"      // HTTP 200 and a page, as a proxy in between shows it
	FaultTruncated FaultKind = "truncated" // half of the body, then the connection ends
	FaultCut       FaultKind = "cut"       // the connection is reset without an answer
	FaultRefuse    FaultKind = "refuse"    // the connection is reset before the call has reached WeChat
	FaultHang      FaultKind = "hang"      // no answer until the caller gives up
)

// Fault is a failure on demand.
type Fault struct {
	Kind    FaultKind
	API     API           // the calls it hits; "": those of every API
	Calls   int           // how many calls it hits; 0: all until cleared
	Delay   time.Duration // waited before it, at most MaxDelay
	Errcode int           // of FaultErrcode alone
}

// MaxDelay bounds a fault's Delay, and how long FaultHang holds a call whose caller never gives up.
const MaxDelay = time.Minute

const (
	maxFaults     = 100
	maxFaultCalls = 1_000_000
)

// Fail orders a fault for the coming calls. Faults queue: a call is hit by the oldest one meant for it that has calls left.
// It fails if the kind or the API is unknown, a number is out of range, or too many faults wait.
func (w *WeChat) Fail(fault Fault) error {
	if err := fault.check(); err != nil {
		return err
	}
	return w.faults.add(fault)
}

// Faults lists what waits, with the calls left.
func (w *WeChat) Faults() []Fault { return w.faults.list() }

// ClearFaults takes every fault back, also from calls that are being held: those go on as if nothing had been ordered. An
// outage is none of them.
func (w *WeChat) ClearFaults() { w.faults.clear() }

// CutOff makes every call of every API hang (FaultHang) or be refused (FaultRefuse) until Reconnect. Faults that wait go on
// waiting.
func (w *WeChat) CutOff(kind FaultKind) error {
	if kind != FaultHang && kind != FaultRefuse {
		return fmt.Errorf("an outage is %s or %s, not %q", FaultHang, FaultRefuse, kind)
	}
	w.faults.cutOff(kind)
	return nil
}

// Reconnect ends what CutOff began. Calls that hang go on as if nothing had been.
func (w *WeChat) Reconnect() { w.faults.cutOff("") }

// Outage says how WeChat is cut off; "": it is not.
func (w *WeChat) Outage() FaultKind {
	w.faults.mu.Lock()
	defer w.faults.mu.Unlock()
	return w.faults.outage
}

func (f Fault) check() error {
	_, knownAPI := apis[f.API]
	switch {
	case breakdowns[f.Kind] == nil:
		return fmt.Errorf("unknown fault %q", f.Kind)
	case f.API != "" && !knownAPI:
		return fmt.Errorf("unknown API %q", f.API)
	case f.Calls < 0 || f.Calls > maxFaultCalls:
		return fmt.Errorf("calls must be 0 to %d", maxFaultCalls)
	case f.Delay < 0 || f.Delay > MaxDelay:
		return fmt.Errorf("delay must be 0 to %v", MaxDelay)
	case f.Kind == FaultLatency && f.Delay == 0:
		return fmt.Errorf("%s needs a delay", FaultLatency)
	case (f.Kind == FaultErrcode) != (f.Errcode != 0):
		return fmt.Errorf("an errcode other than 0 belongs to %s, and to nothing else", FaultErrcode)
	}
	return nil
}

// faultQueue holds the faults that wait for calls, and the outage that comes before them all.
type faultQueue struct {
	mu       sync.Mutex
	waiting  []Fault
	cleared  chan struct{} // closed when the faults ordered so far are taken back
	outage   FaultKind
	restored chan struct{} // closed when the outage is over, or another one begins
}

// orderedFault is a fault that hits one call, until it is taken back.
type orderedFault struct {
	Fault
	cleared <-chan struct{}
}

func newFaultQueue() *faultQueue {
	return &faultQueue{cleared: make(chan struct{}), restored: make(chan struct{})}
}

func (q *faultQueue) add(fault Fault) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxFaults {
		return fmt.Errorf("%d faults wait already", maxFaults)
	}
	q.waiting = append(q.waiting, fault)
	return nil
}

func (q *faultQueue) list() []Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.waiting)
}

func (q *faultQueue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = nil
	close(q.cleared)
	q.cleared = make(chan struct{})
}

func (q *faultQueue) cutOff(kind FaultKind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if kind == q.outage {
		return
	}
	q.outage = kind
	close(q.restored)
	q.restored = make(chan struct{})
}

func (q *faultQueue) take(api API) (fault orderedFault, hit bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outage != "" {
		return orderedFault{Fault{Kind: q.outage}, q.restored}, true
	}
	at := slices.IndexFunc(q.waiting, func(fault Fault) bool { return fault.API == "" || fault.API == api })
	if at < 0 {
		return orderedFault{}, false
	}
	first := &q.waiting[at]
	fault = orderedFault{*first, q.cleared}
	switch first.Calls {
	case 0:
	case 1:
		q.waiting = slices.Delete(q.waiting, at, at+1)
	default:
		first.Calls--
	}
	return fault, true
}

// hold keeps the call as long as the fault says, and tells whether the fault was taken back meanwhile.
func (f orderedFault) hold(ctx context.Context) (takenBack bool) {
	wait := f.Delay
	if f.Kind == FaultHang {
		wait = MaxDelay
	}
	if wait == 0 {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-f.cleared:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}
