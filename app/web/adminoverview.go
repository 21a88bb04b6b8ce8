package web

import "wxkeeper/app"

func (d *Dashboard) overviewPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) settle(v *visit) error { return app.Fail(app.NotFound, "") }
