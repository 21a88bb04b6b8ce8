package web

import (
	"net/http"

	"wxkeeper/app"
	"wxkeeper/app/apps"
	"wxkeeper/app/overview"
	"wxkeeper/app/wechat"
	"wxkeeper/views"
)

const appsPath = "/admin/apps"

func (d *Dashboard) appsPage(v *visit) error { return d.showApps(v, http.StatusOK, views.NewApp{}) }

func (d *Dashboard) showApps(v *visit, status int, added views.NewApp) error {
	page := views.AppsPage{New: added, Unproven: !d.Accounts.Proven(v.session.present)}
	for _, m := range d.Site.serving.Members() {
		row, err := d.appRow(v, m)
		if err != nil {
			return err
		}
		page.Rows = append(page.Rows, row)
	}
	page.Frame = v.frame(v.text.T("nav.apps"), views.SectionApps)
	page.Address = appsPath
	return v.pageWith(status, views.Apps(page))
}

// appRow tells the numbers of one app.
func (d *Dashboard) appRow(v *visit, m *apps.Member) (views.AppRow, error) {
	today, err := overview.Overview{Store: d.Store, Keeper: m.Keeper, WeChat: m.WeChat}.Today(v.context(), v.now(), d.Location)
	row := views.AppRow{AppLink: d.Site.link(m, d.Keeper.Appid()), State: appState(m), Users: today.Users, DeadKeys: today.Keys[app.KeyDead]}
	row.Login, row.Opening = ratioOf(today.Login.Today), ratioOf(today.Opening.Today)
	return row, err
}

func ratioOf(rate overview.Rate) views.Ratio { return views.Ratio{OK: rate.OK, Total: rate.Total()} }

func appState(m *apps.Member) views.AppState {
	switch {
	case m.Served():
		return views.AppServed
	case m.Record().Disabled():
		return views.AppDisabled
	}
	return views.AppNoSecret
}

// addApp makes an app. What is wrong with the form is said at its fields; its secret is never sent back.
func (d *Dashboard) addApp(v *visit) error {
	form, err := v.form("appid", "name", "policy", "secret")
	if err != nil {
		return err
	}
	added := views.NewApp{Appid: form["appid"], Name: form["name"], Policy: app.TokenPolicy(form["policy"])}
	err = d.register().Add(v.context(), v.operator.Name, app.Appid(added.Appid), added.Name, added.Policy, app.Secret(form["secret"]))
	if added.Wrong = wrongApp(err); added.Wrong != nil {
		return d.showApps(v, http.StatusUnprocessableEntity, added)
	}
	return d.appDone(v, err, v.text.T("apps.added", "appid", added.Appid), appsPath+"/"+added.Appid)
}

// wrongApp says what is wrong with a form, nil where the failure is no form's.
func wrongApp(err error) views.Wrong {
	switch app.KindOf(err) {
	case app.AlreadyExists:
		return views.Wrong{"appid": "apps.wrong.taken"}
	case app.TooManyRequests:
		return views.Wrong{"appid": "apps.wrong.many"}
	case app.Malformed:
		field := failureOf(err).Field
		return views.Wrong{field: "apps.wrong." + field}
	}
	return nil
}

func (d *Dashboard) register() apps.Register { return d.Site.serving.Register }

// appDone has a change take effect here at once, and leads on.
func (d *Dashboard) appDone(v *visit, err error, text, address string) error {
	if err == nil {
		err = d.Site.serving.Refresh(v.context())
	}
	if err != nil {
		return err
	}
	return v.done(text, address)
}

// member is the app in the path.
func (d *Dashboard) member(v *visit) (*apps.Member, error) {
	for _, m := range d.Site.serving.Members() {
		if m.Record().Appid == app.Appid(v.Param("appid")) {
			return m, nil
		}
	}
	return nil, app.Fail(app.NotFound, "")
}

func (d *Dashboard) appPage(v *visit) error { return d.showApp(v, http.StatusOK, nil, nil) }

func (d *Dashboard) showApp(v *visit, status int, wrong views.Wrong, trial *views.AppTrial) error {
	m, err := d.member(v)
	if err != nil {
		return err
	}
	record, link := m.Record(), d.Site.link(m, d.Keeper.Appid())
	page := views.AppPage{
		Frame: v.frame(link.Called(), views.SectionApps), App: link, State: appState(m), Policy: record.Policy, Push: m.Push != nil,
		Default: record.Appid == d.register().Default, API: d.addressOf(v, d.Site.pathOfApp(record.Appid)), Wrong: wrong, Trial: trial,
		Unproven: !d.Accounts.Proven(v.session.present),
	}
	page.Address = appPath(record.Appid)
	return v.pageWith(status, views.App(page))
}

func appPath(appid app.Appid) string { return appsPath + "/" + string(appid) }

// actOnApp changes the app in the path.
func (d *Dashboard) actOnApp(v *visit, said string, act func(apps.Register, app.Appid) error) error {
	m, err := d.member(v)
	if err != nil {
		return err
	}
	appid := m.Record().Appid
	err = act(d.register(), appid)
	if wrong := wrongApp(err); wrong != nil {
		return d.showApp(v, http.StatusUnprocessableEntity, wrong, nil)
	}
	return d.appDone(v, err, v.text.T(said), appPath(appid))
}

func (d *Dashboard) changeApp(v *visit) error {
	form, err := v.form("name", "policy")
	if err != nil {
		return err
	}
	return d.actOnApp(v, "apps.saved", func(r apps.Register, appid app.Appid) error {
		return r.Change(v.context(), v.operator.Name, appid, form["name"], app.TokenPolicy(form["policy"]))
	})
}

func (d *Dashboard) setAppSecret(v *visit) error {
	form, err := v.form("secret")
	if err != nil {
		return err
	}
	return d.actOnApp(v, "apps.secret.saved", func(r apps.Register, appid app.Appid) error {
		return r.SetSecret(v.context(), v.operator.Name, appid, app.Secret(form["secret"]))
	})
}

func (d *Dashboard) setAppPush(v *visit) error {
	form, err := v.form("secret_push_token", "secret_push_key")
	if err != nil {
		return err
	}
	return d.actOnApp(v, "apps.saved", func(r apps.Register, appid app.Appid) error {
		return r.SetPush(v.context(), v.operator.Name, appid, app.Secret(form["secret_push_token"]), app.Secret(form["secret_push_key"]))
	})
}

func (d *Dashboard) disableApp(v *visit) error {
	return d.actOnApp(v, "apps.disabled", func(r apps.Register, appid app.Appid) error {
		return r.Disable(v.context(), v.operator.Name, appid)
	})
}

func (d *Dashboard) enableApp(v *visit) error {
	return d.actOnApp(v, "apps.enabled", func(r apps.Register, appid app.Appid) error {
		return r.Enable(v.context(), v.operator.Name, appid)
	})
}

// tryApp asks WeChat with the stored credentials and shows what it says.
func (d *Dashboard) tryApp(v *visit) error {
	m, err := d.member(v)
	if err != nil {
		return err
	}
	trial, err := d.register().Try(v.context(), m.Record().Appid, d.Site.serving.Secrets.Secret)
	if err != nil {
		return err
	}
	return d.showApp(v, http.StatusOK, nil, &views.AppTrial{Login: refusalOf(trial.Login), Calls: refusalOf(trial.Calls)})
}

func refusalOf(failure *wechat.Error) *views.AppRefusal {
	if failure == nil {
		return nil
	}
	return &views.AppRefusal{Errcode: failure.Errcode, Problem: string(failure.Problem), Address: failure.Address}
}
