package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"wxkeeper/app"
)

// Rewrap wraps all data keys under a new master key, in one transaction in which record is called too. No session ends by it and no data
// is touched. False: they are under the new key already. Call Checkpoint afterwards, also then: the old wrapping stays in the
// write-ahead log until it is emptied.
func (d *DB) Rewrap(
	ctx context.Context, from, to [dataKeyBytes]byte, now time.Time, record func(*Tx, *KeyRing) error,
) (bool, error) {
	if _, err := d.KeyRing(ctx, to); !errors.Is(err, errMasterKey) {
		return false, err
	}
	ring, err := d.KeyRing(ctx, from)
	if err != nil {
		return false, err
	}
	keys, err := d.read.dataKeys(ctx)
	if err != nil {
		return false, err
	}
	before, after := newGCM(from[:]), newGCM(to[:])
	for i, key := range keys {
		plain, err := openGCM(before, key.wrapped, key.additionalData())
		if err != nil {
			return false, errMasterKey
		}
		keys[i].wrapped = sealGCM(after, nil, plain, key.additionalData())
	}
	err = d.Write(ctx, func(tx *Tx) error {
		if err := tx.overwriteDeleted(); err != nil {
			return err
		}
		for _, key := range keys {
			err := tx.changeOne(`UPDATE data_keys SET wrapped = ?, wrapped_at = ? WHERE id = ?`, key.wrapped, milliseconds(now), key.id)
			if err != nil {
				return err
			}
		}
		return record(tx, ring)
	})
	return err == nil, err
}

// FreshSealing makes the data key that everything secret is to be sealed under from now on, and gives the ring that knows it and the one
// before. Where such a key was made before and not everything is under it yet, it is that. False: everything is sealed under a key
// made after the master key was changed.
func (d *DB) FreshSealing(ctx context.Context, master [dataKeyBytes]byte, now time.Time) (*KeyRing, bool, error) {
	var keys int
	var made, wrapped time.Time
	err := d.read.one(ctx, `SELECT COUNT(*), MAX(created_at), (SELECT MAX(wrapped_at) FROM data_keys) FROM data_keys WHERE purpose = ?`,
		[]any{purposeSealing}, &keys, moment{&made}, moment{&wrapped})
	if err != nil {
		return nil, false, err
	}
	if keys == 1 && !made.Before(wrapped) {
		return nil, false, nil
	}
	if _, err := d.KeyRing(ctx, master); err != nil {
		return nil, false, err
	}
	if keys == 1 {
		err := d.Write(ctx, func(tx *Tx) error { return tx.insertDataKey(newGCM(master[:]), purposeSealing, now) })
		if err != nil {
			return nil, false, err
		}
	}
	ring, err := d.KeyRing(ctx, master)
	return ring, err == nil, err
}

// sealedColumn is a column of sealed values. Every column whose name begins with sealed, or ends so, is one.
type sealedColumn struct {
	table, column string
	key           []string // the primary key
	from          string   // the table, as r, with the one that tells the owner
	app, row, of  string   // columns of the place
	place         func(appID app.AppID, row int64, owner string) Place
}

var sealedColumns = []sealedColumn{
	{
		table: "session_keys", column: "sealed", key: []string{"user_id", "id"},
		from: "session_keys r JOIN users u ON u.id = r.user_id", app: "r.app_id", row: "r.id", of: "u.openid",
		place: func(appID app.AppID, row int64, owner string) Place {
			return KeyPlace(appID, app.KeyID(row), app.OpenID(owner))
		},
	},
	{
		table: "users", column: "phone_sealed", key: []string{"id"},
		from: "users r", app: "r.app_id", row: "r.id", of: "r.openid",
		place: func(appID app.AppID, row int64, owner string) Place {
			return PhonePlace(appID, app.UserID(row), app.OpenID(owner))
		},
	},
	{
		table: "access_tokens", column: "sealed", key: []string{"app_id"},
		from: "access_tokens r JOIN apps a ON a.id = r.app_id", app: "r.app_id", row: "r.app_id", of: "a.appid",
		place: func(appID app.AppID, _ int64, owner string) Place { return AccessTokenPlace(appID, app.Appid(owner)) },
	},
	appSecretColumn("secret_sealed", func(at app.AppSecrets[Place]) Place { return at.Secret }),
	appSecretColumn("push_token_sealed", func(at app.AppSecrets[Place]) Place { return at.PushToken }),
	appSecretColumn("push_key_sealed", func(at app.AppSecrets[Place]) Place { return at.PushKey }),
	{
		table: "operators", column: "totp_sealed", key: []string{"id"},
		from: "operators r", app: "0", row: "r.id", of: "r.name",
		place: func(_ app.AppID, row int64, owner string) Place {
			return TOTPPlace(app.Operator{ID: app.OperatorID(row), Name: owner})
		},
	},
	{
		table: "operator_sessions", column: "sealed_values", key: []string{"id"},
		from: "operator_sessions r", app: "0", row: "r.id", of: "r.operator_id",
		place: func(_ app.AppID, row int64, owner string) Place {
			return Place{Table: "operator_sessions", Row: app.ID(row), Owner: app.OpenID("operator " + owner)}
		},
	},
	{
		table: "webhooks", column: "sealed", key: []string{"id"},
		from: "webhooks r", app: "0", row: "r.id", of: "r.id",
		place: func(_ app.AppID, row int64, _ string) Place { return WebhookPlace(app.WebhookID(row)) },
	},
	{
		table: "robots", column: "sealed", key: []string{"id"},
		from: "robots r", app: "0", row: "r.id", of: "r.kind",
		place: func(_ app.AppID, row int64, owner string) Place {
			return RobotPlace(app.RobotID(row), app.RobotKind(owner))
		},
	},
}

func appSecretColumn(column string, chosen func(app.AppSecrets[Place]) Place) sealedColumn {
	return sealedColumn{
		table: "apps", column: column, key: []string{"id"}, from: "apps r", app: "r.id", row: "r.id", of: "r.appid",
		place: func(appID app.AppID, _ int64, owner string) Place {
			return chosen(AppSecretPlaces(app.App{ID: appID, Appid: app.Appid(owner)}))
		},
	}
}

// sealedRow is one sealed value.
type sealedRow struct {
	at     position
	place  Place
	sealed []byte
}

// resealedAtOnce is how many values are sealed anew in one transaction.
const resealedAtOnce = 500

// Reseal seals every secret under the ring's newest data key that is not yet, then deletes the older ones, in a transaction in which
// record is called too. It may be ended at any moment, however hard, and run again. Progress is told how many values have been looked at,
// of how many. Nobody else may be writing secrets; call Checkpoint afterwards.
func (d *DB) Reseal(ctx context.Context, ring *KeyRing, progress func(done, of int), record func(*Tx) error) error {
	total, done := 0, 0
	for _, column := range sealedColumns {
		n, err := d.read.countSealed(ctx, column)
		if err != nil {
			return err
		}
		total += n
	}
	for _, column := range sealedColumns {
		err := d.read.eachSealed(ctx, column, func(rows []sealedRow) error {
			if err := d.reseal(ctx, ring, column, rows); err != nil {
				return err
			}
			done += len(rows)
			progress(done, max(done, total))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.deleteOldSealing(ctx, ring); err != nil {
			return err
		}
		return record(tx)
	})
}

func (d *DB) reseal(ctx context.Context, ring *KeyRing, column sealedColumn, rows []sealedRow) error {
	prefix := binary.BigEndian.AppendUint16(nil, ring.sealingKeyID)
	var old []sealedRow
	var fresh [][]byte
	for _, row := range rows {
		if bytes.HasPrefix(row.sealed, prefix) {
			continue
		}
		secret, err := ring.Open(row.place, row.sealed)
		if err != nil {
			return app.Fail(app.StorageUnavailable, "").Because(
				fmt.Errorf("%s does not open: run wxkeeper check", column.where(row)))
		}
		old, fresh = append(old, row), append(fresh, ring.Seal(row.place, secret))
	}
	if len(old) == 0 {
		return nil
	}
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.overwriteDeleted(); err != nil {
			return err
		}
		for i, row := range old {
			if err := tx.replaceSealed(column, row, fresh[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unopened opens whatever is sealed and no user's own, and tells of each value that does not open where it stands. It gives how many
// there are. What is changed beside it does not disturb it.
func (q *Queries) Unopened(ctx context.Context, ring *KeyRing, tell func(where string)) (looked int, err error) {
	for _, column := range sealedColumns {
		if column.table == "users" || column.table == "session_keys" {
			continue
		}
		err := q.eachSealed(ctx, column, func(rows []sealedRow) error {
			for _, row := range rows {
				looked++
				if _, err := ring.Open(row.place, row.sealed); err != nil {
					tell(column.where(row))
				}
			}
			return nil
		})
		if err != nil {
			return looked, err
		}
	}
	return looked, nil
}

// where names a value for whoever has to mend it.
func (c sealedColumn) where(row sealedRow) string {
	return fmt.Sprintf("%s %v (%s): %s", c.table, row.at, row.place.Owner, c.column)
}

// eachSealed gives all values of a column, some at a time.
func (q *Queries) eachSealed(ctx context.Context, column sealedColumn, some func([]sealedRow) error) error {
	for after := make(position, len(column.key)); ; {
		rows, err := q.sealedAfter(ctx, column, after, resealedAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := some(rows); err != nil {
			return err
		}
		after = rows[len(rows)-1].at
	}
}

// replaceSealed leaves alone what somebody has changed meanwhile.
func (t *Tx) replaceSealed(column sealedColumn, row sealedRow, fresh []byte) error {
	arguments := []any{fresh}
	for _, part := range row.at {
		arguments = append(arguments, part)
	}
	_, err := t.change("UPDATE "+column.table+" SET "+column.column+" = ? WHERE "+strings.Join(column.key, " = ? AND ")+" = ? AND "+
		column.column+" = ?", append(arguments, row.sealed)...)
	return err
}

func (q *Queries) countSealed(ctx context.Context, column sealedColumn) (n int, err error) {
	err = q.one(ctx, "SELECT COUNT(*) FROM "+column.from+" WHERE LENGTH(r."+column.column+") > 0", nil, &n)
	return n, err
}

func (q *Queries) sealedAfter(ctx context.Context, column sealedColumn, after position, limit int) ([]sealedRow, error) {
	key := "r." + strings.Join(column.key, ", r.")
	var arguments []any
	for _, part := range after {
		arguments = append(arguments, part)
	}
	var rows []sealedRow
	err := q.each(ctx, "SELECT "+key+", "+column.app+", "+column.row+", "+column.of+", r."+column.column+" FROM "+column.from+
		" WHERE ("+key+") > "+rowsOf(len(after), 1)+" AND LENGTH(r."+column.column+") > 0 ORDER BY "+key+" LIMIT ?",
		append(arguments, limit), func(scan func(...any) error) error {
			one := sealedRow{at: make(position, len(column.key))}
			var appID app.AppID
			var row int64
			var owner string
			err := scan(append(one.at.fields(), &appID, &row, &owner, &one.sealed)...)
			one.place = column.place(appID, row, owner)
			rows = append(rows, one)
			return err
		})
	return rows, err
}

// errSealedMeanwhile says that somebody has sealed something under an old data key while everything was being sealed under the new one.
var errSealedMeanwhile = errors.New("another command has stored a secret meanwhile: run this one again, alone")

// deleteOldSealing deletes the data keys that nothing is sealed under any more.
func (t *Tx) deleteOldSealing(ctx context.Context, ring *KeyRing) error {
	prefix := binary.BigEndian.AppendUint16(nil, ring.sealingKeyID)
	for _, column := range sealedColumns {
		var left int
		err := t.one(ctx, "SELECT COUNT(*) FROM "+column.table+" WHERE LENGTH("+column.column+") > 0 AND SUBSTR("+
			column.column+", 1, 2) <> ?", []any{prefix}, &left)
		if err != nil {
			return err
		}
		if left > 0 {
			return app.Fail(app.StorageUnavailable, "").Because(errSealedMeanwhile)
		}
	}
	if err := t.overwriteDeleted(); err != nil {
		return err
	}
	_, err := t.change(`DELETE FROM data_keys WHERE purpose = ? AND id <> ?`, purposeSealing, ring.sealingKeyID)
	return err
}
