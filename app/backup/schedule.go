package backup

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

const (
	runsKept     = 90 * 24 * time.Hour // how long a run is told about
	longestTurn  = time.Hour           // how often is looked whether a backup is due, and one that failed tried again
	leftAfter    = 24 * time.Hour      // no backup takes so long: what is older was left by a process that was killed
	problemBytes = 500
)

// Schedule takes backups by itself and keeps the newest of them.
type Schedule struct {
	Store      *db.DB
	Folder     string // where they go; it must be there
	Every      time.Duration
	Keep       int
	Recipients []string // of age; none: they are not encrypted
	Program    string
	Clock      func() time.Time
	Log        *slog.Logger
}

// Turn is how often Run wants to be called.
func (s Schedule) Turn() time.Duration { return min(s.Every, longestTurn) }

// Run takes a backup if one is due and deletes those beyond the number to keep. How it fared is recorded in the database. It fails
// only where it did not fail in the same way before: a failure that goes on is told once.
func (s Schedule) Run(ctx context.Context) error {
	last, err := s.Store.Read().LastBackup(ctx)
	if err != nil && app.KindOf(err) != app.NotFound {
		return err
	}
	// The turns are a little late, each time: without half a turn's grace every backup would be one turn late.
	if err == nil && s.Clock().Sub(last.StartedAt) < s.Every-s.Turn()/2 {
		return nil
	}
	_, before, err := s.Store.Read().BackupFailingSince(ctx)
	if err != nil {
		return err
	}
	run, failed := s.take(ctx)
	if ctx.Err() != nil {
		return nil // cut short by the end of the process: the next one begins anew
	}
	err = s.Store.Write(ctx, func(tx *db.Tx) error {
		if err := tx.InsertBackupRun(run); err != nil {
			return err
		}
		return tx.ForgetBackupRunsBefore(s.Clock().Add(-runsKept))
	})
	switch {
	case failed == nil && before != "":
		s.Log.Info("backups succeed again", "file", run.Name)
	case failed != nil && run.Problem == before:
		failed = nil
	}
	return errors.Join(failed, err)
}

func (s Schedule) take(ctx context.Context) (app.BackupRun, error) {
	run := app.BackupRun{StartedAt: s.Clock(), Encrypted: len(s.Recipients) > 0}
	taken, err := s.takeOne(ctx)
	run.Took = s.Clock().Sub(run.StartedAt)
	if taken.Path != "" {
		run.Name, run.Bytes = filepath.Base(taken.Path), taken.Bytes
	}
	if err != nil {
		run.Problem = problemOf(err)
	}
	return run, err
}

func (s Schedule) takeOne(ctx context.Context) (Taken, error) {
	if found, err := os.Stat(s.Folder); err != nil || !found.IsDir() {
		return Taken{}, errors.Join(err, errors.New("there is no such folder for backups: make it, or mount its disk"))
	}
	if err := errors.Join(s.removeLeft(), s.Store.RemoveTempFolders("backup-*"+partial, s.Clock().Add(-leftAfter))); err != nil {
		return Taken{}, err
	}
	taken, err := Take(ctx, s.Store, Options{To: s.Folder, Recipients: s.Recipients, Program: s.Program, Clock: s.Clock})
	if err != nil {
		return taken, err
	}
	if err := s.Store.Checkpoint(ctx); err != nil {
		s.Log.Debug("the write-ahead log is emptied later", "error", err) // the log grew while the backup was taken
	}
	return taken, s.removeOld()
}

// dated is the name of a backup of ours, or of what was to become one.
var dated = regexp.MustCompile(`^` + nameBegins + `\d{8}T\d{6}Z\` + nameEnds + `(\` + EncryptedSuffix + `)?`)

// removeLeft removes what was cut short: what is not ready, and what has no manifest.
func (s Schedule) removeLeft() error {
	names, err := s.names()
	for _, name := range names {
		whole := dated.FindString(name)
		if strings.HasPrefix(name[len(whole):], partial) || name == whole && !slices.Contains(names, name+ManifestSuffix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.Folder, name)))
		}
	}
	return err
}

// removeOld removes the oldest backups beyond the number to keep. The manifest goes first: what is without it is no backup any more.
func (s Schedule) removeOld() error {
	names, err := s.names()
	if err != nil {
		return err
	}
	whole := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return name != dated.FindString(name) || !slices.Contains(names, name+ManifestSuffix)
	})
	slices.Sort(whole)
	for len(whole) > s.Keep {
		for _, suffix := range []string{ManifestSuffix, ""} {
			if err := os.Remove(filepath.Join(s.Folder, whole[0]+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		whole = whole[1:]
	}
	return nil
}

// names lists what is ours in the folder.
func (s Schedule) names() ([]string, error) {
	entries, err := os.ReadDir(s.Folder)
	var names []string
	for _, entry := range entries {
		if dated.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// problemOf tells an error's cause in one line.
func problemOf(err error) string {
	var failure *app.Error
	if errors.As(err, &failure) && failure.Cause != nil {
		err = failure.Cause
	}
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\n", "; "), "")
	return text[:min(len(text), problemBytes)]
}
