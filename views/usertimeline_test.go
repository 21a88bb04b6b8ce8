package views

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
)

var timelineNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func timelineFrame(language Language) Frame {
	return Frame{Now: timelineNow, Text: Text{language}, Operator: app.Operator{Role: app.RoleAdmin, Name: "周敏"}}
}

// keyFrom is a key obtained so long ago, with a fingerprint that begins with a byte.
func keyFrom(ago time.Duration, first byte) app.KeyRecord {
	return app.KeyRecord{
		ID: app.KeyID(app.NewID(timelineNow.Add(-ago))), Fingerprint: app.Fingerprint{first, 1, 2, 3}, Sealed: []byte("sealed"),
	}
}

func ago(d time.Duration) time.Time { return timelineNow.Add(-d) }

// story is a user's keys after a month: used, rescued, found dead, reset, superseded within the grace.
func story() KeyTimeline {
	month, dead, reset, before, current := keyFrom(30*24*time.Hour, 0xa1), keyFrom(9*24*time.Hour, 0xb2), keyFrom(26*time.Hour, 0xc3),
		keyFrom(2*time.Hour, 0xd4), keyFrom(4*time.Minute, 0xe5)
	month.Sealed, month.ConfirmedAt, month.ConfirmedBy, month.SupersededAt = nil, ago(10*24*time.Hour), app.ConfirmedByOpening, dead.ObtainedAt()
	dead.Sealed, dead.FailedAt, dead.DeadAt, dead.DeadErrcode, dead.SupersededAt = nil, ago(28*time.Hour), ago(27*time.Hour), 87009, reset.ObtainedAt()
	reset.ResetAt, reset.TriedAt, reset.SupersededAt = reset.ObtainedAt(), ago(5*time.Hour), before.ObtainedAt()
	before.ConfirmedAt, before.ConfirmedBy, before.SupersededAt = before.ObtainedAt(), app.ConfirmedByLogin, current.ObtainedAt()
	event := func(reason app.Reason, at time.Time, key app.KeyRecord) app.Event {
		return app.Event{ID: app.EventID(app.NewID(at)), Reason: reason, Fingerprint: key.Fingerprint}
	}
	return KeyTimeline{
		Keys: []app.KeyRecord{current, before, reset, dead, month}, Aging: 24 * time.Hour, Grace: 10 * time.Minute,
		Events: []app.Event{
			event(app.OpenOKPrevious, ago(3*time.Minute), before), event(app.OpenKeyDead, ago(28*time.Hour), dead),
			event(app.OpenOK, ago(20*24*time.Hour), month), event(app.LoginSameKey, ago(21*24*time.Hour), month),
			event(app.OpenOK, ago(40*24*time.Hour), month), // of a time before the record: the same key came again
		},
	}
}

func TestTimeScaleKeepsTheOrder(t *testing.T) {
	moments := []time.Time{timelineNow, ago(time.Second), ago(time.Hour), ago(30 * 24 * time.Hour), ago(time.Hour), ago(31 * 24 * time.Hour)}
	scale := newTimeScale(moments)
	last := -1.0
	for _, at := range []time.Time{ago(32 * 24 * time.Hour), ago(31*24*time.Hour + 1), ago(30*24*time.Hour + time.Hour), ago(30 * 24 * time.Hour), ago(time.Hour), ago(time.Minute), ago(time.Second), timelineNow} {
		x := scale.x(at)
		if x < last || x < 0 || x > 100 {
			t.Errorf("%s is at %.2f, after %.2f", at, x, last)
		}
		last = x
	}
	if scale.x(ago(31*24*time.Hour)) != 0 || scale.x(timelineNow) != 100 || scale.x(timelineNow.Add(time.Hour)) != 100 {
		t.Error("the ends are not at the ends")
	}
	if seconds := 100 - scale.x(ago(time.Second)); seconds < 1 {
		t.Errorf("a second beside a month takes %.2f percent", seconds)
	}
	if alone := newTimeScale([]time.Time{timelineNow}); alone.x(timelineNow) != 0 {
		t.Error("a single moment has no place")
	}
}

func TestTicksDoNotCollide(t *testing.T) {
	var moments []time.Time
	for i := range 60 {
		moments = append(moments, ago(time.Duration(i*i)*time.Minute))
	}
	ticks := newTimeScale(moments).ticks()
	if len(ticks) < 4 || !ticks[len(ticks)-1].now || ticks[0].x != 0 {
		t.Fatalf("ticks %+v", ticks)
	}
	narrow := -100.0
	for i, tick := range ticks {
		if i > 0 && tick.x-ticks[i-1].x < tickGap {
			t.Errorf("ticks at %.1f and %.1f", ticks[i-1].x, tick.x)
		}
		if tick.narrow {
			if tick.x-narrow < tickGapNarrow {
				t.Errorf("on a phone, ticks at %.1f and %.1f", narrow, tick.x)
			}
			narrow = tick.x
		}
	}
	if !ticks[0].narrow || !ticks[len(ticks)-1].narrow {
		t.Error("a phone does not see where time begins and ends")
	}
}

// forms are the spans of a lane in their order.
func (l lane) forms() []spanForm {
	var forms []spanForm
	for _, span := range l.spans {
		forms = append(forms, span.form)
	}
	return forms
}

func TestEachKeyIsDrawnByWhatIsKnownOfIt(t *testing.T) {
	picture := timelineFrame(Chinese).draw(story())
	want := []struct {
		forms []spanForm
		marks string
		dots  int
	}{
		{[]spanForm{spanUnknown}, "obtained", 0},
		{[]spanForm{spanKnown, spanGrace}, "obtained confirmed superseded", 1},
		{[]spanForm{spanUnknown, spanGrace}, "reset tried superseded", 0},
		{[]spanForm{spanUnknown, spanSuspect, spanDead}, "obtained failed dead superseded", 1},
		{[]spanForm{spanKnown, spanUnknown}, "obtained confirmed superseded", 1},
	}
	for i, lane := range picture.lanes {
		var marks []string
		for _, mark := range lane.marks {
			marks = append(marks, mark.fact.name)
		}
		if !slices.Equal(lane.forms(), want[i].forms) || strings.Join(marks, " ") != want[i].marks || len(lane.dots) != want[i].dots {
			t.Errorf("lane %d: %v, %v, %d dots", i, lane.forms(), marks, len(lane.dots))
		}
		end := 0.0
		for _, span := range lane.spans {
			if span.x < end-0.001 || span.wide < 0 || span.x+span.wide > 100.001 {
				t.Errorf("lane %d: span %+v after %.2f", i, span, end)
			}
			end = span.x + span.wide
		}
		if lane.usable != (i < 2) {
			t.Errorf("lane %d is usable: %v", i, lane.usable)
		}
	}
}

// A key found dead before it was used is dead from then on, whatever fails later.
func TestDeadKeyStaysDeadOnItsLane(t *testing.T) {
	key := keyFrom(3*time.Hour, 0xa1)
	key.DeadAt, key.FailedAt = ago(2*time.Hour), ago(time.Hour)
	picture := timelineFrame(Chinese).draw(KeyTimeline{Keys: []app.KeyRecord{key}, Aging: 24 * time.Hour, Grace: time.Minute})
	if forms := picture.lanes[0].forms(); !slices.Equal(forms, []spanForm{spanUnknown, spanDead}) {
		t.Errorf("spans %v", forms)
	}
}

func TestMarksAtOnePlaceStandSideBySide(t *testing.T) {
	scale := newTimeScale([]time.Time{ago(time.Hour), timelineNow})
	facts := func(at time.Time) []keyFact {
		return []keyFact{{name: "obtained", at: at}, {name: "confirmed", at: at}, {name: "failed", at: at}}
	}
	left, right := placeMarks(facts(ago(time.Hour)), scale), placeMarks(facts(timelineNow), scale)
	for i := range 3 {
		if left[i].shift != i*markWidth || right[i].shift != (i-2)*markWidth {
			t.Errorf("mark %d is shifted by %d on the left and %d on the right", i, left[i].shift, right[i].shift)
		}
	}
}

func TestTimelineInWords(t *testing.T) {
	timeline := story()
	for language, words := range map[Language][]string{
		Chinese: {"e5010203", "d4010203", "当前密钥", "仍用于解密，至 20:06:00", "用了 21 天", "被替换", "重置得到", "87009", "重新登录得到同一密钥", "是，至 20:06:00"},
		English: {"e5010203", "Current key", "Still tried until 20:06:00", "Used for 21 days", "Superseded", "Made by a reset", "Yes, until 20:06:00"},
	} {
		var page bytes.Buffer
		frame := timelineFrame(language)
		if err := frame.KeyPicture(timeline).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		if err := frame.KeyTable(timeline).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(page.String(), word) {
				t.Errorf("%s: nothing says %q", language, word)
			}
		}
		for _, never := range []string{"⟦", "sealed", "style=", "NaN", "Inf"} {
			if strings.Contains(page.String(), never) {
				t.Errorf("%s: the picture holds %q", language, never)
			}
		}
	}
	frame := timelineFrame(Chinese)
	if got := frame.keysInWords(timeline); got != "现在会用来解密的密钥：e5010203、d4010203（至 20:06:00）。" {
		t.Errorf("keys in use: %s", got)
	}
	if got := frame.keysInWords(KeyTimeline{}); got != "现在没有会用来解密的密钥。" {
		t.Errorf("no key in use: %s", got)
	}
}

// The legend explains what is drawn, so a new user's page is not full of signs that are not there.
func TestLegendHoldsOnlyWhatIsDrawn(t *testing.T) {
	picture := timelineFrame(Chinese).draw(KeyTimeline{Keys: []app.KeyRecord{keyFrom(time.Hour, 1)}, Aging: 24 * time.Hour})
	if !picture.hasFact("obtained") || !picture.hasSpan(spanUnknown) {
		t.Error("what is drawn is not explained")
	}
	if picture.hasFact("dead") || picture.hasSpan(spanDead) || picture.hasDot(true) || picture.hasDot(false) {
		t.Error("what is not drawn is explained")
	}
}

func TestTicksOfOneMinuteTellTheirSeconds(t *testing.T) {
	minute := ago(2 * time.Minute).Truncate(time.Minute)
	ticks := newTimeScale([]time.Time{ago(5 * time.Minute), minute.Add(5 * time.Second), minute.Add(50 * time.Second), timelineNow}).ticks()
	var seconds []bool
	for _, tick := range ticks {
		seconds = append(seconds, tick.second)
	}
	if !slices.Equal(seconds, []bool{false, true, true, false}) {
		t.Errorf("ticks %+v", ticks)
	}
}

func TestAxisIsShort(t *testing.T) {
	frame := timelineFrame(Chinese)
	for at, want := range map[time.Time]string{
		ago(time.Hour): "今天 19:00", ago(24 * time.Hour): "昨天 20:00", ago(5 * 24 * time.Hour): "11-17 20:00", ago(400 * 24 * time.Hour): "2025-10-18",
	} {
		if got := frame.axisText(timeTick{at: at}); got != want {
			t.Errorf("%s reads %q, want %q", at, got, want)
		}
	}
	for at, want := range map[time.Time]string{ago(time.Hour): "19:00:00", ago(24 * time.Hour): "20:00:00", ago(5 * 24 * time.Hour): "11-17 20:00:00"} {
		if got := frame.axisText(timeTick{at: at, second: true}); got != want {
			t.Errorf("to the second, %s reads %q, want %q", at, got, want)
		}
	}
	if got := frame.axisText(timeTick{at: timelineNow, now: true}); got != "现在" {
		t.Errorf("now reads %q", got)
	}
}
