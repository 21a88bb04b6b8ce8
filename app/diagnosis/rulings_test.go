package diagnosis

import (
	"strings"
	"testing"

	"wxkeeper/app"
)

func TestEveryFailureHasARuling(t *testing.T) {
	for _, reason := range app.Reasons() {
		ruling, known := rulings[reason]
		if !known && (failed(app.Event{Reason: reason}) || strings.HasPrefix(string(reason), "report.")) {
			t.Errorf("nothing is said of %s", reason)
		}
		if known && ruling.finding == "" {
			t.Errorf("%s has no finding", reason)
		}
	}
}
