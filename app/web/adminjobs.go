package web

import "wxkeeper/app"

func (d *Dashboard) jobsPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) jobPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) cancelJob(v *visit) error { return app.Fail(app.NotFound, "") }
