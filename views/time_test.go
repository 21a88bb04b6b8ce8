package views

import (
	"testing"
	"time"
)

func TestRelative(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 5, 0, 0, chinaTime)
	chinese, english := Frame{Now: now}, Frame{Now: now, Text: Text{English}}
	for _, test := range []struct {
		at   time.Time
		want string
		says string
	}{
		{now, "刚刚", "just now"},
		{now.Add(-59 * time.Second), "刚刚", "just now"},
		{now.Add(500 * time.Millisecond), "刚刚", "just now"}, // clocks differ a little
		{now.Add(-time.Minute), "1 分钟前", "1 minute ago"},
		{now.Add(-59 * time.Minute), "59 分钟前", "59 minutes ago"},
		{now.Add(-time.Hour), "今天 13:05", "today 13:05"},
		{time.Date(2026, 11, 22, 0, 0, 0, 0, chinaTime), "今天 00:00", "today 00:00"},
		{time.Date(2026, 11, 21, 23, 59, 59, 0, chinaTime), "昨天 23:59", "yesterday 23:59"},
		{time.Date(2026, 11, 20, 23, 59, 0, 0, chinaTime), "2026-11-20 23:59", "2026-11-20 23:59"},
		{now.Add(90 * time.Second), "2 分钟后", "in 2 minutes"},
		{now.Add(2 * time.Hour), "今天 16:05", "today 16:05"},
		{now.Add(24 * time.Hour), "明天 14:05", "tomorrow 14:05"},
		{now.Add(72 * time.Hour), "2026-11-25 14:05", "2026-11-25 14:05"},
		{time.Time{}, "–", "–"},
	} {
		if got, says := chinese.Relative(test.at), english.Relative(test.at); got != test.want || says != test.says {
			t.Errorf("%s: %q and %q, want %q and %q", test.at, got, says, test.want, test.says)
		}
	}
}

func TestZones(t *testing.T) {
	at := time.Date(2026, 11, 20, 6, 5, 9, 0, time.UTC)
	if got, want := (Frame{}).Absolute(at), "2026-11-20 14:05:09 UTC+08:00"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := (Frame{Location: time.UTC}).Absolute(at), "2026-11-20 06:05:09 UTC+00:00"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 毫秒", -time.Hour: "0 毫秒", 1500 * time.Microsecond: "1 毫秒", 999 * time.Millisecond: "999 毫秒", 1500 * time.Millisecond: "1 秒",
		61 * time.Second: "1 分钟 1 秒", 26 * time.Hour: "1 天 2 小时", 24*time.Hour + 5*time.Second: "1 天", 3 * time.Hour: "3 小时",
	} {
		if got := (Frame{}).Duration(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
