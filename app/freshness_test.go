package app_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"wxkeeper/app"
)

const aging = 24 * time.Hour

// ago is a moment before start.
func ago(d time.Duration) time.Time { return start.Add(-d) }

// obtained is a key that WeChat gave so long before start, and of which nothing else is known.
func obtained(age time.Duration) app.KeyRecord {
	return app.KeyRecord{ID: app.KeyID(app.NewID(ago(age)))}
}

// with gives the key with more that is known of it.
func with(key app.KeyRecord, change func(*app.KeyRecord)) app.KeyRecord {
	change(&key)
	return key
}

func confirmed(key app.KeyRecord, age time.Duration) app.KeyRecord {
	return with(key, func(k *app.KeyRecord) { k.ConfirmedAt, k.ConfirmedBy = ago(age), app.ConfirmedByWeChat })
}

func failed(key app.KeyRecord, age time.Duration) app.KeyRecord {
	return with(key, func(k *app.KeyRecord) { k.FailedAt = ago(age) })
}

func dead(key app.KeyRecord, age time.Duration) app.KeyRecord {
	return with(key, func(k *app.KeyRecord) { k.DeadAt, k.DeadErrcode = ago(age), 87009 })
}

func superseded(key app.KeyRecord, age time.Duration) app.KeyRecord {
	return with(key, func(k *app.KeyRecord) { k.SupersededAt = ago(age) })
}

func TestFreshness(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	for name, test := range map[string]struct {
		key   app.KeyRecord
		state app.KeyState
		since time.Duration // how long before now
		next  app.Next
	}{
		"just obtained":                  {obtained(0), app.KeyNew, 0, app.NextOK},
		"obtained, a moment before":      {obtained(aging - time.Millisecond), app.KeyNew, aging - time.Millisecond, app.NextOK},
		"obtained, exactly aging":        {obtained(aging), app.KeyAging, aging, app.NextLoginFirst},
		"obtained long ago":              {obtained(90 * day), app.KeyAging, 90 * day, app.NextLoginFirst},
		"confirmed now":                  {confirmed(obtained(3*hour), 0), app.KeyConfirmed, 0, app.NextOK},
		"old, confirmed lately":          {confirmed(obtained(90*day), hour), app.KeyConfirmed, hour, app.NextOK},
		"confirmed, a moment before":     {confirmed(obtained(9*day), aging-1), app.KeyConfirmed, aging - 1, app.NextOK},
		"confirmed, exactly aging":       {confirmed(obtained(9*day), aging), app.KeyAging, aging, app.NextLoginFirst},
		"confirmed long ago":             {confirmed(obtained(9*day), 8*day), app.KeyAging, 8 * day, app.NextLoginFirst},
		"failed, never confirmed":        {failed(obtained(hour), 0), app.KeySuspect, 0, app.NextLoginFirst},
		"failed after its confirmation":  {failed(confirmed(obtained(day), 2*hour), hour), app.KeySuspect, hour, app.NextLoginFirst},
		"failed, and old":                {failed(obtained(9*day), 2*day), app.KeySuspect, 2 * day, app.NextLoginFirst},
		"dead":                           {dead(obtained(hour), 0), app.KeyDead, 0, app.NextLoginFirst},
		"dead, confirmed before":         {dead(confirmed(obtained(day), 2*hour), hour), app.KeyDead, hour, app.NextLoginFirst},
		"dead, failed before":            {dead(failed(obtained(day), 2*hour), hour), app.KeyDead, hour, app.NextLoginFirst},
		"dead, and old":                  {dead(obtained(9*day), 8*day), app.KeyDead, 8 * day, app.NextLoginFirst},
		"superseded":                     {superseded(obtained(hour), 0), app.KeySuperseded, 0, app.NextLoginFirst},
		"superseded, confirmed":          {superseded(confirmed(obtained(day), 2*hour), hour), app.KeySuperseded, hour, app.NextLoginFirst},
		"superseded, dead and suspected": {superseded(dead(failed(obtained(day), 3*hour), 2*hour), hour), app.KeySuperseded, hour, app.NextLoginFirst},
	} {
		got := test.key.Freshness(start, aging)
		if got.State != test.state || !got.Since.Equal(ago(test.since)) || got.Next() != test.next {
			t.Errorf("%s: %s since %v, next %s; want %s since %v, next %s",
				name, got.State, got.Since, got.Next(), test.state, ago(test.since), test.next)
		}
		if says := got.Errcode != 0; says != (test.state == app.KeyDead) {
			t.Errorf("%s: errcode %d", name, got.Errcode)
		}
		if test.state == app.KeyConfirmed && got.By != app.ConfirmedByWeChat {
			t.Errorf("%s: confirmed by %q", name, got.By)
		}
	}
}

// TestAgingComesWithTime: the same facts, and nothing written.
func TestAgingComesWithTime(t *testing.T) {
	key := confirmed(obtained(time.Hour), 0)
	for _, step := range []struct {
		after, aging time.Duration
		state        app.KeyState
	}{
		{0, aging, app.KeyConfirmed}, {aging - 1, aging, app.KeyConfirmed}, {aging, aging, app.KeyAging},
		{aging, aging + 1, app.KeyConfirmed}, {2 * time.Second, 2 * time.Second, app.KeyAging}, {-time.Hour, aging, app.KeyConfirmed},
	} {
		if got := key.Freshness(start.Add(step.after), step.aging).State; got != step.state {
			t.Errorf("after %v, aging %v: %s, want %s", step.after, step.aging, got, step.state)
		}
	}
}

func TestEveryCurrentStateIsListed(t *testing.T) {
	listed := map[app.KeyState]bool{}
	for _, state := range app.KeyStates() {
		listed[state] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		age := func(what string) time.Duration {
			return time.Duration(rapid.Int64Range(0, 1000).Draw(t, what)) * time.Hour
		}
		key := obtained(age("obtained"))
		for what, change := range map[string]func(app.KeyRecord, time.Duration) app.KeyRecord{
			"confirmed": confirmed, "failed": failed, "dead": dead,
		} {
			if rapid.Bool().Draw(t, "was "+what) {
				key = change(key, age(what))
			}
		}
		freshness := key.Freshness(start, aging)
		if !listed[freshness.State] || freshness.Since.IsZero() {
			t.Fatalf("%+v is %+v", key, freshness)
		}
		if key = superseded(key, age("superseded")); key.Freshness(start, aging).State != app.KeySuperseded {
			t.Fatalf("%+v is not superseded", key)
		}
	})
}

func TestConfirm(t *testing.T) {
	const minute = time.Minute
	for name, test := range map[string]struct {
		key   app.KeyRecord
		at    time.Duration // before start
		worth bool
		state app.KeyState // afterwards
	}{
		"the first time":                          {obtained(time.Hour), 0, true, app.KeyConfirmed},
		"again at once":                           {confirmed(obtained(time.Hour), 0), 0, false, app.KeyConfirmed},
		"again, a moment before it is coarse":     {confirmed(obtained(time.Hour), app.Coarse-1), 0, false, app.KeyConfirmed},
		"again, exactly coarse":                   {confirmed(obtained(time.Hour), app.Coarse), 0, true, app.KeyConfirmed},
		"by something older":                      {confirmed(obtained(time.Hour), 0), 30 * minute, false, app.KeyConfirmed},
		"after it came of age":                    {confirmed(obtained(90*time.Hour), 80*time.Hour), 0, true, app.KeyConfirmed},
		"ends a suspicion, however young":         {failed(confirmed(obtained(time.Hour), 2*minute), minute), 0, true, app.KeyConfirmed},
		"ends a suspicion of the same second":     {failed(obtained(time.Hour), -900*time.Millisecond), 0, true, app.KeyConfirmed},
		"ends none that came later":               {failed(confirmed(obtained(time.Hour), 20*minute), 0), 15 * minute, false, app.KeySuspect},
		"ends none that came later, but is worth": {failed(confirmed(obtained(time.Hour), 30*minute), 0), 15 * minute, true, app.KeySuspect},
		"revives a dead key":                      {dead(confirmed(obtained(time.Hour), 2*minute), minute), 0, true, app.KeyConfirmed},
		"revives a dead and suspect key":          {dead(failed(obtained(time.Hour), 2*minute), minute), 0, true, app.KeyConfirmed},
		"revives none that died at that moment":   {dead(confirmed(obtained(time.Hour), 2*minute), 0), 0, false, app.KeyDead},
		"revives none that died later":            {dead(confirmed(obtained(time.Hour), 2*minute), 0), minute, false, app.KeyDead},
		"does not un-supersede":                   {superseded(obtained(time.Hour), minute), 0, true, app.KeySuperseded},
	} {
		key := test.key
		worth := key.Confirm(ago(test.at), app.ConfirmedByOpening)
		if state := key.Freshness(start, aging).State; worth != test.worth || state != test.state {
			t.Errorf("%s: worth storing %v, then %s; want %v, %s", name, worth, state, test.worth, test.state)
		}
		switch {
		case worth && (!key.ConfirmedAt.Equal(ago(test.at)) || key.ConfirmedBy != app.ConfirmedByOpening):
			t.Errorf("%s: confirmed %v by %s", name, key.ConfirmedAt, key.ConfirmedBy)
		case !worth && (!key.ConfirmedAt.Equal(test.key.ConfirmedAt) || key.ConfirmedBy != test.key.ConfirmedBy):
			t.Errorf("%s: changed although it is not worth storing", name)
		}
		if key.DeadAt.IsZero() != (key.DeadErrcode == 0) {
			t.Errorf("%s: dead %v, errcode %d", name, key.DeadAt, key.DeadErrcode)
		}
	}
}

// TestConfirmNeverGoesBack: whatever happens in whatever order, what is known gets newer.
func TestConfirmNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := obtained(1000 * time.Hour)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			before, at := key, ago(time.Duration(rapid.Int64Range(0, 7200).Draw(t, "seconds"))*time.Second)
			if rapid.Bool().Draw(t, "fails") {
				if key.Fail(at) != before.FailedAt.IsZero() {
					t.Fatalf("a failure of %v: %+v", at, before)
				}
				continue
			}
			worth := key.Confirm(at, app.ConfirmedByOpening)
			// A failure's time is ours, a confirmation's that of the payload: only one that lifts a suspicion may look older.
			if worth && before.FailedAt.IsZero() && key.ConfirmedAt.Before(before.ConfirmedAt) {
				t.Fatalf("confirmed %v after %v", key.ConfirmedAt, before.ConfirmedAt)
			}
		}
	})
}

func TestFail(t *testing.T) {
	key := obtained(time.Hour)
	if !key.Fail(ago(time.Minute)) || !key.FailedAt.Equal(ago(time.Minute)) {
		t.Errorf("the first failure: %+v", key)
	}
	if key.Fail(start) || !key.FailedAt.Equal(ago(time.Minute)) {
		t.Errorf("the second failure: %+v", key)
	}
	key.Confirm(start, app.ConfirmedByOpening)
	if !key.Fail(start.Add(time.Second)) {
		t.Error("the first failure after a confirmation is not worth storing")
	}
}

func TestArrive(t *testing.T) {
	key := func(fingerprint byte, asked time.Duration) app.KeyRecord {
		return app.KeyRecord{Fingerprint: app.Fingerprint{fingerprint}, AskedAt: ago(asked)}
	}
	const minute = time.Minute
	for name, test := range map[string]struct {
		arriving app.KeyRecord
		known    []app.KeyRecord
		want     app.Arrival
	}{
		"the first":                              {key(1, 0), nil, app.KeyIsNew},
		"the same":                               {key(1, 0), []app.KeyRecord{key(1, minute)}, app.KeyIsCurrent},
		"the same, asked for earlier":            {key(1, 2*minute), []app.KeyRecord{key(1, minute)}, app.KeyIsCurrent},
		"the same, found dead before":            {key(1, 0), []app.KeyRecord{dead(key(1, 2*minute), minute)}, app.KeyIsCurrent},
		"another":                                {key(2, 0), []app.KeyRecord{key(1, minute)}, app.KeyIsNew},
		"another, asked for in the same moment":  {key(2, 0), []app.KeyRecord{key(1, 0)}, app.KeyIsNew},
		"another, asked for earlier":             {key(2, 2*minute), []app.KeyRecord{key(1, minute)}, app.KeyIsLate},
		"another, asked for by a clock set back": {key(2, 3*minute), []app.KeyRecord{key(1, 0)}, app.KeyIsNew},
		"another, asked for a microsecond early": {key(2, time.Microsecond), []app.KeyRecord{key(1, 0)}, app.KeyIsLate},
		"an older one comes back":                {key(1, 0), []app.KeyRecord{key(2, minute), superseded(key(1, 2*minute), minute)}, app.KeyIsNew},
		"only superseded ones are known":         {key(2, 2*minute), []app.KeyRecord{superseded(key(1, minute), minute)}, app.KeyIsNew},
	} {
		if got := app.Arrive(test.arriving, test.known); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
