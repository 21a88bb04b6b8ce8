package views

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"wxkeeper/app"
)

func TestEveryActionHasWords(t *testing.T) {
	source, err := os.ReadFile("../app/audit.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\tAction\w+\s+Action = "([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 20 {
		t.Fatalf("found only %d actions", len(found))
	}
	for _, match := range found {
		action := app.Action(match[1])
		if !ActionKnown(action) {
			t.Errorf("%s cannot be chosen", action)
		}
		for _, language := range Languages() {
			if (Text{language}).Action(action) == string(action) {
				t.Errorf("%s: no words for %s", language, action)
			}
		}
	}
	if got := (Text{}).Action("users.of_a_later_release"); got != "users.of_a_later_release" {
		t.Errorf("an unknown action reads %q", got)
	}
}

func TestAuditDetailsAreToldInWords(t *testing.T) {
	f := Frame{}
	for _, row := range []struct {
		action       app.Action
		detail       string
		want, leadTo string
	}{
		{app.ActionReloginMany, `{"job":"12","users":3,"filter":{"key_state":"dead"}}`, "3 位用户 · 已失效", "/admin/jobs/12"},
		{app.ActionCancelJob, `{"job":"12","users":2}`, "已完成 2 位用户", "/admin/jobs/12"},
		{app.ActionExport, `{"filter":{}}`, "全部用户", ""},
		{app.ActionExport, `{"filter":{"disabled":true},"searched":true}`, "已停用 · 按搜索词", ""},
		{app.ActionExport, ``, "", ""},
		{app.ActionExportAudit, `{"asked":{"action":"users.erase"}}`, "操作 彻底删除", ""},
		{app.ActionExportAudit, `{}`, "全部记录", ""},
		{app.ActionSetRole, "小王: viewer → admin", "小王：只读 → 管理员", ""},
		{app.ActionAddOperator, "a: b: operator", "a: b：运营", ""},
		{app.ActionSignIn, "192.0.2.1", "地址 192.0.2.1", ""},
		{app.ActionSettle, "consent.unknown 99", "未知的撤回类型，需要人工处理 99", ""},
		{app.ActionReloginMany, "<not json>", "<not json>", ""},
	} {
		words, address := f.auditDetail(app.AuditRow{Action: row.action, Detail: row.detail})
		if words != row.want || address != row.leadTo {
			t.Errorf("%s %s reads %q and leads to %q", row.action, row.detail, words, address)
		}
	}
}

func TestEveryReasonIsInOneGroup(t *testing.T) {
	times := map[app.Reason]int{}
	for _, group := range EventGroups() {
		if len(group.Reasons()) == 0 {
			t.Errorf("%s is empty", group)
		}
		for _, reason := range group.Reasons() {
			times[reason]++
		}
	}
	for _, reason := range app.Reasons() {
		want := 1
		if reason.Outcome() == app.NoteOnly {
			want = 0 // no event has it
		}
		if times[reason] != want {
			t.Errorf("%s is in %d groups", reason, times[reason])
		}
	}
	if len(EventGroup("nobody's").Reasons()) != 0 {
		t.Error("an unknown group has reasons")
	}
	if got := (Text{English}).reasonsInWords("login_failed,open.key_dead"); !strings.Contains(got, " · ") {
		t.Errorf("two are called %q", got)
	}
}
