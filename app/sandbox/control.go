package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

const (
	maxControlBody = 64 << 10
	maxPhones      = 1000 // by control; from Go there is no limit
)

// control is the sandbox played by hand. It is for the machine it runs on: whoever can reach it can log in as anybody.
func (w *WeChat) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandbox/{$}", w.serveIndex)
	mux.HandleFunc("GET /sandbox/phones", w.servePhones)
	mux.HandleFunc("GET /sandbox/phones/{number}", w.withPhone(servePhone))
	mux.HandleFunc("GET /sandbox/phones/{number}/code", w.withPhone(serveCode))
	mux.HandleFunc("POST /sandbox/phones/{number}/code", w.withPhone(serveCode))
	mux.HandleFunc("GET /sandbox/phones/{number}/sealed", w.withPhone(serveSealed))
	mux.HandleFunc("POST /sandbox/phones/{number}/expire", w.withPhone(change((*Phone).ExpireKey)))
	mux.HandleFunc("POST /sandbox/phones/{number}/rotate", w.withPhone(change((*Phone).RotateKey)))
	mux.HandleFunc("POST /sandbox/phones/{number}/refresh", w.withPhone(change((*Phone).ReplaceKeyAtLogin)))
	mux.HandleFunc("POST /sandbox/phones/{number}/anonymous", w.withPhone(turn((*Phone).SetAnonymous)))
	mux.HandleFunc("POST /sandbox/phones/{number}/block", w.withPhone(turn((*Phone).SetBlocked)))
	mux.HandleFunc("POST /sandbox/phones/{number}/device", w.withPhone(serveSecondDevice))
	mux.HandleFunc("GET /sandbox/faults", w.serveFaults)
	mux.HandleFunc("POST /sandbox/faults", w.serveNewFault)
	mux.HandleFunc("DELETE /sandbox/faults", w.serveClearFaults)
	return loopbackOnly(http.NewCrossOriginProtection().Handler(mux))
}

// loopbackOnly refuses pages of the open web that reach us by a name of theirs that points to 127.0.0.1. No answer is worth
// keeping: even a GET may change what comes next.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if !loopback(request.Host) {
			http.Error(response, "the sandbox answers only to localhost", http.StatusForbidden)
			return
		}
		response.Header().Set("Cache-Control", "no-store")
		request.Body = http.MaxBytesReader(response, request.Body, maxControlBody)
		next.ServeHTTP(response, request)
	})
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}

func (w *WeChat) withPhone(serve func(*Phone, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		phone := w.phoneNumbered(request.PathValue("number"))
		if phone == nil {
			http.Error(response, "no such phone, see /sandbox/phones", http.StatusNotFound)
			return
		}
		serve(phone, response, request)
	}
}

// phoneNumbered finds the phone of a path. The developer tools' phone can be named before it has a number.
func (w *WeChat) phoneNumbered(text string) *Phone {
	if text == "mock" {
		return w.MockPhone(w.apps[0].Appid)
	}
	phones := w.Phones()
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > len(phones) {
		return nil
	}
	return phones[number-1]
}

func serveCode(phone *Phone, response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(response, phone.Login())
}

func serveSealed(phone *Phone, response http.ResponseWriter, request *http.Request) {
	kind := SealedKind(request.FormValue("kind"))
	if kind == "" {
		kind = SealedUserInfo
	}
	if payloads[kind] == nil {
		http.Error(response, "no such kind: "+sealedKinds, http.StatusBadRequest)
		return
	}
	writeJSON(response, http.StatusOK, phone.Collect(kind))
}

func change(do func(*Phone)) func(*Phone, http.ResponseWriter, *http.Request) {
	return func(phone *Phone, response http.ResponseWriter, request *http.Request) {
		do(phone)
		servePhone(phone, response, request)
	}
}

// turn sets what is on or off: on unless the request says on=false.
func turn(do func(*Phone, bool)) func(*Phone, http.ResponseWriter, *http.Request) {
	return func(phone *Phone, response http.ResponseWriter, request *http.Request) {
		do(phone, request.FormValue("on") != "false")
		servePhone(phone, response, request)
	}
}

func serveSecondDevice(phone *Phone, response http.ResponseWriter, request *http.Request) {
	platform := app.Platform(request.FormValue("platform"))
	if platform != app.PlatformUnknown && userAgents[platform] == "" {
		http.Error(response, "no such platform", http.StatusBadRequest)
		return
	}
	if len(phone.wechat.Phones()) >= maxPhones {
		http.Error(response, "enough phones", http.StatusConflict)
		return
	}
	writeJSON(response, http.StatusCreated, describe(phone.SecondDevice(Device{Platform: platform})))
}

func (w *WeChat) serveFaults(response http.ResponseWriter, _ *http.Request) {
	listed := []faultState{}
	for _, fault := range w.Faults() {
		listed = append(listed, faultState{fault.Kind, fault.Calls, fault.Delay.String()})
	}
	writeJSON(response, http.StatusOK, listed)
}

func (w *WeChat) serveNewFault(response http.ResponseWriter, request *http.Request) {
	fault, err := readFault(request)
	if err == nil {
		err = w.Fail(fault)
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	w.serveFaults(response, request)
}

func readFault(request *http.Request) (fault Fault, err error) {
	fault.Kind = FaultKind(request.FormValue("kind"))
	if text := request.FormValue("calls"); text != "" {
		if fault.Calls, err = strconv.Atoi(text); err != nil {
			return Fault{}, fmt.Errorf("calls is not a number: %q", text)
		}
	}
	if text := request.FormValue("delay"); text != "" {
		if fault.Delay, err = time.ParseDuration(text); err != nil {
			return Fault{}, fmt.Errorf("delay is not a duration such as 2s: %q", text)
		}
	}
	return fault, nil
}

func (w *WeChat) serveClearFaults(response http.ResponseWriter, request *http.Request) {
	w.ClearFaults()
	w.serveFaults(response, request)
}

func writeJSON(response http.ResponseWriter, status int, value any) {
	response.Header().Set("Content-Type", "application/json; charset=utf-8")
	response.WriteHeader(status)
	encoder := json.NewEncoder(response)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	encoder.Encode(value)
}
