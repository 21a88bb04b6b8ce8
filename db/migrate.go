package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrateLockWait is how long a second starter waits for the first one's migration.
const migrateLockWait = time.Minute

// migrate brings the schema up to this program's version. Starters take turns.
func (d *DB) migrate(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, migrateLockWait)
	defer cancel()
	lock := flock.New(d.file(migrateLock), flock.SetPermissions(filePermissions))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another migration: %w", err)
	}
	defer lock.Close()

	return d.withMigrations(ctx, path, func(provider *goose.Provider, have, known int64) error {
		if have > known {
			return tooNew(have, known)
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		return nil
	})
}

// insistOnSchema fails unless the database has exactly the schema this program knows.
func (d *DB) insistOnSchema(ctx context.Context, path string) error {
	return d.withMigrations(ctx, path, func(_ *goose.Provider, have, known int64) error {
		switch {
		case have > known:
			return tooNew(have, known)
		case have < known:
			return fmt.Errorf("the database is at version %d, this program at %d: restart the server with this program, or run wxkeeper migrate while it is stopped", have, known)
		}
		return nil
	})
}

func tooNew(have, known int64) error {
	return fmt.Errorf("the database is at version %d, this program knows only %d: run a newer wxkeeper", have, known)
}

func (d *DB) withMigrations(ctx context.Context, path string, work func(provider *goose.Provider, have, known int64) error) error {
	handle, err := sql.Open("sqlite", d.dsn(path, migrationPragmas))
	if err != nil {
		return err
	}
	defer handle.Close()
	provider, err := d.migrations(handle)
	if err != nil {
		return err
	}
	have, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	return work(provider, have, known)
}

func (d *DB) migrations(handle *sql.DB) (*goose.Provider, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var migrations []*goose.Migration
	for _, name := range names {
		migration, err := d.migration(name)
		if err != nil {
			return nil, err
		}
		migrations = append(migrations, migration)
	}
	return goose.NewProvider(d.dialect.goose, handle, nil,
		goose.WithGoMigrations(migrations...), goose.WithLogger(goose.NopLogger()))
}

// migration reads one file: its version is the time in its name, its statements are its paragraphs.
func (d *DB) migration(name string) (*goose.Migration, error) {
	digits, _, _ := strings.Cut(path.Base(name), "_")
	version, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("migration %s: no time in its name", name)
	}
	text, err := template.ParseFS(migrationFiles, name)
	if err != nil {
		return nil, err
	}
	var rendered strings.Builder
	if err := text.Execute(&rendered, d.dialect.words); err != nil {
		return nil, err
	}
	statements := paragraphs(rendered.String())
	run := func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%.40s: %w", statement, err)
			}
		}
		return nil
	}
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: run}, nil), nil
}

func paragraphs(text string) []string {
	var statements []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		paragraph = strings.TrimSpace(paragraph)
		if paragraph != "" && !strings.HasPrefix(paragraph, "--") {
			statements = append(statements, strings.TrimSuffix(paragraph, ";"))
		}
	}
	return statements
}

// SchemaVersion is the version of the newest migration that ran: the time in its name.
func (d *DB) SchemaVersion(ctx context.Context) (int64, error) {
	provider, err := d.migrations(d.readers)
	if err != nil {
		return 0, err
	}
	return provider.GetDBVersion(ctx)
}
