package bench

import (
	"math"
	"math/bits"
	"time"
)

// Latencies are counted in buckets: below 2^exactBits microseconds each has its own, above them every doubling is divided into so
// many, which errs by less than 1 %.
const (
	exactBits   = 7
	bucketCount = (64 - exactBits + 1) << exactBits
)

// histogram counts latencies. The zero value is empty. It is not safe for concurrent use: each client has its own.
type histogram struct {
	buckets []uint32
	count   uint64
	longest time.Duration
}

func (h *histogram) add(latency time.Duration) {
	if h.buckets == nil {
		h.buckets = make([]uint32, bucketCount)
	}
	h.buckets[bucketOf(uint64(max(latency.Microseconds(), 0)))]++
	h.count++
	h.longest = max(h.longest, latency)
}

func bucketOf(microseconds uint64) int {
	shift := max(bits.Len64(microseconds)-exactBits-1, 0)
	return shift<<exactBits + int(microseconds>>shift)
}

// upTo is the largest latency that a bucket counts, in microseconds.
func upTo(bucket int) uint64 {
	shift := max(bucket>>exactBits-1, 0)
	return uint64(bucket-shift<<exactBits+1)<<shift - 1
}

func (h *histogram) merge(other histogram) {
	if h.buckets == nil {
		h.buckets = make([]uint32, bucketCount)
	}
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
	h.longest = max(h.longest, other.longest)
}

// percentile is the latency that so many of a hundred did not exceed; 0 where nothing was counted.
func (h *histogram) percentile(percent float64) time.Duration {
	rank := uint64(math.Ceil(float64(h.count) * percent / 100))
	seen := uint64(0)
	for bucket, n := range h.buckets {
		if seen += uint64(n); n > 0 && seen >= rank {
			return min(time.Duration(upTo(bucket))*time.Microsecond, h.longest)
		}
	}
	return h.longest
}
