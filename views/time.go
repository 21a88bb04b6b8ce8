package views

import (
	"strings"
	"time"
)

// chinaTime is the zone of a frame that names none. China has known no summer time since 1991.
var chinaTime = time.FixedZone("Asia/Shanghai", 8*60*60)

const (
	dayLayout    = "2006-01-02"
	clockLayout  = "15:04"
	minuteLayout = dayLayout + " " + clockLayout
	exactLayout  = dayLayout + " 15:04:05 UTC-07:00"
)

func (f Frame) local(at time.Time) time.Time {
	if f.Location == nil {
		return at.In(chinaTime)
	}
	return at.In(f.Location)
}

// Relative says when something was or will be, seen from now: 刚刚, 3 分钟前, 今天 14:05, 昨天 09:12, else the date with its minute.
// The zero time is a dash.
func (f Frame) Relative(at time.Time) string {
	if at.IsZero() {
		return "–"
	}
	switch age := f.Now.Sub(at); {
	case age >= 0 && age < time.Minute, age < 0 && age > -time.Second:
		return f.T("time.now")
	case age >= 0 && age < time.Hour:
		return f.T("time.ago", "n", int(age/time.Minute))
	case age < 0 && age > -time.Hour:
		return f.T("time.ahead", "n", int((-age+time.Minute-1)/time.Minute))
	}
	return f.onDay(at)
}

// onDay is the form that the passing minute does not change.
func (f Frame) onDay(at time.Time) string {
	local, now := f.local(at), f.local(f.Now)
	clock := local.Format(clockLayout)
	switch local.Format(dayLayout) {
	case now.Format(dayLayout):
		return f.T("time.today", "clock", clock)
	case now.AddDate(0, 0, -1).Format(dayLayout):
		return f.T("time.yesterday", "clock", clock)
	case now.AddDate(0, 0, 1).Format(dayLayout):
		return f.T("time.tomorrow", "clock", clock)
	}
	return local.Format(minuteLayout)
}

// Absolute writes a time with its second and zone: 2026-11-20 14:05:09 UTC+08:00.
func (f Frame) Absolute(at time.Time) string {
	if at.IsZero() {
		return "–"
	}
	return f.local(at).Format(exactLayout)
}

// Duration writes a length of time in its two largest units: 2 天 4 小时. Less than a second is written in milliseconds.
func (f Frame) Duration(d time.Duration) string {
	units := []struct {
		length time.Duration
		id     string
	}{
		{24 * time.Hour, "duration.days"}, {time.Hour, "duration.hours"}, {time.Minute, "duration.minutes"}, {time.Second, "duration.seconds"},
		{time.Millisecond, "duration.milliseconds"},
	}
	d = max(d, 0)
	var parts []string
	for _, unit := range units {
		if count := d / unit.length; count > 0 && (unit.length >= time.Second || len(parts) == 0) {
			parts = append(parts, f.T(unit.id, "n", int(count)))
			d -= count * unit.length
		} else if len(parts) > 0 {
			break // 1 day 5 seconds says no more than 1 day
		}
		if len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		return f.T("duration.milliseconds", "n", 0)
	}
	return strings.Join(parts, " ")
}
