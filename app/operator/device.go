package operator

import (
	"crypto/rand"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// DeviceLife is how long a browser is known in which somebody has signed in.
const DeviceLife = 400 * 24 * time.Hour

// device is what a known browser keeps for us. It opens nothing: it only counts its own wrong passwords and codes by itself.
type device struct {
	Operator app.OperatorID
	Random   string
	At       time.Time
}

var devicePlace = db.Place{Table: "known browser"}

// Device makes what the browser of somebody who has just signed in keeps, to be known by (Attempt.Device).
func (a *Accounts) Device(who app.Operator) (app.Secret, error) {
	return a.sealText(devicePlace, device{who.ID, rand.Text(), a.clock()})
}

// knownDevice names the browser of an attempt, "" where it is not known as that operator's.
func (a *Accounts) knownDevice(who app.Operator, given app.Secret) string {
	var known device
	if given == "" || a.openText(devicePlace, given, &known) != nil || who.ID == 0 || known.Operator != who.ID {
		return ""
	}
	if age := a.clock().Sub(known.At); age < 0 || age > DeviceLife {
		return ""
	}
	return known.Random
}
