package web

import (
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestSystemPageShowsTheLastBackups(t *testing.T) {
	o := newOffice(t, hosted)
	b := o.signIn(t, app.RoleAdmin)
	if p := b.get("/admin/system"); !strings.Contains(p.Find("#backups").Text(), "没有设置定时备份") {
		t.Errorf("without backups: %s", p.Find("#backups").Text())
	}
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		good := app.BackupRun{StartedAt: o.now().Add(-2 * time.Hour), Took: 1500 * time.Millisecond, Bytes: 3_200_000, Name: "wxkeeper-1.db.age", Encrypted: true}
		if err := tx.InsertBackupRun(good); err != nil {
			return err
		}
		return tx.InsertBackupRun(app.BackupRun{StartedAt: o.now().Add(-time.Hour), Problem: "<b>no space left</b>"})
	})
	if err != nil {
		t.Fatal(err)
	}
	for language, wanted := range map[string][]string{
		"zh-CN": {"wxkeeper-1.db.age", "已加密", "3.2 MB", "1 秒", "失败", "<b>no space left</b>"},
		"en":    {"wxkeeper-1.db.age", "encrypted", "3.2 MB", "1 second", "Failed", "<b>no space left</b>"},
	} {
		b.Language = language
		shown := b.get("/admin/system").Find("#backups").Text()
		for _, text := range wanted {
			if !strings.Contains(shown, text) {
				t.Errorf("%s: the page does not say %q: %s", language, text, shown)
			}
		}
	}
}

func TestTheOverviewTellsOfFailingBackups(t *testing.T) {
	o := newOffice(t, func(options *DashboardOptions) { options.Overview.Backups = true })
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		return tx.InsertBackupRun(app.BackupRun{StartedAt: o.now().Add(-time.Hour), Problem: "no space left"})
	})
	if err != nil {
		t.Fatal(err)
	}
	p := o.signIn(t, app.RoleAdmin).get("/admin/")
	for _, text := range []string{"定时备份失败", "请管理员检查备份目录和磁盘空间"} {
		if !strings.Contains(p.Text, text) {
			t.Errorf("the overview does not say %q", text)
		}
	}
}
