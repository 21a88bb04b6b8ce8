package command_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

// withLog works on the folder as the server does.
func (f *folder) withLog(work func(*db.DB, *db.KeyRing, *keeper.Keeper)) {
	f.t.Helper()
	store, err := db.OpenBeside(f.t.Context(), f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	ring, err := store.KeyRing(f.t.Context(), masterKey.Bytes())
	if err != nil {
		f.t.Fatal(err)
	}
	served, err := store.EnsureApp(f.t.Context(), firstAppid, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	k := keeper.New(keeper.Options{App: served, Store: store, Ring: ring, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	defer k.Close()
	work(store, ring, k)
}

// exported is a folder whose log was exported: what stands in its texts is what spreadsheets and formats stumble over.
func exported(t *testing.T) (*folder, []byte) {
	f := newFolder(t)
	f.serve(firstAppid, "o-1")
	var file bytes.Buffer
	f.withLog(func(store *db.DB, ring *db.KeyRing, k *keeper.Keeper) {
		err := store.Write(t.Context(), func(tx *db.Tx) error {
			for i, reason := range []string{"", "=1+1", "'=1+1", "'quoted", "+86 138", "两行\r\n\"引号\", 逗号 😀", " = spaced", "-", "@x\ty"} {
				err := tx.Audit(ring, app.AuditRow{
					At: time.UnixMilli(1_800_000_000_000 + 10*int64(i)), Operator: "王小雨", Action: app.ActionRelogin, AppID: 1, UserID: app.UserID(i), Reason: reason,
					Detail: strings.Repeat(reason, 2),
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = k.ExportAudit(context.Background(), keeper.Order{Operator: "alice", Reason: "审计"}, db.AuditListing{}, nil, &file, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	})
	return f, file.Bytes()
}

func (f *folder) write(content []byte) string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "audit.csv")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func TestExportedLogCanBeVerified(t *testing.T) {
	f, file := exported(t)
	f.wantRun(f.run(f.of("audit", "verify", f.write(file))...), "Sound: 10 rows, 1 to 10")
	rows, err := csv.NewReader(bytes.NewReader(bytes.ReplaceAll(bytes.TrimPrefix(file, []byte("\ufeff")), []byte("\r"), []byte("␍")))).ReadAll() // it drops them
	if err != nil {
		t.Fatal(err)
	}
	rewritten := func(change func([][]string) [][]string) string {
		var copied [][]string
		for _, row := range rows {
			copied = append(copied, append([]string{}, row...))
		}
		var out bytes.Buffer
		if err := csv.NewWriter(&out).WriteAll(change(copied)); err != nil {
			t.Fatal(err)
		}
		return f.write(bytes.ReplaceAll(out.Bytes(), []byte("␍"), []byte("\r")))
	}
	f.wantRun(f.run(f.of("audit", "verify", rewritten(func(r [][]string) [][]string { return append(r[:3], r[5:]...) }))...), "2 between them are not in the file")
	for column := range rows[0] {
		if rows[0][column] == "user" {
			continue // it is for people: the log knows users by user_id
		}
		told := f.run(f.of("audit", "verify", rewritten(func(r [][]string) [][]string {
			r[4][column] += "1"
			if column == 1 {
				r[4][column] = "2026-01-01T00:00:00Z"
			}
			if column == 7 || column == 8 {
				r[4][column] = strings.Repeat("00", 32)
			}
			return r
		}))...)
		if told.err == nil {
			t.Errorf("a changed %s is not found: %s", rows[0][column], told.said())
		}
	}
	for what, path := range map[string]string{
		"a row twice":  rewritten(func(r [][]string) [][]string { return append(r, r[1]) }),
		"another file": f.write([]byte("a,b\n1,2\n")), "no file": filepath.Join(t.TempDir(), "none"),
	} {
		if told := f.run(f.of("audit", "verify", path)...); told.err == nil {
			t.Errorf("%s: %s", what, told.said())
		}
	}
}

func TestHeadsOfTheLog(t *testing.T) {
	f, _ := exported(t)
	told := f.run(f.of("audit", "check")...)
	head := regexp.MustCompile(`Whole: 10 rows\. Head: (10:[0-9a-f]{64})`).FindStringSubmatch(told.out)
	if told.err != nil || head == nil {
		t.Fatal(told.said())
	}
	earlier := f.folderCopy()
	f.withLog(func(store *db.DB, ring *db.KeyRing, _ *keeper.Keeper) {
		err := store.Write(t.Context(), func(tx *db.Tx) error {
			return tx.Audit(ring, app.AuditRow{At: time.Now(), Operator: "alice", Action: app.ActionErase})
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	f.wantRun(f.run(f.of("audit", "check", "--head", head[1])...), "Whole: 11 rows")
	later := regexp.MustCompile(`11:[0-9a-f]{64}`).FindString(f.run(f.of("audit", "check")...).out)
	f.path = earlier
	if told := f.run(f.of("audit", "check", "--head", head[1], "--head", later)...); told.err == nil || !strings.Contains(told.said(), "put back to an earlier time") {
		t.Errorf("an older database: %s", told.said())
	}
	for _, odd := range []string{"10", "10:", "x:00", "10:zz"} {
		if told := f.run(f.of("audit", "check", "--head", odd)...); told.err == nil || !strings.Contains(told.said(), "no head") {
			t.Errorf("%q: %s", odd, told.said())
		}
	}
}

// folderCopy is the folder as it is now, in another place.
func (f *folder) folderCopy() string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "copy")
	if err := os.CopyFS(path, os.DirFS(f.path)); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// The way that docs/audit.md describes for those who trust none of our code.
func TestLogCanBeVerifiedWithoutUs(t *testing.T) {
	if err := exec.Command("python3", "-c", "import cryptography").Run(); err != nil {
		t.Skip("no python3 with the package cryptography here")
	}
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := regexp.MustCompile("(?s)```python\n(.*?)```").FindAllSubmatch(text, -1)
	if len(scripts) != 2 {
		t.Fatalf("%d scripts in docs/audit.md", len(scripts))
	}
	f, file := exported(t)
	python := func(script []byte, arguments ...string) (string, error) {
		command := exec.Command("python3", append([]string{"-c", string(script)}, arguments...)...)
		command.Env = append(os.Environ(), "WXKEEPER_MASTER_KEY="+masterKey.Reveal())
		out, err := command.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	key, err := python(scripts[0][1], filepath.Join(f.path, "wxkeeper.db"))
	if err != nil || len(key) != 64 {
		t.Fatalf("%s, %v", key, err)
	}
	if said, err := python(scripts[1][1], key, f.write(file)); err != nil || said != "10 rows, 1 to 10: sound" {
		t.Errorf("%s, %v", said, err)
	}
	changed := bytes.Replace(file, []byte("users.relogin"), []byte("users.check"), 1)
	if said, err := python(scripts[1][1], key, f.write(changed)); err == nil || !strings.Contains(said, "row 9 ") {
		t.Errorf("%s, %v", said, err)
	}
}
