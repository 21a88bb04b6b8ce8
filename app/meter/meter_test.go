package meter_test

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"wxkeeper/app/meter"
)

func TestTally(t *testing.T) {
	tally := meter.NewTally("a", "b", "c")
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			tally.Add("a", 1)
			tally.Add("c", 2)
			tally.Add("what a stranger says", 1)
		})
	}
	all.Wait()
	if got := maps.Collect(tally.Each()); !maps.Equal(got, map[string]uint64{"a": 100, "b": 0, "c": 200}) {
		t.Errorf("%v", got)
	}
}

func TestHistogram(t *testing.T) {
	histogram := meter.NewHistogram(1, 10, 100)
	for _, value := range []int64{0, 1, 2, 10, 11, 100, 101, 1000} {
		histogram.Observe(value)
	}
	got := histogram.Distribution()
	if !slices.Equal(got.UpTo, []uint64{2, 4, 6}) || got.Count != 8 || got.Sum != 1225 {
		t.Errorf("%+v", got)
	}
}
