package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/db"
	"wxkeeper/views"
)

// hosted makes the System page tell of a process.
func hosted(options *DashboardOptions) {
	options.Version = "1.2.3"
	options.Host = Host{
		StartedAt: noon.Add(-26 * time.Hour), Folder: "/srv/wxkeeper", Push: true,
		Jobs: func(now time.Time) []app.JobRun {
			return []app.JobRun{
				{Name: "sweep", Every: time.Hour, Holder: 7, StartedAt: now.Add(-time.Minute), Took: 30 * time.Millisecond, NextAt: now.Add(59 * time.Minute)},
				{Name: "check keys", Every: time.Minute, Holder: 7, StartedAt: now, Running: true, NextAt: now.Add(time.Minute)},
				{Name: "bulk jobs", Every: time.Minute, Holder: 7, StartedAt: now, Problem: `<script>no luck</script>`, NextAt: now},
				{Name: "one of tomorrow", Every: time.Minute, Holder: 7, NextAt: now},
			}
		},
		Settings: []views.SettingInForce{
			{Name: "WXKEEPER_SECRET", Secret: true, Set: true, Help: "AppSecret."},
			{Name: "WXKEEPER_PUSH_TOKEN", Secret: true, Help: "Token."},
			{Name: "WXKEEPER_KEY_AGING", Value: "12h", Default: "24h", Set: true, Help: "Aging."},
			{Name: "WXKEEPER_ENV_NAME", Help: "Name."},
		},
	}
}

func TestSystemPageTellsWhatIsKnown(t *testing.T) {
	o := newOffice(t, hosted)
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.TakeLease("check keys", 7, o.now(), time.Hour); err != nil {
			return err
		}
		_, err := tx.TakeLease("one of tomorrow", 8, o.now(), time.Hour)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b := o.signIn(t, app.RoleAdmin)
	for language, wanted := range map[string][]string{
		"zh-CN": {
			"1.2.3", "已运行 1 天 2 小时", "SQLite 3.", "/srv/wxkeeper", "写前日志", "密钥巡检", "进行中", "完成", "失败", "one of tomorrow", "由别的进程执行", "本进程",
			"空闲", "没有调用", "尚未取得", "已设置", "未设置", "已修改", "默认 24h", "加密会话密钥",
		},
		"en": {
			"1.2.3", "up 1 day 2 hours", "SQLite 3.", "/srv/wxkeeper", "write-ahead log", "Background check", "Running", "Done", "Failed",
			"Done by another process", "This process", "Free", "No calls", "None yet", "Set", "Not set", "Changed", "default 24h",
		},
	} {
		b.Language = language
		p := b.get("/admin/system")
		if p.Status != http.StatusOK {
			t.Fatalf("HTTP %d", p.Status)
		}
		for _, text := range wanted {
			if !strings.Contains(p.Text, text) {
				t.Errorf("%s: the page does not say %q", language, text)
			}
		}
		if strings.Contains(p.Body, "<script>no luck") {
			t.Error("an error is a script")
		}
	}
}

func TestSystemPageNamesTroubleWithWeChat(t *testing.T) {
	o := newOffice(t, hosted)
	if err := o.emulator.Fail(sandbox.Fault{Kind: sandbox.FaultErrcode, Errcode: 40125, Calls: 1}); err != nil {
		t.Fatal(err)
	}
	if o.phone(t, sandbox.Person{}).Launch(t.Context()) == nil {
		t.Fatal("the fault did nothing")
	}
	p := o.signIn(t, app.RoleOperator).get("/admin/system")
	if !strings.Contains(p.Text, "最近一次被微信拒绝") || !strings.Contains(p.Text, "40125") {
		t.Errorf("the refusal is not told: %s", p.Text)
	}
}

func TestSystemPageShowsConfigurationToAdminsOnly(t *testing.T) {
	o := newOffice(t, hosted)
	p := o.signIn(t, app.RoleOperator).get("/admin/system")
	if p.Status != http.StatusOK || p.Find("#settings").Length() > 0 || strings.Contains(p.Body, "/srv/wxkeeper") || strings.Contains(p.Body, "WXKEEPER_") {
		t.Errorf("HTTP %d, or operators see the configuration", p.Status)
	}
	if p := o.signIn(t, app.RoleViewer).get("/admin/system"); p.Status != http.StatusForbidden {
		t.Errorf("viewers get HTTP %d", p.Status)
	}
}
