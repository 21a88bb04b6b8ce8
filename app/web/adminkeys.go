package web

import "wxkeeper/app"

func (d *Dashboard) keysPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) pauseChecks(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) resumeChecks(v *visit) error { return app.Fail(app.NotFound, "") }
