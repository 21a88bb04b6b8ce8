package db

import (
	"context"
	"slices"
	"strings"
)

// Folder is the data folder.
func (d *DB) Folder() string { return d.folder }

// Wrappings are the wrapped data keys.
func (d *DB) Wrappings(ctx context.Context) ([][]byte, error) {
	keys, err := d.read.dataKeys(ctx)
	var wrapped [][]byte
	for _, key := range keys {
		wrapped = append(wrapped, key.wrapped)
	}
	return wrapped, err
}

// ColumnsNamedSealed lists the columns of the schema whose names say that they hold sealed values.
func (d *DB) ColumnsNamedSealed(ctx context.Context) ([]string, error) {
	var columns []string
	err := d.read.each(ctx, `SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name LIKE '%sealed%' ORDER BY 1`, nil, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		columns = append(columns, name)
		return err
	})
	return columns, err
}

// KnownSealedColumns lists the columns that Reseal knows.
func KnownSealedColumns() []string {
	var columns []string
	for _, one := range sealedColumns {
		columns = append(columns, one.table+"."+one.column)
	}
	slices.Sort(columns)
	return columns
}

// Spoil cuts the last byte off every value of a sealed column.
func (d *DB) Spoil(ctx context.Context, column string) error {
	table, name, _ := strings.Cut(column, ".")
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.change("UPDATE " + table + " SET " + name + " = SUBSTR(" + name + ", 1, LENGTH(" + name + ") - 1) WHERE LENGTH(" + name + ") > 0")
		return err
	})
}
