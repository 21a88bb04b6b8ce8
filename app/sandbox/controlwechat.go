package sandbox

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"wxkeeper/app"
)

// order does what a request asks for, and shows what is in force then.
func order(do func(*http.Request) error, show http.HandlerFunc) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		if err := do(request); err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		show(response, request)
	}
}

func always(do func(), show http.HandlerFunc) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		do()
		show(response, request)
	}
}

func serveNothing(response http.ResponseWriter, _ *http.Request) {
	response.WriteHeader(http.StatusNoContent)
}

type faultState struct {
	Kind    FaultKind `json:"kind"`
	API     API       `json:"api,omitempty"`
	Calls   int       `json:"calls"`
	Delay   string    `json:"delay"`
	Errcode int       `json:"errcode,omitempty"`
}

func (w *WeChat) serveFaults(response http.ResponseWriter, _ *http.Request) {
	listed := []faultState{}
	for _, fault := range w.Faults() {
		listed = append(listed, faultState{fault.Kind, fault.API, fault.Calls, fault.Delay.String(), fault.Errcode})
	}
	writeJSON(response, http.StatusOK, listed)
}

func (w *WeChat) orderFault(request *http.Request) error {
	fault := Fault{Kind: FaultKind(request.FormValue("kind")), API: API(request.FormValue("api"))}
	var err error
	if fault.Calls, err = numberOf(request, "calls"); err != nil {
		return err
	}
	if fault.Errcode, err = numberOf(request, "errcode"); err != nil {
		return err
	}
	if text := request.FormValue("delay"); text != "" {
		if fault.Delay, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("delay is not a duration such as 2s: %q", text)
		}
	}
	return w.Fail(fault)
}

func (w *WeChat) serveOutage(response http.ResponseWriter, _ *http.Request) {
	writeJSON(response, http.StatusOK, map[string]FaultKind{"outage": w.Outage()})
}

func (w *WeChat) orderOutage(request *http.Request) error {
	return w.CutOff(FaultKind(request.FormValue("kind")))
}

func (w *WeChat) serveQuotas(response http.ResponseWriter, _ *http.Request) {
	writeJSON(response, http.StatusOK, w.DayQuotas())
}

func (w *WeChat) orderQuota(request *http.Request) error {
	calls, err := numberOf(request, "calls")
	if err != nil {
		return err
	}
	return w.SetDayQuota(API(request.FormValue("api")), calls)
}

func (w *WeChat) serveAddresses(response http.ResponseWriter, _ *http.Request) {
	writeJSON(response, http.StatusOK, append([]netip.Addr{}, w.AllowedAddresses()...))
}

func (w *WeChat) orderAddresses(request *http.Request) error {
	var addresses []netip.Addr
	request.ParseForm()
	for _, text := range request.Form["ip"] {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("ip is not an address: %q", text)
		}
		addresses = append(addresses, address)
	}
	if len(addresses) == 0 {
		return fmt.Errorf("no ip: to allow everybody, DELETE the list")
	}
	w.AllowAddresses(addresses...)
	return nil
}

// backOfficeState leaves out the Token and the EncodingAESKey: nobody who forgot them reads them here.
type backOfficeState struct {
	Appid          app.Appid `json:"appid"`
	PrefetchURL    string    `json:"prefetchURL"`
	PrefetchNewKey bool      `json:"prefetchNewKey"`
	PushURL        string    `json:"pushURL"`
}

func (w *WeChat) serveBackOffice(response http.ResponseWriter, _ *http.Request) {
	var states []backOfficeState
	for _, registered := range w.apps {
		prefetch := w.backOfficeOf(registered.Appid).prefetch
		states = append(states, backOfficeState{registered.Appid, prefetch.URL, prefetch.NewKey, w.PushURL(registered.Appid)})
	}
	writeJSON(response, http.StatusOK, states)
}

func (w *WeChat) orderPrefetch(request *http.Request) error {
	if err := checkAddress(request.FormValue("url")); err != nil {
		return err
	}
	return w.SetPrefetch(app.Appid(request.FormValue("appid")), Prefetch{
		URL:    request.FormValue("url"),
		NewKey: request.FormValue("newkey") == "true",
	})
}

func (w *WeChat) orderNoPrefetch(request *http.Request) error {
	return w.SetPrefetch(app.Appid(request.FormValue("appid")), Prefetch{})
}

func (w *WeChat) orderPush(request *http.Request) error {
	if err := checkAddress(request.FormValue("url")); err != nil {
		return err
	}
	return w.SetPush(request.Context(), app.Appid(request.FormValue("appid")), PushSettings{
		URL:            request.FormValue("url"),
		Token:          app.Secret(request.FormValue("token")),
		EncodingAESKey: app.Secret(request.FormValue("aeskey")),
	})
}

func (w *WeChat) orderNoPush(request *http.Request) error {
	return w.SetPush(request.Context(), app.Appid(request.FormValue("appid")), PushSettings{})
}
