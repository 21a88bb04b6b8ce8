package views

import (
	"strconv"

	"wxkeeper/app"
)

const integrationsAddress = "/admin/integrations"

// IntegrationsPage is about the business back end: its credentials, the webhooks that tell it what happens to users, and what was delivered.
type IntegrationsPage struct {
	Frame
	BackEnds   []BackEndRow
	NewBackEnd NewBackEnd
	Webhooks   []app.Webhook
	Most       int // deliveries that may wait for one
	New        NewWebhook
	Unproven   bool // whoever does something has to prove who they are
	State      string
	Deliveries []app.Delivery
	Next       app.DeliveryID // where the list goes on; 0: nowhere
	Later      bool           // this is not its first page
}

// NewWebhook is the form of a webhook to add, as it was filled in. Its address is not shown again.
type NewWebhook struct {
	Name  string
	Wrong Wrong
}

// WebhookSecretPage shows a signing secret, this once.
type WebhookSecretPage struct {
	Frame
	Secret app.Secret
}

// DeliveryStates are the choices of the list of deliveries; the first is all.
var DeliveryStates = []string{"all", "waiting", "done", "given_up"}

func webhookAddress(id app.WebhookID, act string) string {
	return integrationsAddress + "/webhooks/" + strconv.FormatInt(int64(id), 10) + "/" + act
}

func webhookElement(id app.WebhookID, act string) string {
	return act + "-" + strconv.FormatInt(int64(id), 10)
}

func replayAddress(id app.DeliveryID) string {
	return integrationsAddress + "/deliveries/" + strconv.FormatInt(int64(id), 10) + "/replay"
}

func (p IntegrationsPage) nameOf(id app.WebhookID) string {
	for _, hook := range p.Webhooks {
		if hook.ID == id {
			return hook.Name
		}
	}
	return ""
}

func (p IntegrationsPage) stateTabs() []Tab {
	var tabs []Tab
	for _, state := range DeliveryStates {
		tabs = append(tabs, Tab{Text: p.T("delivery.state." + state), Address: p.With("state", state), Current: state == p.State})
	}
	return tabs
}

func (f Frame) deliveryBadge(d app.Delivery) Badge {
	switch d.State {
	case app.DeliveryDone:
		return Badge{Tone: ToneGood, Icon: "circle-check", Text: f.T("delivery.state.done")}
	case app.DeliveryGivenUp:
		return Badge{Tone: ToneBad, Icon: "circle-x", Text: f.T("delivery.state.given_up")}
	}
	return Badge{Tone: ToneInfo, Icon: "hourglass", Text: f.T("delivery.state.waiting")}
}

// deliveryTries says how often a delivery was tried, what became of the last try, and when the next is made.
func (f Frame) deliveryTries(d app.Delivery) string {
	text := f.T("delivery.tries", "n", d.Tries)
	if d.Problem != "" {
		text += " · " + f.OutgoingCause(d.Problem, d.Status, 0)
	}
	if d.State == app.DeliveryWaiting && d.Tries > 0 {
		text += " · " + f.T("report.next", "when", f.onDay(d.NextTryAt))
	}
	return text
}

func (p IntegrationsPage) older() string {
	if p.Next == 0 {
		return ""
	}
	return p.With(CursorParameter, strconv.FormatInt(int64(p.Next), 10))
}

func (p IntegrationsPage) firstPage() string {
	if !p.Later {
		return ""
	}
	return p.With()
}
