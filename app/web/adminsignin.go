package web

import "wxkeeper/app"

func (d *Dashboard) signInPage(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) signIn(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) signOut(v *visit) error { return app.Fail(app.NotFound, "") }
func (d *Dashboard) askToSignIn(v *visit) error { return app.Fail(app.NotFound, "") }
