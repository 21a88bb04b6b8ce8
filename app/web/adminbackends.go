package web

import (
	"net/http"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/views"
)

// backEndRows lists the back ends with what each asked for in the last day, of the mini program shown.
func (d *Dashboard) backEndRows(v *visit) ([]views.BackEndRow, error) {
	listed, err := d.Store.Read().BackEnds(v.context())
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	counts, err := d.Store.Read().CountedByGroup(
		v.context(), d.Keeper.AppID(), db.CountsByBackEnd, v.now().Add(-views.BackEndCallsShown+time.Hour), v.now())
	if err != nil {
		return nil, err
	}
	calls := map[string]map[string]int64{}
	for _, one := range counts {
		if calls[one.Name] == nil {
			calls[one.Name] = map[string]int64{}
		}
		calls[one.Name][one.What] += one.N
	}
	var rows []views.BackEndRow
	for _, one := range listed {
		rows = append(rows, views.BackEndRow{BackEnd: one, Calls: calls[db.BackEndCounted(one.ID)]})
	}
	return rows, nil
}

// addBackEnd makes credentials and shows the secret, this once.
func (d *Dashboard) addBackEnd(v *visit) error {
	form, err := v.form("name", "apps")
	if err != nil {
		return err
	}
	of := d.Keeper.AppID()
	if form["apps"] == views.AllApps {
		of = 0
	}
	secret, err := d.BackEnds.Add(v.context(), v.operator.Name, form["name"], of)
	wrong := map[app.Kind]string{
		app.Malformed: "backend.name.wrong", app.AlreadyExists: "backend.name.taken", app.TooManyRequests: "backend.full",
	}[app.KindOf(err)]
	switch {
	case err == nil:
		page := views.BackEndSecretPage{Frame: v.frame(v.text.T("backend.secret.title"), ""), Name: form["name"], Secret: secret}
		page.Address = ""
		return v.page(views.BackEndSecret(page))
	case wrong != "":
		again := views.NewBackEnd{Name: form["name"], All: of == 0, Wrong: views.Wrong{"name": wrong}}
		return d.showIntegrations(v, http.StatusUnprocessableEntity, views.NewWebhook{}, again)
	}
	return err
}

// revokeBackEnd takes credentials back.
func (d *Dashboard) revokeBackEnd(v *visit) error {
	name := v.Param("backend")
	if err := d.BackEnds.Revoke(v.context(), v.operator.Name, name); err != nil {
		return err
	}
	return v.done(v.text.T("backend.revoked", "name", name), integrationsPath)
}
