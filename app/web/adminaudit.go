package web

import "wxkeeper/app"

func (d *Dashboard) auditPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) auditCSV(v *visit) error  { return app.Fail(app.NotFound, "") }
