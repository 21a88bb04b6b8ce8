package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"wxkeeper/app/wechat"
)

// FaultKind is one way in which WeChat, or the road to it, fails.
type FaultKind string

// The faults that can be ordered. FaultTruncated and FaultCut lose the answer of a call that WeChat did carry out: its code
// is used. The others happen before WeChat has looked at the code.
const (
	FaultLatency   FaultKind = "latency"   // only slow: the Delay, then the usual answer
	FaultBusy      FaultKind = "busy"      // errcode -1
	FaultQuota     FaultKind = "quota"     // errcode 45011
	Fault5xx       FaultKind = "5xx"       // HTTP 502 of a gateway
	FaultEmpty     FaultKind = "empty"     // HTTP 200, text/html; charset=gbk, no body
	FaultHTML      FaultKind = "html"      // HTTP 200 and a page, as a proxy in between shows it
	FaultTruncated FaultKind = "truncated" // half of the body, then the connection ends
	FaultCut       FaultKind = "cut"       // the connection is reset without an answer
	FaultHang      FaultKind = "hang"      // no answer until the caller gives up
)

// breakdowns play the faults that spoil a call's answer. FaultLatency and FaultHang spoil only its time.
var breakdowns = map[FaultKind]func(*WeChat, http.ResponseWriter, *http.Request){
	FaultLatency:   (*WeChat).answerCode2Session,
	FaultBusy:      answerErrcode(wechat.ErrcodeBusy),
	FaultQuota:     answerErrcode(wechat.ErrcodeMinuteQuota),
	Fault5xx:       answerBadGateway,
	FaultEmpty:     answerNothing,
	FaultHTML:      answerPage,
	FaultTruncated: answerHalf,
	FaultCut:       resetConnection,
	FaultHang:      abandon,
}

// Fault is a failure on demand.
type Fault struct {
	Kind  FaultKind
	Calls int           // how many calls it hits; 0: all until cleared
	Delay time.Duration // waited before it, at most MaxDelay
}

// MaxDelay bounds a fault's Delay, and how long FaultHang holds a call whose caller never gives up.
const MaxDelay = time.Minute

const (
	maxFaults     = 100
	maxFaultCalls = 1_000_000
)

// Fail orders a fault for the coming calls of code2Session. Faults queue: a call is hit by the oldest one that has calls
// left. It fails if the kind is unknown, a number is out of range, or too many faults wait.
func (w *WeChat) Fail(fault Fault) error {
	if err := fault.check(); err != nil {
		return err
	}
	return w.faults.add(fault)
}

// Faults lists what waits, with the calls left.
func (w *WeChat) Faults() []Fault { return w.faults.list() }

// ClearFaults takes every fault back, also from calls that are being held: those go on as if nothing had been ordered.
func (w *WeChat) ClearFaults() { w.faults.clear() }

func (f Fault) check() error {
	switch {
	case breakdowns[f.Kind] == nil:
		return fmt.Errorf("unknown fault %q", f.Kind)
	case f.Calls < 0 || f.Calls > maxFaultCalls:
		return fmt.Errorf("calls must be 0 to %d", maxFaultCalls)
	case f.Delay < 0 || f.Delay > MaxDelay:
		return fmt.Errorf("delay must be 0 to %v", MaxDelay)
	case f.Kind == FaultLatency && f.Delay == 0:
		return fmt.Errorf("%s needs a delay", FaultLatency)
	}
	return nil
}

// faultQueue holds the faults that wait for calls.
type faultQueue struct {
	mu      sync.Mutex
	waiting []Fault
	cleared chan struct{} // closed when the faults ordered so far are taken back
}

// orderedFault is a fault that hits one call, until it is taken back.
type orderedFault struct {
	Fault
	cleared <-chan struct{}
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

func (q *faultQueue) take() (fault orderedFault, hit bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return orderedFault{}, false
	}
	first := &q.waiting[0]
	fault = orderedFault{*first, q.cleared}
	switch first.Calls {
	case 0:
	case 1:
		q.waiting = q.waiting[1:]
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

func answerErrcode(errcode int) func(*WeChat, http.ResponseWriter, *http.Request) {
	return func(w *WeChat, response http.ResponseWriter, _ *http.Request) {
		w.refuse(errcode).write(response)
	}
}

func answerBadGateway(_ *WeChat, response http.ResponseWriter, _ *http.Request) {
	http.Error(response, "Bad Gateway", http.StatusBadGateway)
}

// answerNothing is what was recorded for a wrong appid or secret (Eric-Guo/wechat, pull request 184).
func answerNothing(_ *WeChat, response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/html; charset=gbk")
}

func answerPage(_ *WeChat, response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintln(response, "<!DOCTYPE html><html><head><title>Network notice</title></head><body>Please sign in.</body></html>")
}

// answerHalf announces the whole body, so that the caller can tell that the rest is missing.
func answerHalf(w *WeChat, response http.ResponseWriter, request *http.Request) {
	body := compactJSON(w.code2Session(request))
	response.Header().Set("Content-Type", "text/plain")
	response.Header().Set("Content-Length", strconv.Itoa(len(body)))
	response.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

// resetConnection ends the connection with a RST where it can, as a broken network does, instead of a polite FIN.
func resetConnection(w *WeChat, response http.ResponseWriter, request *http.Request) {
	w.code2Session(request)
	connection, _, err := http.NewResponseController(response).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	connection.Close()
}

func abandon(*WeChat, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
