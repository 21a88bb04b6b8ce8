package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/db"
)

func TestBackupAndRestore(t *testing.T) {
	f := newFolder(t)
	to := filepath.Join(t.TempDir(), "one.db")
	if ran := f.run(f.of("backup", to)...); ran.err == nil || !strings.Contains(ran.err.Error(), "there is no database") {
		t.Errorf("of nothing: %s", ran.said())
	}
	f.serve(firstAppid, "oA", "oB")
	if ran := f.run(f.of("backup", to, "--verify")...); ran.err != nil || !strings.HasPrefix(ran.out, "Backup "+to+": ") {
		t.Fatal(ran.said())
	}
	if ran := f.run(f.of("backup", to)...); ran.err == nil {
		t.Errorf("overwritten: %s", ran.said())
	}
	if ran := f.run(f.orderFor("erase", f.user("oA"), "asked")...); ran.err != nil {
		t.Fatal(ran.said())
	}
	ran := f.run(f.of("restore", to, "--try")...)
	if ran.err != nil || !strings.Contains(ran.out, "it was a rehearsal") || !strings.Contains(ran.out, "Erased again: 1 users") {
		t.Error(ran.said())
	}
	if rows := f.audit(); rows[len(rows)-1].Action != app.ActionErase || rows[len(rows)-1].Operator != app.CommandLine {
		t.Errorf("a rehearsal changed the data: %+v", rows)
	}
	ran = f.run(f.of("restore", to)...)
	if ran.err != nil || !strings.Contains(ran.out, "Erased again: 1 users") || !strings.Contains(ran.out, "replaced-") {
		t.Error(ran.said())
	}
	if rows := f.audit(); len(rows) != 2 || rows[0].Operator != app.ByRestore || rows[1].Action != app.ActionRestore {
		t.Errorf("audited: %+v", rows)
	}
	if ran := f.run(f.of("check")...); ran.err != nil || !strings.HasPrefix(ran.out, "Sound: 1 users") {
		t.Error(ran.said())
	}
	if err := os.RemoveAll(f.path); err != nil {
		t.Fatal(err)
	}
	ran = f.run(f.of("restore", to)...)
	if ran.err != nil || !strings.Contains(ran.out, "There was no data here that could tell who was erased") {
		t.Error(ran.said())
	}
}

func TestRotateKey(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA", "oB")
	fresh := config.NewMasterKey()
	both := []string{"WXKEEPER_MASTER_KEY=" + masterKey.Reveal(), "WXKEEPER_NEW_MASTER_KEY=" + fresh.Reveal()}
	says := func(vars []string, wanted string, arguments ...string) {
		t.Helper()
		if ran := f.runWith(vars, f.of(arguments...)...); !strings.Contains(ran.said(), wanted) || strings.Contains(ran.said(), fresh.Reveal()) {
			t.Errorf("%v: %s, want %q", arguments, ran.said(), wanted)
		}
	}
	lock, err := db.LockFolder(f.path)
	if err != nil {
		t.Fatal(err)
	}
	says(both, "another wxkeeper serves", "rotate-key")
	lock.Release()
	wrong := []string{"WXKEEPER_MASTER_KEY=" + config.NewMasterKey().Reveal(), both[1]}
	says(wrong, "the master key does not fit", "rotate-key")
	says(both[:1], "WXKEEPER_NEW_MASTER_KEY is missing", "rotate-key")

	says(both, "The new master key is in place: set WXKEEPER_MASTER_KEY", "rotate-key")
	says(both, "was in place already", "rotate-key")
	says(wrong, "was in place already", "rotate-key") // it opens everything: the old one is not asked for
	says(both[:1], "the master key does not fit", "check")
	now := []string{"WXKEEPER_MASTER_KEY=" + fresh.Reveal()}
	says(now, "Sound: 2 users", "check")

	says(both, "encrypted anew; the data key before is gone", "rotate-key", "--reencrypt")
	says(both, "had been encrypted anew already", "rotate-key", "--reencrypt")
	says(now, "Sound: 2 users", "check")
	rows := f.audit()
	if len(rows) != 2 || rows[0].Action != app.ActionRotateKey || rows[1].Action != app.ActionReencrypt {
		t.Errorf("audited: %+v", rows)
	}
}
