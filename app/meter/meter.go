// Package meter counts what happens, at the cost of an atomic addition, for whoever asks later.
package meter

import (
	"iter"
	"sync/atomic"
)

// Tally counts by key. Its keys are fixed when it is made, so that nobody's input can make it grow. It is safe for concurrent use.
type Tally[K comparable] struct {
	keys   []K
	counts map[K]*atomic.Uint64
}

// NewTally makes a Tally of these keys, all at zero.
func NewTally[K comparable](keys ...K) *Tally[K] {
	t := &Tally[K]{keys: keys, counts: make(map[K]*atomic.Uint64, len(keys))}
	for _, key := range keys {
		t.counts[key] = &atomic.Uint64{}
	}
	return t
}

// Add counts n more of a key. A key that is none of the Tally's is not counted.
func (t *Tally[K]) Add(key K, n uint64) {
	if count, known := t.counts[key]; known {
		count.Add(n)
	}
}

// Each gives every key with its count, in the order in which the keys were given.
func (t *Tally[K]) Each() iter.Seq2[K, uint64] {
	return func(yield func(K, uint64) bool) {
		for _, key := range t.keys {
			if !yield(key, t.counts[key].Load()) {
				return
			}
		}
	}
}

// Histogram counts values by size. It is safe for concurrent use.
type Histogram struct {
	bounds []int64
	steps  []atomic.Uint64 // one more than bounds
	sum    atomic.Int64
}

// NewHistogram makes a Histogram whose steps end at these bounds, which grow; what is above the last is counted too.
func NewHistogram(bounds ...int64) *Histogram {
	return &Histogram{bounds: bounds, steps: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe counts one value.
func (h *Histogram) Observe(value int64) {
	step := 0
	for step < len(h.bounds) && value > h.bounds[step] {
		step++
	}
	h.steps[step].Add(1)
	h.sum.Add(value)
}

// Distribution is what a Histogram has counted.
type Distribution struct {
	Bounds []int64  // never changed
	UpTo   []uint64 // how many values each bound was not exceeded by
	Count  uint64
	Sum    int64
}

// Distribution tells what was counted so far.
func (h *Histogram) Distribution() Distribution {
	d := Distribution{Bounds: h.bounds, UpTo: make([]uint64, len(h.bounds)), Sum: h.sum.Load()}
	for step := range h.steps {
		d.Count += h.steps[step].Load()
		if step < len(d.UpTo) {
			d.UpTo[step] = d.Count
		}
	}
	return d
}
