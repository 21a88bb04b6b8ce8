package bench

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestScheduleIsEven(t *testing.T) {
	s := schedule{began: time.Unix(1000, 0), perSecond: 250, lasts: time.Second}
	for i := range 250 {
		due, more := s.next()
		if want := s.began.Add(time.Duration(i) * 4 * time.Millisecond); !more || due.Sub(want).Abs() > time.Microsecond {
			t.Fatalf("request %d is due at %v (%v), want %v", i, due, more, want)
		}
	}
	if _, more := s.next(); more {
		t.Error("more is due than asked for")
	}
}

// A server that stalls lets requests wait that would have been sent meanwhile: their waiting counts.
func TestOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	const lasts, perSecond, stall = 100 * time.Millisecond, 1000, 50 * time.Millisecond
	asked := 0
	got := open(t.Context(), "nobody is dialled", []step{func(*connection) error {
		if asked++; asked == 1 {
			time.Sleep(stall) // what the server does, not how the test waits
		}
		return nil
	}}, lasts, perSecond)
	if got.latencies.count != 100 || asked != 100 {
		t.Fatalf("%d answers to %d requests", got.latencies.count, asked)
	}
	// Those due in the first half of the stall waited for half of it at least.
	if third := got.latencies.percentile(75); third < stall/2-2*time.Millisecond {
		t.Errorf("a quarter waited for %v only", third)
	}
}

func TestFailuresAreTold(t *testing.T) {
	broken := errors.New("broken")
	answers := []error{nil, wrongBody{"odd"}, broken, nil}
	asked := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := closed(ctx, "nobody is dialled", []step{func(*connection) error {
		if asked++; asked == len(answers) {
			cancel()
		}
		return answers[asked-1]
	}}, time.Minute)
	if got.latencies.count != 2 || got.wrong != 1 || got.errors != 1 || got.first.Error() != "odd" {
		t.Errorf("%d right, %d wrong, %d errors, first %v", got.latencies.count, got.wrong, got.errors, got.first)
	}
	if got.perSecond() <= 0 {
		t.Errorf("%v a second", got.perSecond())
	}
}

func TestAClientGivesUpOnAServerThatIsGone(t *testing.T) {
	asked := 0
	got := closed(t.Context(), "nobody is dialled", []step{func(*connection) error {
		asked++
		return errors.New("gone")
	}}, time.Hour)
	if asked != mistakesBorne || got.errors != mistakesBorne {
		t.Errorf("asked %d times, %d errors", asked, got.errors)
	}
}
