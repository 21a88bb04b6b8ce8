package web

import "wxkeeper/app"

func (d *Dashboard) setLanguage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) setTheme(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) helpPage(v *visit) error { return app.Fail(app.NotFound, "") }
