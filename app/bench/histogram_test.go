package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsFollowEachOther(t *testing.T) {
	for bucket := range bucketCount {
		last := upTo(bucket)
		if bucketOf(last) != bucket {
			t.Fatalf("bucket %d ends with %d, which is in %d", bucket, last, bucketOf(last))
		}
		if last+1 != 0 && bucketOf(last+1) != bucket+1 {
			t.Fatalf("after bucket %d comes %d", bucket, bucketOf(last+1))
		}
	}
}

func TestPercentiles(t *testing.T) {
	var all histogram
	var latencies []time.Duration
	for range 4 {
		var one histogram
		for range 2500 {
			latency := time.Duration(rand.ExpFloat64() * float64(20*time.Millisecond)).Truncate(time.Microsecond)
			one.add(latency)
			latencies = append(latencies, latency)
		}
		all.merge(one)
	}
	slices.Sort(latencies)
	for percent, rank := range map[float64]int{0.01: 1, 50: 5000, 95: 9500, 99: 9900, 99.99: 9999, 100: 10000} {
		got, want := all.percentile(percent), latencies[rank-1]
		if got < want || float64(got) > float64(want)*1.01+float64(time.Microsecond) {
			t.Errorf("%v %%: %v, want %v", percent, got, want)
		}
	}
	if all.count != 10000 || all.longest != latencies[9999] {
		t.Errorf("%d counted, longest %v", all.count, all.longest)
	}
}

func TestNothingCounted(t *testing.T) {
	var none histogram
	if none.percentile(99) != 0 {
		t.Error(none.percentile(99))
	}
}

func TestMedian(t *testing.T) {
	for _, one := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{7, 100, 1}, 7}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(one.values); got != one.want {
			t.Errorf("median of %v: %v, want %v", one.values, got, one.want)
		}
	}
}

// What disturbs one round disturbs both of its sides: rounds are compared, not sums.
func TestRatioIsOfRounds(t *testing.T) {
	one, other := Measurement{Rounds: []float64{50, 5, 60}}, Measurement{Rounds: []float64{100, 10, 100}}
	if got := ratio(one, other); got != 0.5 {
		t.Errorf("ratio %v", got)
	}
	if got := ratio(one, Measurement{Rounds: []float64{0, 0, 0}}); got != 0 {
		t.Errorf("against nothing: %v", got)
	}
}
