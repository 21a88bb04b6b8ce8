package keeper

import (
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

// TestQuestionsWithoutRoomAreCounted, of which the same key's is one more when it comes again.
func TestQuestionsWithoutRoomAreCounted(t *testing.T) {
	k := &Keeper{limits: meter.NewTally(app.LimitInquiries)}
	nobodyAsks := &inquiries{keeper: k, queue: make(chan inquiry, inquiriesWaiting)}
	for key := range app.KeyID(inquiriesWaiting + 1) {
		nobodyAsks.begin(inquiry{key: key})
	}
	nobodyAsks.begin(inquiry{key: 0}) // waits already
	nobodyAsks.begin(inquiry{key: inquiriesWaiting})
	for _, n := range k.LimitHits().Each() {
		if n != 2 {
			t.Errorf("%d had no room", n)
		}
	}
}
