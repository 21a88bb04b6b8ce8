package db

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

// MigrateTo brings the database of a folder to one version, as migrate brings it to the newest. Nil: the real disk.
func MigrateTo(ctx context.Context, folder string, disk Disk, version int64) error {
	if disk == nil {
		disk = realDisk{}
	}
	d := &DB{folder: folder, disk: disk, dialect: sqliteDialect()}
	if err := createPrivately(folder, d.file(databaseFile)); err != nil {
		return err
	}
	return d.withMigrations(ctx, d.file(databaseFile), func(provider *goose.Provider, _, _ int64) error {
		_, err := provider.UpTo(ctx, version)
		return err
	})
}

// Versions lists all migrations, oldest first.
func Versions(t interface{ Fatal(...any) }) (versions []int64) {
	d := &DB{dialect: sqliteDialect()}
	handle, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	provider, err := d.migrations(handle)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range provider.ListSources() {
		versions = append(versions, source.Version)
	}
	return versions
}

// Raw gives a connection to a database as it is, which sees to no rule between tables.
func Raw(t interface{ Fatal(...any) }, folder string) *sql.DB {
	handle, err := sql.Open("sqlite", dsn(FileIn(folder), []string{"busy_timeout(5000)", "foreign_keys(0)"}))
	if err != nil {
		t.Fatal(err)
	}
	return handle
}
