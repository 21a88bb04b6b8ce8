package web

import "wxkeeper/app"

func (d *Dashboard) troubleshootPage(v *visit) error { return app.Fail(app.NotFound, "") }
