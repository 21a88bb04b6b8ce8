package command_test

import (
	"os"
	"strings"
	"testing"

	"wxkeeper/db"
)

func TestAnEmptyFolderIsFilledOnce(t *testing.T) {
	f := newFolder(t)
	fill := f.of("bench", "fill", "--users", "30", "--appid", string(firstAppid))
	if ran := f.run(fill...); ran.err != nil || !strings.Contains(ran.out, "30 users in "+f.path) || !strings.Contains(ran.errors, "\r30 of 30 users\n") {
		t.Fatalf("%q", ran.said())
	}
	if ran := f.run(f.of("check")...); ran.err != nil || !strings.Contains(ran.out, "Sound: 30 users") {
		t.Errorf("%q", ran.said())
	}
	if ran := f.run(fill...); ran.err == nil || !strings.Contains(ran.said(), "users in "+f.path+" already") {
		t.Errorf("filled twice: %q", ran.said())
	}
}

func TestFillRefuses(t *testing.T) {
	f := newFolder(t)
	for name, arguments := range map[string][]string{
		"nobody":  {"--users", "0", "--appid", string(firstAppid)},
		"no app":  {"--users", "5"},
		"no size": {"--appid", string(firstAppid)},
	} {
		if ran := f.run(f.of(append([]string{"bench", "fill"}, arguments...)...)...); ran.err == nil {
			t.Errorf("%s: %q", name, ran.said())
		}
	}
	lock, err := db.LockFolder(f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	ran := f.run(f.of("bench", "fill", "--users", "5", "--appid", string(firstAppid))...)
	if ran.err == nil || !strings.Contains(ran.said(), "another wxkeeper serves") {
		t.Errorf("beside a server: %q", ran.said())
	}
}

func TestRunRefusesBeforeItMakesUsers(t *testing.T) {
	f := newFolder(t)
	for says, arguments := range map[string][]string{
		"called nothing":  {"--part", "login,nothing"},
		"users at least":  {"--users", "10", "--clients", "8"},
		"1 at least":      {"--clients", "0"},
		"--yardstick":     {"--yardstick", "mine"},
		"not be negative": {"--new-keys", "101"},
	} {
		data := t.TempDir()
		ran := f.run(append([]string{"bench", "run", "--data", data}, arguments...)...)
		if ran.err == nil || !strings.Contains(ran.said(), says) {
			t.Errorf("%v: %q, want %q", arguments, ran.said(), says)
		}
		if made, err := os.ReadDir(data); err != nil || len(made) > 0 {
			t.Errorf("%v: made %v, %v", arguments, made, err)
		}
	}
}
