package sandbox

import (
	"fmt"
	"maps"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// Quotas of one mini program: of the stable token as documented (getStableAccessToken, 调用额度), of the classic token as
// commonly granted. The other calls have none until one is set.
const (
	StableTokensPerMinute = 10_000
	StableTokensPerDay    = 500_000
	TokensPerDay          = 2_000
)

var minuteQuotas = map[API]int{APIStableToken: StableTokensPerMinute}

var dayQuotas = map[API]int{APIStableToken: StableTokensPerDay, APIToken: TokensPerDay}

// SetDayQuota sets how many calls of an API WeChat grants each mini program a day; it answers the others with 45009. With 0
// the quota is used up at once. Days end at midnight in China.
func (w *WeChat) SetDayQuota(api API, calls int) error {
	if _, known := apis[api]; !known {
		return fmt.Errorf("unknown API %q", api)
	}
	if calls < 0 {
		return fmt.Errorf("calls must be 0 or more")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quotas.perDay[api] = calls
	return nil
}

// ResetQuotas brings back WeChat's own quotas, and forgets what of them was used, as WeChat's clear_quota does.
func (w *WeChat) ResetQuotas() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quotas = newQuotas()
}

// DayQuotas lists the quotas of a day. An API that is not in it has none.
func (w *WeChat) DayQuotas() map[API]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.quotas.perDay)
}

// meter counts within a window of time, such as a minute or a day.
type meter struct {
	window time.Time
	calls  int
}

func (m *meter) count(window time.Time) int {
	if !window.Equal(m.window) {
		*m = meter{window: window}
	}
	m.calls++
	return m.calls
}

// quotas are the limits of a mini program's calls, whoever they are about.
type quotas struct {
	perDay map[API]int
	used   map[callsOf]*usage
}

type callsOf struct {
	appid app.Appid
	api   API
}

type usage struct{ minute, day meter }

func newQuotas() quotas { return quotas{perDay: maps.Clone(dayQuotas), used: map[callsOf]*usage{}} }

// spend counts a call. It gives the errcode of a quota that is used up, or 0.
func (q *quotas) spend(api API, appid app.Appid, now time.Time) (errcode int) {
	of := callsOf{appid, api}
	if q.used[of] == nil {
		q.used[of] = &usage{}
	}
	inMinute := q.used[of].minute.count(now.Truncate(time.Minute))
	onDay := q.used[of].day.count(dayOf(now))
	if most, limited := minuteQuotas[api]; limited && inMinute > most {
		return wechat.ErrcodeMinuteQuota
	}
	if most, limited := q.perDay[api]; limited && onDay > most {
		return wechat.ErrcodeDayQuota
	}
	return 0
}

// dayOf is the midnight at which the day of a time began in China, where WeChat's days begin.
func dayOf(at time.Time) time.Time {
	year, month, day := at.In(time.FixedZone("UTC+8", 8*60*60)).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.FixedZone("UTC+8", 8*60*60))
}
