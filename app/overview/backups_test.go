package overview_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/overview"
	"wxkeeper/db"
)

func TestFailingBackupsNeedAttention(t *testing.T) {
	h := newHouse(t)
	h.Backups = true
	for _, run := range []app.BackupRun{
		{StartedAt: noon.Add(-5 * time.Hour), Problem: "an old trouble"},
		{StartedAt: noon.Add(-4 * time.Hour), Name: "wxkeeper.db"},
		{StartedAt: noon.Add(-3 * time.Hour), Problem: "the first trouble"},
		{StartedAt: noon.Add(-2 * time.Hour), Problem: "no space left on device"},
	} {
		h.write(func(tx *db.Tx) error { return tx.InsertBackupRun(run) })
	}
	want := []overview.Concern{{
		Kind: overview.BackupFailing, Since: noon.Add(-3 * time.Hour), Problem: "no space left on device",
		Target: overview.Target{Page: overview.SystemPage},
	}}
	if diff := cmp.Diff(want, h.attention()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	h.Backups = false
	if got := h.attention(); len(got) > 0 {
		t.Errorf("without scheduled backups: %+v", got)
	}
	h.Backups = true
	h.write(func(tx *db.Tx) error { return tx.InsertBackupRun(app.BackupRun{StartedAt: noon, Name: "wxkeeper.db"}) })
	if got := h.attention(); len(got) > 0 {
		t.Errorf("when all is well again: %+v", got)
	}
}
