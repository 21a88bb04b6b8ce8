package web

import "wxkeeper/app"

func (d *Dashboard) operatorsPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) addOperator(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) operatorPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) setOperatorRole(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) disableOperator(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) enableOperator(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) endOperatorSessions(v *visit) error { return app.Fail(app.NotFound, "") }
