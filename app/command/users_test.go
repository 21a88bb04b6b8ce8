package command_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wxkeeper/app"
)

// orders are the commands that act on one user.
var orders = []string{"relogin", "check", "reset", "erase"}

// orderFor gives a command on a user with its flags.
func (f *folder) orderFor(name, user, reason string) []string {
	arguments := []string{"users", name, "--user", user, "--reason", reason}
	if name == "check" || name == "reset" {
		return f.asking(arguments...)
	}
	return f.of(arguments...)
}

func TestUnknownUsersAreNamed(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA")
	for _, name := range append(orders, "export") {
		for user, says := range map[string]string{
			"100000000":  "no user has the number 100000000",
			"12345678":   `"12345678" is no user number: it has nine digits`,
			"12345678x":  `"12345678x" is no user number`,
			"1234567890": "is no user number",
		} {
			ran := f.run(f.orderFor(name, user, "x")...)
			if name == "export" {
				ran = f.run(f.of("users", "export", "--user", user, "--reason", "x")...)
			}
			if ran.err == nil || !strings.Contains(ran.err.Error(), says) || ran.out != "" {
				t.Errorf("%s %s: %q", name, user, ran.said())
			}
		}
	}
	if rows := f.audit(); len(rows) > 0 {
		t.Errorf("audited: %+v", rows)
	}
}

func TestNothingIsDoneWithoutAReason(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA")
	for _, name := range append(orders, "export") {
		withReason := f.orderFor(name, f.user("oA"), "")
		if name == "export" {
			withReason = f.of("users", "export", "--user", f.user("oA"), "--reason", "")
		}
		at := slices.Index(withReason, "--reason")
		without := slices.Concat(withReason[:at], withReason[at+2:])
		for _, arguments := range [][]string{withReason, without} {
			if ran := f.run(arguments...); ran.err == nil || !strings.Contains(ran.err.Error(), "--reason") {
				t.Errorf("%q: %q", arguments, ran.said())
			}
		}
	}
	if rows := f.audit(); len(rows) > 0 {
		t.Errorf("audited: %+v", rows)
	}
}

func TestOneUserOrAll(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA")
	for _, name := range []string{"relogin", "check", "reset"} {
		neither := f.run("users", name, "--reason", "x")
		both := f.run("users", name, "--user", f.user("oA"), "--all", "--reason", "x")
		for _, ran := range []outcome{neither, both} {
			if ran.err == nil || !strings.Contains(ran.err.Error(), "--user") || !strings.Contains(ran.err.Error(), "--all") {
				t.Errorf("%s: %q", name, ran.said())
			}
		}
	}
	if ran := f.run(f.of("users", "erase", "--all", "--reason", "x")...); ran.err == nil {
		t.Error("everybody can be erased at once")
	}
}

func TestSeveralApps(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA")
	f.serve(secondAppid, "oB")
	relogin := f.of("users", "relogin", "--all", "--reason", "x")
	if ran := f.run(relogin...); ran.err == nil || !strings.Contains(ran.err.Error(), "--appid") {
		t.Errorf("without --appid: %q", ran.said())
	}
	if ran := f.run(append(relogin, "--appid", "wxunknown")...); ran.err == nil || !strings.Contains(ran.err.Error(), "wxunknown") {
		t.Errorf("another app: %q", ran.said())
	}
	if ran := f.run(append(relogin, "--appid", string(secondAppid))...); ran.err != nil {
		t.Errorf("the second app: %q", ran.said())
	}
	ran := f.run(f.of("users", "relogin", "--user", f.user("oA"), "--reason", "x", "--appid", string(secondAppid))...)
	if ran.err == nil || !strings.Contains(ran.err.Error(), "no user") {
		t.Errorf("a user of the other app: %q", ran.said())
	}
	rows := f.audit()
	if len(rows) != 1 || rows[0].AppID != 2 || rows[0].Action != app.ActionReloginAll || rows[0].Operator != app.CommandLine {
		t.Errorf("audited: %+v", rows)
	}
	if ran := f.run(f.of("users", "export")...); ran.err != nil || strings.Count(ran.out, "\n") != 2 {
		t.Errorf("export of all apps: %q", ran.said())
	}
}

func TestFolderWithoutData(t *testing.T) {
	f := newFolder(t)
	for _, arguments := range [][]string{
		f.orderFor("relogin", "123456789", "x"), f.orderFor("check", "123456789", "x"), f.orderFor("erase", "123456789", "x"),
		f.of("users", "withdraw", f.list("OpenID\n")), f.of("users", "export"),
	} {
		if ran := f.run(arguments...); ran.err == nil || !strings.Contains(ran.err.Error(), "no database in "+f.path) {
			t.Errorf("%q: %q", arguments, ran.said())
		}
	}
	if ran := f.run(f.of("migrate")...); ran.err != nil {
		t.Fatal(ran.said())
	}
	if ran := f.run(f.orderFor("relogin", "123456789", "x")...); ran.err == nil || !strings.Contains(ran.said(), "wxkeeper serve") {
		t.Errorf("before anything was served: %q", ran.said())
	}
}

func TestRefusedLists(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA", "oB")
	for text, says := range map[string]string{
		"":                              "no heading",
		"a,b\n1,2\n":                    "no column OpenID",
		"OpenID,RevokeInfo\n,8\n":       "line 2: no OpenID",
		"OpenID,RevokeInfo\noA,phone\n": "line 2: RevokeInfo holds no number",
		"OpenID,RevokeInfo\n,8\n\"\n":   "2 of 2 lines could not be read",
	} {
		if ran := f.run(f.of("users", "withdraw", f.list(text))...); ran.err == nil || !strings.Contains(ran.said(), says) {
			t.Errorf("%q: %q, want %q", text, ran.said(), says)
		}
	}
	if ran := f.run(f.of("users", "withdraw", "/nowhere/list.csv")...); ran.err == nil {
		t.Error("a list that is not there is followed")
	}
	ran := f.run(f.of("users", "withdraw", f.list("openid\noA\n,\noNobody\n"))...)
	if ran.err == nil || !strings.Contains(ran.said(), "1 of 3 lines") {
		t.Errorf("a bad line among good ones: %q", ran.said())
	}
	if ran := f.run(f.of("users", "export")...); strings.Contains(ran.out, `"oA"`) || !strings.Contains(ran.out, `"oB"`) {
		t.Errorf("the good line was not followed: %s", ran.out)
	}
	if ran := f.run(f.of("users", "withdraw", f.list("OpenID\noB\n"))...); ran.err != nil || ran.out != "1 lines were followed.\n" {
		t.Errorf("a good list: %q", ran.said())
	}
}

func TestVerdictsInWords(t *testing.T) {
	for name, test := range map[string]struct {
		order, answer, says string
		told                app.Reason // in the user's events
	}{
		"good":            {"check", `{"errcode":0,"errmsg":"ok"}`, "WeChat says the key is good", app.LoginFirst},
		"dead":            {"check", refusal(87009), "not valid (87009); the next login heals", app.KeyFoundDead},
		"none":            {"check", refusal(87007), "not valid (87007)", app.KeyFoundDead},
		"busy":            {"check", refusal(45011), "could not be checked (errcode 45011)", app.KeyCheckFailed},
		"page":            {"check", "<html>", "could not be checked (not_json 0)", app.KeyCheckFailed},
		"reset":           {"reset", `{"errcode":0,"errmsg":"ok","openid":"OPENID","session_key":"` + newKeyText() + `"}`, "the key was reset", app.KeyReset},
		"refused":         {"reset", refusal(45011), "refused the reset (errcode 45011); users relogin", app.KeyResetRefused},
		"reset, but dead": {"reset", refusal(87009), "not valid (87009)", app.KeyFoundDead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.serve(firstAppid, "oA")
			f.weChatSays(test.answer)
			ran := f.run(f.orderFor(test.order, f.user("oA"), "测试")...)
			if !strings.Contains(ran.said(), f.user("oA")+": ") || !strings.Contains(ran.said(), test.says) {
				t.Errorf("%q, want %q", ran.said(), test.says)
			}
			rows := f.audit()
			if len(rows) != 1 || rows[0].Action != app.Action("users."+test.order) || rows[0].Reason != "测试" {
				t.Errorf("audited: %+v", rows)
			}
			person := f.run(f.of("users", "export", "--user", f.user("oA"), "--reason", "x")...)
			if !strings.Contains(person.out, `"reason": "`+string(test.told)+`"`) {
				t.Errorf("no event %s: %s", test.told, person.said())
			}
			if strings.Contains(ran.said(), "planted-access-token") || strings.Contains(ran.said(), appSecret) {
				t.Errorf("a secret is shown: %q", ran.said())
			}
		})
	}
}

func refusal(errcode int) string {
	return fmt.Sprintf(`{"errcode":%d,"errmsg":"refused rid: 6541-abc"}`, errcode)
}

func TestEverybodyIsCounted(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA", "oB", "oC")
	f.serve(secondAppid, "oOther")
	all := f.asking("users", "check", "--all", "--reason", "x", "--per-minute", "60000")
	if ran := f.run(all...); ran.err != nil || !strings.Contains(ran.out, "3 users: 3 keys good, 0 dead, 0 without an answer, 0 left out") {
		t.Errorf("%q", ran.said())
	}
	f.weChatSays(`{"errcode":0,"errmsg":"ok","openid":"OPENID","session_key":"` + newKeyText() + `"}`)
	reset := f.asking("users", "reset", "--all", "--reason", "x", "--per-minute", "60000")
	for _, says := range []string{"3 users: 3 keys good", "3 users: 0 keys good, 0 dead, 0 without an answer, 3 left out"} {
		if ran := f.run(reset...); ran.err != nil || !strings.Contains(ran.out, says) {
			t.Errorf("%q, want %q", ran.said(), says)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if ran := f.runUntil(gone, all...); ran.err == nil {
		t.Error("a command that is told to stop says it has done everything")
	}
}
