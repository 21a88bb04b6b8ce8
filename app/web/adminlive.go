package web

import "wxkeeper/app"

func (d *Dashboard) liveEvents(v *visit) error { return app.Fail(app.NotFound, "") }
