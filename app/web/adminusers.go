package web

import "wxkeeper/app"

func (d *Dashboard) usersPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) usersCSV(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) reloginMany(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) reloginAll(v *visit) error { return app.Fail(app.NotFound, "") }
