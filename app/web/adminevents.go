package web

import "wxkeeper/app"

func (d *Dashboard) eventsPage(v *visit) error { return app.Fail(app.NotFound, "") }
