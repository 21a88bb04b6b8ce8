package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"strconv"

	"wxkeeper/app/wechat"
)

// breakdowns play the faults that spoil a call's answer. FaultLatency and FaultHang spoil only its time.
var breakdowns = map[FaultKind]func(call, Fault){
	FaultLatency:   answerAsUsual,
	FaultBusy:      func(c call, _ Fault) { answerErrcode(c, Fault{Errcode: wechat.ErrcodeBusy}) },
	FaultQuota:     func(c call, _ Fault) { answerErrcode(c, Fault{Errcode: wechat.ErrcodeMinuteQuota}) },
	FaultErrcode:   answerErrcode,
	Fault5xx:       answerBadGateway,
	FaultEmpty:     answerNothing,
	FaultHTML:      answerPage,
	FaultTruncated: answerHalf,
	FaultCut:       cutConnection,
	FaultRefuse:    func(c call, _ Fault) { resetConnection(c.response) },
	FaultHang:      func(call, Fault) { panic(http.ErrAbortHandler) },
}

func answerAsUsual(c call, _ Fault) { c.carryOut().write(c.response) }

func answerErrcode(c call, fault Fault) {
	if fault.Errcode == wechat.ErrcodeAddressNotAllowed {
		c.wechat.refuseAddress(callerOf(c.request)).write(c.response)
		return
	}
	c.wechat.refuse(fault.Errcode).write(c.response)
}

func answerBadGateway(c call, _ Fault) {
	http.Error(c.response, "Bad Gateway", http.StatusBadGateway)
}

// answerNothing is what was recorded for a wrong appid or secret (Eric-Guo/wechat, pull request 184).
func answerNothing(c call, _ Fault) {
	c.response.Header().Set("Content-Type", "text/html; charset=gbk")
}

func answerPage(c call, _ Fault) {
	c.response.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintln(c.response, "<!DOCTYPE html><html><head><title>Network notice</title></head><body>Please sign in.</body></html>")
}

// answerHalf announces the whole body, so that the caller can tell that the rest is missing.
func answerHalf(c call, _ Fault) {
	body := compactJSON(c.carryOut())
	c.response.Header().Set("Content-Type", "text/plain")
	c.response.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.response.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

func cutConnection(c call, _ Fault) {
	c.carryOut()
	resetConnection(c.response)
}

// resetConnection ends the connection with a RST where it can, as a broken network does, instead of a polite FIN.
func resetConnection(response http.ResponseWriter) {
	connection, _, err := http.NewResponseController(response).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	connection.Close()
}
