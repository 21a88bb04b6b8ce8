package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

func TestPauseOutlivesTheProcess(t *testing.T) {
	h := newHouse(t, checked)
	h.login("oA", newKey(t))
	h.weChatSaysOfKeys(keyGood)
	if err := h.PauseChecks(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	h.wantAudited(app.ActionPauseCheck, 0, "")
	paused := keeper.Pause{Operator: order.Operator, Since: h.clock()}
	h.pass(25 * time.Hour)
	h.settle()
	h.Keeper = keeper.New(h.Options) // the next process
	if err := h.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := h.probing()
	if p.Checked != 0 || p.Stopped.Operator != paused.Operator || !p.Stopped.Since.Equal(paused.Since) {
		t.Errorf("while it is paused: %+v", p)
	}
	if err := h.ResumeChecks(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	h.wantAudited(app.ActionResumeCheck, 0, "")
	if err := h.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := h.probing(); p.Checked != 1 || p.Stopped != (keeper.Pause{}) || p.PerMinute != 600 || p.Left != 599 {
		t.Errorf("after that: %+v", p)
	}
	h.pass(time.Minute)
	if p := h.probing(); p.Left != 600 {
		t.Errorf("a minute later: %+v", p)
	}
}

// TestPauseCountsAtOnce: in the middle of a turn too, but for the questions that are with WeChat already.
func TestPauseCountsAtOnce(t *testing.T) {
	const users, pauseAt = 100, 20
	h := newHouse(t, func(s *keeper.Settings) { s.ChecksPerMinute = users })
	h.fillWith(users)
	h.pass(25 * time.Hour)
	c := newCensus(h.clock)
	var failed error
	c.stopAt, c.stop = pauseAt, func() { failed = h.PauseChecks(context.Background(), order) }
	k := h.over(c.answer, nil)
	if err := errors.Join(k.Probe(t.Context()), failed); err != nil {
		t.Fatal(err)
	}
	if got := len(c.order); got < pauseAt || got >= pauseAt+keeper.Probers {
		t.Errorf("%d questions, with a pause after %d", got, pauseAt)
	}
	if p, err := k.Probing(t.Context()); err != nil || p.Left != users-len(c.order) {
		t.Errorf("what was not asked counts against the budget: %+v, %v", p, err)
	}
	if err := h.ResumeChecks(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if err := k.Probe(t.Context()); err != nil || len(c.asked) != users {
		t.Errorf("in the end %d were asked about, %v", len(c.asked), err)
	}
}

// TestPauseThatCannotBeReadStopsTheCheck: rather no question than one that an operator forbade.
func TestPauseThatCannotBeReadStopsTheCheck(t *testing.T) {
	h := newHouse(t, checked)
	h.login("oA", newKey(t))
	h.pass(25 * time.Hour)
	k := h.over(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/checksession") {
			return nil, fmt.Errorf("asked about %s", r.URL.Query().Get("openid"))
		}
		return answers(r, `{"access_token":"planted-access-token","expires_in":7200}`)
	}, nil)
	h.sql("DROP TABLE pauses")
	if err := k.Probe(t.Context()); app.KindOf(err) != app.StorageUnavailable {
		t.Errorf("error is %v", err)
	}
}
