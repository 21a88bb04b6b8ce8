package diagnosis

import (
	"context"
	"strconv"
	"time"
)

// An event with a rid is written this long before and after the second that the rid names: clocks differ, and a call may be made
// several times.
const (
	ridBefore = 2 * time.Minute
	ridAfter  = 5 * time.Minute
)

// ridTime is when WeChat made a rid of the form in use since 2020: it begins with the Unix time in hex.
func ridTime(rid string) (time.Time, bool) {
	if !ridForm.MatchString(rid) {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(rid[:8], 16, 64)
	return time.Unix(seconds, 0), err == nil
}

// answerRid judges the call that a rid names. One that tells no time is looked for among the newest events.
func (t *Troubleshooter) answerRid(ctx context.Context, c *complaint, rid string) (Diagnosis, error) {
	window := Window{c.kept, c.rightNow()}
	made, dated := ridTime(rid)
	if dated {
		if made.Before(c.kept) {
			d := c.finding(PastKeeping)
			d.Since = made
			return d, nil
		}
		window = Window{made.Add(-ridBefore), made.Add(ridAfter)}
	}
	events, looked, err := t.read.EventsOfRid(ctx, t.App.ID, rid, window.From, window.To)
	if err != nil {
		return Diagnosis{}, err
	}
	d, err := t.answerNamed(ctx, c, events)
	if d.Finding != "" || err != nil {
		return d, err
	}
	d = c.finding(UnknownRid)
	d.Since = made
	if looked.After(window.From) {
		d.Looked = looked
	}
	return d, nil
}
