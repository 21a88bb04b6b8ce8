package web

import "wxkeeper/app"

func (d *Dashboard) systemPage(v *visit) error { return app.Fail(app.NotFound, "") }

// Host is what the System page tells of the process.
type Host struct{}
