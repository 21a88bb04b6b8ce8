package web

import "wxkeeper/app"

func (d *Dashboard) accountPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) changePassword(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) endOwnSession(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) endOtherSessions(v *visit) error { return app.Fail(app.NotFound, "") }
