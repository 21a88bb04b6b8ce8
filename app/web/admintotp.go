package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

const (
	accountPath = "/admin/account"
	totpPath    = "/admin/account/totp"
)

// mustSetUpTOTP says whether somebody's role signs in with one-time codes, and they do not.
func (d *Dashboard) mustSetUpTOTP(who app.Operator) bool {
	return !who.TOTP() && slices.Contains(d.TOTPRoles, who.Role)
}

// leadToTOTP leads to the one page that whoever must set up one-time codes may use.
func (d *Dashboard) leadToTOTP(v *visit) error {
	if request := v.Request(); asksByItself(request) || request.Header.Get("HX-Request") != "" {
		return v.leadScript(http.StatusForbidden, totpPath)
	}
	return v.goTo(totpPath)
}

// setsUpTOTP says whether a route is part of setting up one-time codes.
func (r route) setsUpTOTP() bool { return r.path == totpPath }

// totpPage offers a seed to set an authenticator up with. Nothing is stored until its first code comes.
func (d *Dashboard) totpPage(v *visit) error {
	if v.operator.TOTP() {
		return v.goTo(accountPath)
	}
	offer, err := d.Accounts.OfferTOTP(v.session.present, d.issuer())
	if err != nil {
		return err
	}
	return d.showOffer(v, http.StatusOK, offer, views.TOTPPage{})
}

// issuer is what an authenticator calls us.
func (d *Dashboard) issuer() string {
	return strings.TrimSpace("wxkeeper " + strings.ReplaceAll(d.EnvName, ":", " ")) // a colon would end the issuer
}

func (d *Dashboard) showOffer(v *visit, status int, offer operator.Offer, page views.TOTPPage) error {
	code, err := views.NewQRCode(offer.Address.Reveal())
	if err != nil {
		return err
	}
	page.Frame, page.Code, page.Seed, page.Offer = v.frame(v.text.T("totp.setup"), ""), code, offer.Seed, offer.Sealed
	page.Required = d.mustSetUpTOTP(v.operator)
	page.Address = totpPath
	return v.pageWith(status, views.TOTP(page))
}

// turnOnTOTP puts an offer into force and shows the recovery codes, this once.
func (d *Dashboard) turnOnTOTP(v *visit) error {
	form, err := v.form("offer", "password", "code")
	if err != nil {
		return err
	}
	sealed := app.Secret(form["offer"])
	proof := operator.Proof{Password: app.Secret(form["password"]), Code: form["code"]}
	codes, err := d.Accounts.TurnOnTOTP(v.context(), v.session.present, sealed, proof)
	if err == nil {
		return d.showRecoveryCodes(v, codes, true)
	}
	failure := failureOf(err)
	page, status := views.TOTPPage{}, http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, operator.ErrTOTPOn):
		return v.goTo(accountPath)
	case errors.Is(err, operator.ErrTooLate):
		page.TooLate = true
		offer, err := d.Accounts.OfferTOTP(v.session.present, d.issuer())
		if err != nil {
			return err
		}
		return d.showOffer(v, status, offer, page)
	case failure.Kind == app.TooManyRequests:
		status, page.Wait = http.StatusTooManyRequests, failure.RetryAfter
		setRetryAfter(v.Context, failure)
	case errors.Is(err, operator.ErrPasswordWrong):
		page.Wrong = views.Wrong{"password": "prove.password.wrong"}
	case errors.Is(err, operator.ErrCodeWrong):
		page.Wrong = views.Wrong{"code": "totp.code.first"}
	default:
		return err
	}
	offer, err := d.Accounts.OfferTOTPAgain(v.session.present, d.issuer(), sealed)
	if err != nil {
		return err
	}
	return d.showOffer(v, status, offer, page)
}

// showRecoveryCodes shows codes that cannot be shown again.
func (d *Dashboard) showRecoveryCodes(v *visit, codes []app.Secret, first bool) error {
	page := views.RecoveryPage{Frame: v.frame(v.text.T("totp.recovery"), ""), Codes: codes, First: first}
	page.Address = ""
	return v.page(views.Recovery(page))
}

// turnOffTOTP takes the password and a code each time, however lately they were given.
func (d *Dashboard) turnOffTOTP(v *visit) error {
	return d.withProof(v, func(proof operator.Proof) error {
		err := d.Accounts.TurnOffTOTP(v.context(), v.session.present, proof)
		if app.KindOf(err) == app.NotFound {
			return v.goTo(accountPath) // another browser was faster
		}
		if err != nil {
			return err
		}
		return v.done(v.text.T("totp.off.done"), accountPath)
	})
}

func (d *Dashboard) newRecoveryCodes(v *visit) error {
	codes, err := d.Accounts.NewRecoveryCodes(v.context(), v.session.present)
	if app.KindOf(err) == app.NotFound {
		return v.goTo(accountPath)
	}
	if err != nil {
		return err
	}
	return d.showRecoveryCodes(v, codes, false)
}
