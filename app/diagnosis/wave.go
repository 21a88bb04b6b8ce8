package diagnosis

import (
	"context"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	waveLasts  = 2 * time.Hour
	waveUsers  = 5          // different users it takes
	waveGrowth = 3          // times as many as usual in an hour
	waveUsual  = 2 * oneDay // what is usual is counted over so long before
	waveRead   = 500
)

// mayBeWave says whether a failure can be that of many for one cause. What hits everybody, and what was done to one user, is told
// otherwise.
func mayBeWave(reason app.Reason) bool {
	if one := (app.Event{Reason: reason}); !failed(one) && !reported(one) || everybodys(reason) {
		return false
	}
	switch rulings[reason].finding {
	case OurConfiguration, WeChatFailing, WeChatUnreachable, StorageFailing, UserDisabled, BlockedByWeChat:
		return false
	}
	return true
}

// wave says whether many users have failed for a reason around a time, more of them than usual.
func (t *Troubleshooter) wave(ctx context.Context, c *complaint, reason app.Reason, at time.Time) (Diagnosis, error) {
	window, _ := Window{at.Add(-waveLasts / 2), at.Add(waveLasts / 2)}.until(c.rightNow())
	window.From = window.To.Add(-waveLasts)
	grown, err := t.hasGrown(ctx, reason, window)
	if err != nil || !grown {
		return Diagnosis{}, err
	}
	page, err := t.read.ListEvents(ctx, db.EventListing{
		AppID: t.App.ID, Filter: app.EventFilter{Reasons: []app.Reason{reason}, From: window.From, To: window.To}, Limit: waveRead,
	})
	if err != nil {
		return Diagnosis{}, err
	}
	versions := versionsOf(page.Events)
	if len(versions) < waveUsers {
		return Diagnosis{}, nil
	}
	d := c.finding(Wave)
	d.Window, d.Action = window, ShowAll
	d.rest(page.Events[0])
	d.Since = page.Events[len(page.Events)-1].At()
	d.Failures, d.Users = int64(len(page.Events)), len(versions)
	if page.Next != 0 {
		d.Looked = d.Since
	}
	d.Version, d.Share = commonest(versions)
	d.show(page.Events...)
	return d, nil
}

// hasGrown says by the counters whether a reason may be a wave: enough of it, and more an hour than before.
func (t *Troubleshooter) hasGrown(ctx context.Context, reason app.Reason, window Window) (bool, error) {
	counts, err := t.count(ctx, []app.Reason{reason}, window)
	now := counts[reason]
	if err != nil || now < waveUsers {
		return false, err
	}
	counts, err = t.count(ctx, []app.Reason{reason}, Window{window.From.Add(-waveUsual), window.From.Add(-time.Hour)})
	usual := float64(counts[reason]) / waveUsual.Hours()
	return float64(now)/(waveLasts+time.Hour).Hours() >= waveGrowth*usual, err
}

// somebody is a user, or an address where nobody knows the user.
type somebody struct {
	user    app.UserID
	address string
}

func whose(event app.Event) somebody {
	if event.UserID != 0 {
		return somebody{user: event.UserID}
	}
	return somebody{address: event.Client.Address}
}

// versionsOf says which version everybody had at their newest event.
func versionsOf(newestFirst []app.Event) map[somebody]string {
	versions := map[somebody]string{}
	for _, event := range newestFirst {
		if _, known := versions[whose(event)]; !known {
			versions[whose(event)] = event.Client.Version
		}
	}
	return versions
}

// commonest is the version most of them had, and their share.
func commonest(versions map[somebody]string) (version string, share float64) {
	counts, most := map[string]int{}, 0
	for _, one := range versions {
		counts[one]++
	}
	for one, n := range counts {
		if n > most || n == most && one > version {
			version, most = one, n
		}
	}
	return version, float64(most) / float64(len(versions))
}
