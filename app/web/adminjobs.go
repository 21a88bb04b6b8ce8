package web

import (
	"strconv"

	"wxkeeper/app"
	"wxkeeper/views"
)

const jobsShown = 100

func (d *Dashboard) jobsPage(v *visit) error {
	jobs, err := d.Keeper.BulkJobs(v.Request().Context(), jobsShown)
	if err != nil {
		return err
	}
	return v.page(views.Jobs(views.JobsPage{Frame: v.frame(v.text.T("jobs.title"), views.SectionUsers), Jobs: jobs}))
}

func (d *Dashboard) jobPage(v *visit) error {
	id, err := v.job()
	if err != nil {
		return err
	}
	job, err := d.Keeper.BulkJob(v.Request().Context(), id)
	if err != nil {
		return err
	}
	return v.page(views.Job(views.JobPage{Frame: v.frame(v.text.T("jobs.relogin"), views.SectionUsers), Job: job}))
}

func (v *visit) job() (app.BulkJobID, error) {
	id, err := strconv.ParseInt(v.Param("job"), 10, 64)
	if err != nil {
		return 0, app.Fail(app.NotFound, "")
	}
	return app.BulkJobID(id), nil
}

func (d *Dashboard) cancelJob(v *visit) error {
	form, err := v.form("reason", "reason_text")
	if err != nil {
		return err
	}
	id, err := v.job()
	if err != nil {
		return err
	}
	order := v.order(form)
	if order.Reason == "" {
		return v.refuse("relogin.noReason", views.JobAddress(id))
	}
	switch err := d.Keeper.CancelBulk(v.Request().Context(), order, id); {
	case app.KindOf(err) == app.AlreadyExists:
		return v.refuse("jobs.cancel.ended", views.JobAddress(id))
	case err != nil:
		return err
	}
	if err := v.say(views.ToneGood, v.text.T("jobs.cancel.done")); err != nil {
		return err
	}
	return v.goTo(views.JobAddress(id))
}
