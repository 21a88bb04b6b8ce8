package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wxkeeper/app"
	"wxkeeper/app/diagnosis"
	"wxkeeper/views"
)

func (d *Dashboard) troubleshootPage(v *visit) error {
	asked := complaintOf(v.QueryParams())
	page := views.TroubleshootPage{
		Frame: v.frame(v.text.T("nav.troubleshoot"), views.SectionTroubleshoot), Asked: asked, KeptFor: d.eventDays(),
	}
	if asked == (views.Complaint{}) {
		return v.page(views.Troubleshoot(page))
	}
	question, wrong := d.question(v, asked)
	var found diagnosis.Diagnosis
	if wrong == nil {
		var err error
		if found, err = d.Diagnosis.Diagnose(v.context(), question); err != nil {
			if wrong = wrongQuestion(err); wrong == nil {
				return err
			}
		}
	}
	if page.Wrong = wrong; wrong != nil {
		return v.pageWith(http.StatusUnprocessableEntity, views.Troubleshoot(page))
	}
	answer, err := d.answerOf(v, found)
	if err != nil {
		return err
	}
	page.Answer = &answer
	return v.page(views.Troubleshoot(page))
}

// complaintOf reads what is asked in an address.
func complaintOf(values url.Values) views.Complaint {
	get := func(name string) string { return shortened(strings.TrimSpace(values.Get(name))) }
	return views.Complaint{Text: get("q"), From: get("from"), To: get("to"), Version: get("version"), Address: get("address")}
}

// question is a complaint with its times read; wrong names those that are none.
func (d *Dashboard) question(v *visit, asked views.Complaint) (question diagnosis.Question, wrong map[string]string) {
	question = diagnosis.Question{
		Text: asked.Text, Version: asked.Version, Address: asked.Address, Zone: d.Location, Role: v.operator.Role,
	}
	var err error
	if question.From, err = d.timeAsked(asked.From); err != nil {
		return question, map[string]string{"from": "troubleshoot.badTime"}
	}
	if question.To, err = d.timeAsked(asked.To); err != nil {
		return question, map[string]string{"to": "troubleshoot.badTime"}
	}
	return question, nil
}

// wrongQuestion says what of a question could not be read; nil: the failure is another.
func wrongQuestion(err error) map[string]string {
	var failure *app.Error
	if !errors.As(err, &failure) {
		return nil
	}
	messages := map[string]string{
		"text": "troubleshoot.unread", "version": "troubleshoot.badVersion", "address": "troubleshoot.badAddress", "from": "troubleshoot.badTime",
	}
	switch {
	case failure.Kind == app.MissingParameter && failure.Field == "from":
		return map[string]string{"from": "troubleshoot.needFrom"}
	case failure.Kind == app.MissingParameter, failure.Kind == app.Malformed:
		if message, known := messages[failure.Field]; known {
			return map[string]string{failure.Field: message}
		}
	}
	return nil
}

// answerOf is a diagnosis as the page shows it.
func (d *Dashboard) answerOf(v *visit, found diagnosis.Diagnosis) (views.Answer, error) {
	answer := views.Answer{
		Finding: string(found.Finding), Action: string(found.Action), Address: d.whereTo(found),
		By: string(found.Asked.By), Text: found.Asked.Text, From: found.Window.From, To: found.Window.To,
		Reason: found.Reason, Since: found.Since, Healed: found.Healed, Looked: found.Looked,
		Failures: found.Failures, Users: found.Users, Share: found.Share, Version: found.Version, API: found.API, Phone: found.Asked.Phone,
		Errcode: found.Errcode, Rid: found.Rid, Operator: found.Operator, Why: found.OperatorReason,
		Likely: found.Match == diagnosis.MatchedByDevice, KeptFor: d.eventDays(),
		User: found.User, Key: found.Key, Candidates: found.Candidates, More: found.More, Evidence: found.Evidence,
	}
	for _, fact := range found.Facts() {
		answer.Facts = append(answer.Facts, views.Fact{Name: string(fact.Name), Text: fact.Text, At: fact.At})
	}
	var err error
	if found.User != nil {
		sessions, err := d.Store.Read().SessionsOfUser(v.context(), found.User.ID)
		answer.Devices = len(sessions)
		return answer, err
	}
	answer.Whose, err = d.eventUsers(v.context(), found.Evidence)
	return answer, err
}

// whereTo is the page that an action leads to, "" where it is none of a page.
func (d *Dashboard) whereTo(found diagnosis.Diagnosis) string {
	target := found.Target
	switch found.Action {
	case diagnosis.ShowDevices:
		return views.UserTabAddress(target.User, views.UserDevices)
	case diagnosis.OpenConfiguration, diagnosis.OpenSystem:
		return "/admin/system"
	case diagnosis.ShowAll, diagnosis.ShowSameVersion:
		filter := app.EventFilter{Version: target.Version, Address: target.Address, From: target.Window.From, To: target.Window.To}
		if target.Reason != "" {
			filter.Reasons = []app.Reason{target.Reason}
			return d.eventsAddress(filter)
		}
		return d.eventsAddress(filter) + "&" + url.Values{"reason": {string(views.FailedLogins), string(views.FailedOpenings)}}.Encode()
	}
	return ""
}
