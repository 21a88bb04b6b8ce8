package web

import "wxkeeper/app"

func (d *Dashboard) userPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) userKeysPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) userDevicesPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) userEventsPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) userAuditPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) checkUser(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) reloginUser(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) resetUser(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) disableUser(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) enableUser(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) revealPhone(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) endDevice(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) exportUser(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) eraseUser(v *visit) error { return app.Fail(app.NotFound, "") }
