package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"wxkeeper/app"
)

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

func servePhoneCode(phone *Phone, response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(response, phone.PhoneCode())
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

func serveColdStart(phone *Phone, response http.ResponseWriter, request *http.Request) {
	scene, err := numberOf(request, "scene")
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	entry := Entry{Path: request.FormValue("path"), Query: request.FormValue("query"), Scene: scene}
	fetched, err := phone.ColdStart(request.Context(), entry)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadGateway)
		return
	}
	response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(response, fetched)
}

func serveWithdrawal(phone *Phone, response http.ResponseWriter, request *http.Request) {
	var kinds []int
	request.ParseForm()
	for _, text := range request.Form["kind"] {
		kind, err := strconv.Atoi(text)
		if err != nil {
			http.Error(response, fmt.Sprintf("kind is not a number: %q", text), http.StatusBadRequest)
			return
		}
		kinds = append(kinds, kind)
	}
	withdraw := func(phone *Phone, ctx context.Context) error { return phone.WithdrawConsent(ctx, kinds...) }
	tells(withdraw)(phone, response, request)
}

// tells does what message push tells developers about. What was done stays done, even if they did not listen.
func tells(do func(*Phone, context.Context) error) func(*Phone, http.ResponseWriter, *http.Request) {
	return func(phone *Phone, response http.ResponseWriter, request *http.Request) {
		if err := do(phone, request.Context()); err != nil {
			http.Error(response, err.Error(), http.StatusBadGateway)
			return
		}
		servePhone(phone, response, request)
	}
}

// numberOf reads a parameter that may be left out.
func numberOf(request *http.Request, name string) (int, error) {
	text := request.FormValue(name)
	if text == "" {
		return 0, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number: %q", name, text)
	}
	return number, nil
}
