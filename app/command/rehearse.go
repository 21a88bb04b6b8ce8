package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"wxkeeper/app/backup"
	"wxkeeper/app/config"
	"wxkeeper/db"
)

// Rehearse finds everything that would keep a server from starting, or from starting well: refused, what is wrong with its settings (nil:
// nothing), and what is wrong around it. It opens nothing for writing. What is worth knowing it writes to out; it fails with all
// problems at once.
func Rehearse(ctx context.Context, settings config.Config, refused error, std Streams) error {
	r := rehearsal{settings: settings}
	if refused != nil && !errors.As(refused, &r.problems) {
		return refused
	}
	for _, warning := range settings.Warnings {
		r.note("Warning: %s", warning)
	}
	r.data(ctx)
	r.addresses()
	r.backups()
	for _, note := range r.notes {
		fmt.Fprintln(std.Out, note)
	}
	if len(r.problems) > 0 {
		return r.problems
	}
	return told(std.Out, nil, "Good: serve would start.\n")
}

type rehearsal struct {
	settings config.Config
	found    db.Inspection
	problems config.Problems
	notes    []string
}

func (r *rehearsal) note(format string, values ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, values...))
}

func (r *rehearsal) refuse(setting, do, format string, values ...any) {
	r.problems = append(r.problems, config.Problem{Setting: "WXKEEPER_" + setting, What: fmt.Sprintf(format, values...), Do: do})
}

// data looks at the folder and at what it holds.
func (r *rehearsal) data(ctx context.Context) {
	folder := r.settings.Data
	r.writable("DATA", folder, "Give it to the user that runs wxkeeper: chown -R wxkeeper: "+folder)
	var err error
	r.found, err = db.Inspect(ctx, folder, r.settings.MasterKey.Bytes())
	switch found := r.found; {
	case err != nil:
		r.refuse("DATA", "Nothing was changed. docs/running.md says what can be done.", "names a folder that cannot be served: %v", err)
		return
	case !found.Exists:
		r.note("The data folder %s holds no database: serve makes one.", folder)
		return
	case found.SchemaVersion < found.KnownSchema:
		r.note("The database is at version %d: serve brings it to %d first. Take a backup before that; there is no way back without one.",
			found.SchemaVersion, found.KnownSchema)
	default:
		r.note("The database is at version %d, which is this program's.", found.SchemaVersion)
	}
	if r.found.Served {
		r.note("A server uses the data folder now, so nothing is said of its addresses: stop it before another one starts.")
	}
	if r.found.KeyProblem != nil && !r.settings.MasterKey.IsZero() { // a missing one was told of already
		r.refuse("MASTER_KEY", "Use the key this data folder was first served with, or the one rotate-key put in its place.", "is not the right one: %v",
			r.found.KeyProblem)
	}
}

// writable looks at a folder and the files in it; where there is no folder yet, at the place where it would be made.
func (r *rehearsal) writable(setting, folder, do string) {
	place, err := filepath.Abs(folder)
	for err == nil {
		if _, missing := os.Stat(place); !errors.Is(missing, os.ErrNotExist) || place == filepath.Dir(place) {
			break
		}
		place = filepath.Dir(place)
	}
	if found, missing := os.Stat(place); err == nil && missing == nil && !found.IsDir() {
		err = fmt.Errorf("%s is no folder", place)
	}
	inside, _ := filepath.Glob(filepath.Join(folder, "wxkeeper.db*")) // fails for a malformed pattern only
	for _, path := range append([]string{place}, inside...) {
		if err == nil && mayWrite(path) != nil {
			err = fmt.Errorf("%s: %w", path, mayWrite(path))
		}
	}
	if err != nil {
		r.refuse(setting, do, "(%s) cannot be written to: %v", folder, err)
	}
}

// addresses holds all of them until each was tried, so that two that are the same are noticed.
func (r *rehearsal) addresses() {
	if r.found.Served {
		return
	}
	for _, one := range []struct{ setting, address string }{
		{"ADDR", r.settings.Addr}, {"ADMIN_ADDR", r.settings.AdminAddr}, {"METRICS_ADDR", r.settings.MetricsAddr},
	} {
		if one.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", one.address)
		if err != nil {
			r.refuse(one.setting, "Stop the program that has it, or choose another address.", "(%s) cannot be listened on: %v", one.address, err)
			continue
		}
		defer listener.Close()
	}
}

func (r *rehearsal) backups() {
	if _, err := backup.Recipients(r.settings.BackupTo); err != nil {
		r.refuse("BACKUP_AGE_RECIPIENTS", "Write public keys as age-keygen prints them.", "cannot be used: %v", err)
	}
	folder := r.settings.BackupDir
	if folder == "" {
		return
	}
	if found, err := os.Stat(folder); err != nil || !found.IsDir() {
		r.refuse("BACKUP_DIR", "Make it, or mount the disk: wxkeeper never makes it by itself.", "names %s, which is no folder", folder)
		return
	}
	r.writable("BACKUP_DIR", folder, "Give it to the user that runs wxkeeper: chown wxkeeper: "+folder)
}
