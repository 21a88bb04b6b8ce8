package views

import (
	"time"

	"wxkeeper/app"
)

// AccountPage is where operators look after their own account.
type AccountPage struct {
	Frame
	Sessions []BrowserSession
	Wrong    Wrong         // about the new password
	Wait     time.Duration // until another password may be tried, 0: at once

	RecoveryCodes int  // that may still be used
	TOTPRequired  bool // their role signs in with one-time codes
}

// Wrong says what is wrong with a form: a message by the name of each field that is.
type Wrong map[string]string

func (f Frame) wrong(with Wrong, field string) string {
	if message := with[field]; message != "" {
		return f.T(message)
	}
	return ""
}

// totpOffEffect says what happens without one-time codes.
func (p AccountPage) totpOffEffect() string {
	if p.TOTPRequired {
		return p.T("totp.turnoff.required")
	}
	return p.T("totp.turnoff.effect")
}

// BrowserSession is a browser in which an operator is signed in.
type BrowserSession struct {
	app.OperatorSession
	Current bool // this one
}

func (p AccountPage) others() int {
	others := 0
	for _, one := range p.Sessions {
		if !one.Current {
			others++
		}
	}
	return others
}

func (f Frame) browserColumns(own bool) []Column {
	columns := []Column{{Text: f.T("account.browser")}, {Text: f.T("account.address")}, {Text: f.T("account.signedin")}, {Text: f.T("account.seen")}}
	if own {
		columns = append(columns, Column{Text: f.T("account.end"), Number: true})
	}
	return columns
}
