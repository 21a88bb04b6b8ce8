package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

const provePath = "/admin/prove"

// The fields by which a form brings the proof of whoever sends it. They are taken out before the form is kept.
const (
	proofPassword = "proof_password"
	proofCode     = "proof_code"
)

// proven is a handler that only somebody reaches who has proved lately who they are. A form is not lost by it: it is shown with a
// field for the password, or brought one already.
func (d *Dashboard) proven(handler func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		switch {
		case d.Accounts.Proven(v.session.present):
			return handler(v)
		case v.Request().Method == http.MethodGet:
			return v.goTo(provePath + "?" + url.Values{"next": {v.Request().URL.RequestURI()}}.Encode())
		}
		return d.withProof(v, func(proof operator.Proof) error {
			if err := d.Accounts.Prove(v.context(), v.session.present, proof); err != nil {
				return err
			}
			return handler(v)
		})
	}
}

// withProof gives the proof that a form brings to work, and asks for one where there is none, or where it is wrong.
func (d *Dashboard) withProof(v *visit, work func(operator.Proof) error) error {
	form, err := v.reread()
	if err != nil {
		return err
	}
	proof := operator.Proof{Password: app.Secret(form.Get(proofPassword)), Code: form.Get(proofCode)}
	if !form.Has(proofPassword) {
		return d.askForProof(v, form, nil)
	}
	err = work(proof)
	if errors.Is(err, operator.ErrPasswordWrong) || errors.Is(err, operator.ErrCodeWrong) || app.KindOf(err) == app.TooManyRequests {
		return d.askForProof(v, form, err)
	}
	return err
}

// reread reads a form, and leaves it to be read once more.
func (v *visit) reread() (url.Values, error) {
	body, err := readBody(v.Context)
	if err != nil {
		return nil, err
	}
	v.Request().Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, malformed("body").Because(err)
	}
	return form, nil
}

// askForProof shows a form again and asks who sends it. One with passwords in it is not kept; whoever sent it is led back.
func (d *Dashboard) askForProof(v *visit, form url.Values, problem error) error {
	form.Del(proofPassword)
	form.Del(proofCode)
	page := d.provePage(v, d.pageBefore(v.Request()))
	kept, values := d.keptForm(fields{"kept_path": v.Request().URL.EscapedPath(), "kept": form.Encode()})
	if taker, found := d.formRoute(kept.Path); found {
		page.Route, page.Path, page.Fields = taker.path, kept.Path, values
	} else {
		page.Lost = true
	}
	return v.showProve(page, http.StatusForbidden, problem)
}

func (d *Dashboard) provePage(v *visit, next string) views.ProvePage {
	page := views.ProvePage{}
	page.Frame, page.Next = v.frame(v.text.T("prove.title"), ""), safeAddress(next)
	page.Address = ""
	return page
}

// showProve shows the page with what was wrong with the proof.
func (v *visit) showProve(page views.ProvePage, status int, problem error) error {
	failure := failureOf(problem)
	switch {
	case problem == nil:
	case failure.Kind == app.TooManyRequests:
		status, page.Wait = http.StatusTooManyRequests, failure.RetryAfter
		setRetryAfter(v.Context, failure)
	case errors.Is(problem, operator.ErrPasswordWrong):
		status, page.Wrong = http.StatusUnprocessableEntity, views.Wrong{proofPassword: "prove.password.wrong"}
	default:
		status, page.Wrong = http.StatusUnprocessableEntity, views.Wrong{proofCode: "totp.code.wrong"}
	}
	return v.pageWith(status, views.Prove(page))
}

// askToProve asks who somebody is before a page that is not shown to everybody who finds a browser left alone.
func (d *Dashboard) askToProve(v *visit) error {
	next := v.Request().URL.Query().Get("next")
	page := d.provePage(v, next)
	page.Address = provePath + "?" + url.Values{"next": {page.Next}}.Encode()
	return v.showProve(page, http.StatusOK, nil)
}

// prove takes a proof, and leads on.
func (d *Dashboard) prove(v *visit) error {
	form, err := v.form(proofPassword, proofCode, "next")
	if err != nil {
		return err
	}
	proof := operator.Proof{Password: app.Secret(form[proofPassword]), Code: form[proofCode]}
	err = d.Accounts.Prove(v.context(), v.session.present, proof)
	switch {
	case err == nil:
		return v.goTo(form["next"])
	case errors.Is(err, operator.ErrPasswordWrong), errors.Is(err, operator.ErrCodeWrong), app.KindOf(err) == app.TooManyRequests:
		return v.showProve(d.provePage(v, form["next"]), http.StatusUnprocessableEntity, err)
	}
	return err
}

// provenUnmasked is proven for whoever is shown everything; what is masked for somebody needs no proof of them.
func (d *Dashboard) provenUnmasked(handler func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		if keeper.MaskingFor(v.operator.Role) != keeper.MaskNothing {
			return handler(v)
		}
		return d.proven(handler)(v)
	}
}
