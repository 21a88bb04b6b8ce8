package web

import (
	"container/list"
	"errors"
	"io"
	"net/netip"
	"sync"

	"wxkeeper/app"
)

// uploads bounds what pictures take while they are read and made small. One address may send a few at a time. Where their bytes become too
// many, whoever of those still sending began first is told to come again: who sends slowly, or nothing at all, keeps nobody waiting.
type uploads struct {
	mu        sync.Mutex
	bytes     int
	ofAddress map[netip.Prefix]int
	sending   list.List // of *upload, the one that began first in front
}

// upload is one of them.
type upload struct {
	all     *uploads
	address netip.Prefix
	place   *list.Element // among those still sending
	bytes   int
	stop    func() // ends the waiting for more of it
	stopped bool
}

// begin gives an upload to be ended. It may be stopped until it is whole. False: the address sends enough of them already.
func (u *uploads) begin(address string, stop func()) (one *upload, begun bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	one = &upload{all: u, address: app.Network(address), stop: stop}
	if u.ofAddress[one.address] == uploadsOfAddress {
		return nil, false
	}
	u.ofAddress[one.address]++
	one.place = u.sending.PushBack(one)
	return one, true
}

// hold counts bytes that have come. False: the upload was stopped, perhaps for these.
func (u *upload) hold(n int) bool {
	u.all.mu.Lock()
	defer u.all.mu.Unlock()
	for !u.stopped && u.all.bytes+n > uploadsBytes {
		first := u.all.sending.Front()
		if first == nil {
			return false
		}
		first.Value.(*upload).cut()
	}
	if u.stopped {
		return false
	}
	u.bytes += n
	u.all.bytes += n
	return true
}

// cut stops an upload. What it holds is free as soon as its handler hears of it.
func (u *upload) cut() {
	u.stopped = true
	u.forget()
	u.stop()
}

// forget takes it from those still sending, and its bytes from what all hold.
func (u *upload) forget() {
	u.all.sending.Remove(u.place)
	u.all.bytes -= u.bytes
	u.bytes = 0
}

// whole says that nothing more is to come. False: it was stopped before.
func (u *upload) whole() bool {
	u.all.mu.Lock()
	defer u.all.mu.Unlock()
	u.all.sending.Remove(u.place)
	return !u.stopped
}

// wasStopped says whether its sender is to come again.
func (u *upload) wasStopped() bool {
	u.all.mu.Lock()
	defer u.all.mu.Unlock()
	return u.stopped
}

// end makes room for others. Nothing stops the upload afterwards.
func (u *upload) end() {
	u.all.mu.Lock()
	defer u.all.mu.Unlock()
	u.forget()
	if u.all.ofAddress[u.address]--; u.all.ofAddress[u.address] == 0 {
		delete(u.all.ofAddress, u.address)
	}
}

var errUploadStopped = errors.New("too many uploads at once, and this one began first")

// held is the body of an upload, every byte of which counts.
type held struct {
	io.ReadCloser
	by *upload
}

func (h held) Read(into []byte) (int, error) {
	n, err := h.ReadCloser.Read(into)
	if n > 0 && !h.by.hold(n) {
		return 0, errUploadStopped
	}
	return n, err
}
