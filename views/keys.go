package views

import (
	"time"

	"wxkeeper/app"
)

// KeysPage tells how many keys are in which state, and how the background check fares.
type KeysPage struct {
	Frame
	Keys       map[app.KeyState]int64
	Aging      time.Duration // a key unconfirmed for so long is aging
	Oldest     []FoundUser   // those unconfirmed for longest
	Background BackgroundCheck

	Chosen, Words string // the reason and the words of a form that lacked one
	Wrong         bool
}

// BackgroundCheck is how the background check fares.
type BackgroundCheck struct {
	Checked, Dead, Failed int // since the start of this process
	PerMinute, Left       int // the budget, and what is left of it
	PausedUntil           time.Time
	Problem               string // why it pauses by itself
	PausedBy              string // the operator who has paused it
	PausedAt              time.Time
}

func (p KeysPage) total() int64 {
	var sum int64
	for _, n := range p.Keys {
		sum += n
	}
	return sum
}

// due is how many keys WeChat is going to be asked about.
func (p KeysPage) due() int64 { return p.Keys[app.KeyAging] + p.Keys[app.KeySuspect] }

func (p KeysPage) paused() bool { return !p.Background.PausedAt.IsZero() }

// explanation is what a state means for any key.
func (p KeysPage) explanation(state app.KeyState) string {
	return p.T("keys."+string(state), "duration", p.Duration(p.Aging))
}

// checkState says whether the background check goes on.
func (p KeysPage) checkState() Badge {
	switch {
	case p.paused():
		return Badge{Tone: ToneWarn, Icon: "circle-pause", Text: p.T("keys.check.paused", "operator", p.Background.PausedBy)}
	case p.Background.PausedUntil.After(p.Now):
		return Badge{Tone: ToneWarn, Icon: "clock", Text: p.T("keys.check.waiting", "when", p.Relative(p.Background.PausedUntil))}
	case p.due() == 0:
		return Badge{Tone: ToneGood, Icon: "circle-check", Text: p.T("keys.check.nothing")}
	}
	return Badge{Tone: ToneGood, Icon: "circle-play", Text: p.T("keys.check.running")}
}

// checkTakes is how long the keys that are due take within the budget.
func (p KeysPage) checkTakes() time.Duration {
	if p.Background.PerMinute <= 0 {
		return 0
	}
	return time.Duration(p.due()) * time.Minute / time.Duration(p.Background.PerMinute)
}

func (p KeysPage) checkProgress() Progress {
	done := int64(p.Background.Checked)
	return Progress{
		ID: "check", Label: p.T("keys.check.since"), Done: done, Total: done + p.due(),
		Note: p.T("keys.check.found", "dead", p.Background.Dead, "failed", p.Background.Failed),
	}
}
