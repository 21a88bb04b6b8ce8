package views

import (
	"time"

	"wxkeeper/app"
)

// TOTPPage is where operators set up one-time codes.
type TOTPPage struct {
	Frame
	Code     QRCode
	Seed     app.Secret // for those who cannot read the code
	Offer    app.Secret // comes back with the form
	Required bool       // their role may do nothing before
	TooLate  bool       // the form came back too late
	Wrong    Wrong
	Wait     time.Duration
}

// RecoveryPage shows new recovery codes, this once.
type RecoveryPage struct {
	Frame
	Codes []app.Secret
	First bool // one-time codes were turned on just now
}

// SignInCodePage asks somebody whose password fits for a one-time code.
type SignInCodePage struct {
	Frame
	Ticket app.Secret
	Next   string
	Kept   KeptForm
	Wrong  Wrong
	Wait   time.Duration
}

// ProvePage asks somebody who is signed in who they are, before what they have asked for is done.
type ProvePage struct {
	ContinuePage      // what that is; without a Path: a page to go on to
	Lost         bool // a form was sent that could not be kept
	Wrong        Wrong
	Wait         time.Duration
}

func (p ProvePage) action() string {
	if p.Path == "" {
		return "/admin/prove"
	}
	return p.Path
}

func (p ProvePage) note() string {
	if p.Lost {
		return p.T("prove.lost")
	}
	return p.T("prove.note")
}

func (f Frame) totpState(of app.Operator) Badge {
	if of.TOTP() {
		return Badge{Tone: ToneGood, Icon: "circle-check", Text: f.T("totp.on")}
	}
	return Badge{Tone: ToneFaint, Icon: "circle-slash", Text: f.T("totp.off")}
}

// totpResetCommand is what the owner of the server types for somebody who has lost everything.
func totpResetCommand(name string) string { return operatorCommand("reset-totp", name) }
