package web

import "wxkeeper/app"

func (d *Dashboard) phonesPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) phonePage(v *visit) error  { return app.Fail(app.NotFound, "") }
func (d *Dashboard) playPhone(v *visit) error  { return app.Fail(app.NotFound, "") }

// Phones plays the phones of the sandbox.
type Phones struct{}
