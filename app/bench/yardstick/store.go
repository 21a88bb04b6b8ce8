package yardstick

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"net/url"
	"path/filepath"
	"strconv"

	_ "modernc.org/sqlite" // the driver

	"wxkeeper/db/disk"
)

// Keeping says how a yardstick stores what it learns.
type Keeping string

// The ways of keeping.
const (
	Gathered Keeping = "gathered" // what waits shares one transaction and its flush
	Single   Keeping = "single"   // each request has a transaction of its own
	Nothing  Keeping = "nothing"  // nothing is stored at all
)

const (
	pragmas = "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	schema  = `CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, openid TEXT NOT NULL UNIQUE, session_key TEXT NOT NULL,
		token TEXT NOT NULL, logged_in_at INTEGER NOT NULL, nickname TEXT NOT NULL DEFAULT '', gender INTEGER NOT NULL DEFAULT 0,
		language TEXT NOT NULL DEFAULT '', city TEXT NOT NULL DEFAULT '', province TEXT NOT NULL DEFAULT '',
		country TEXT NOT NULL DEFAULT '', avatar TEXT NOT NULL DEFAULT '')`
	upsertUser = `INSERT INTO users (openid, session_key, token, logged_in_at) VALUES (?, ?, ?, ?) ON CONFLICT (openid) DO UPDATE
		SET session_key = excluded.session_key, token = excluded.token, logged_in_at = excluded.logged_in_at`
	updateUser = `UPDATE users SET nickname = ?, gender = ?, language = ?, city = ?, province = ?, country = ?, avatar = ?
		WHERE openid = ?`
	mostGathered = 256
)

// store is one connection that writes, and the goroutine that uses it.
type store struct {
	keeping                       Keeping
	handle                        *sql.DB
	connection                    *sql.Conn
	begin, commit, upsert, change *sql.Stmt
	waiting                       chan job
	ended                         chan struct{}
	disk                          *disk.Disk
}

// job is one request's statement.
type job struct {
	statement *sql.Stmt
	arguments []any
	done      chan error
}

func open(ctx context.Context, options Options) (*store, error) {
	path := filepath.Join(options.Folder, "yardstick.db")
	watched, err := disk.Watch("yardstick")
	if err != nil {
		return nil, err
	}
	handle, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+pragmas+"&vfs="+watched.Name())
	if err != nil {
		return nil, errors.Join(err, watched.Close())
	}
	connection, err := handle.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, handle.Close(), watched.Close())
	}
	s := &store{
		disk:    watched,
		keeping: options.Keeping, handle: handle, connection: connection, waiting: make(chan job, 4096), ended: make(chan struct{}),
	}
	if err := errors.Join(s.fill(ctx, options.Users), s.prepare(ctx)); err != nil {
		return nil, errors.Join(err, connection.Close(), handle.Close(), watched.Close())
	}
	go s.run()
	return s, nil
}

func (s *store) prepare(ctx context.Context) (err error) {
	for statement, text := range map[**sql.Stmt]string{
		&s.begin: "BEGIN IMMEDIATE", &s.commit: "COMMIT", &s.upsert: upsertUser, &s.change: updateUser,
	} {
		if *statement, err = s.connection.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// OpenID names one of the users that exist from the beginning.
func OpenID(number int) string {
	sum := sha256.Sum256([]byte("yardstick" + strconv.Itoa(number)))
	return "oYard" + base64.RawURLEncoding.EncodeToString(sum[:])[:23]
}

// fill brings the table up to so many users.
func (s *store) fill(ctx context.Context, users int) error {
	if _, err := s.connection.ExecContext(ctx, schema); err != nil {
		return err
	}
	var there int
	if err := s.connection.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM users").Scan(&there); err != nil || there >= users {
		return err
	}
	tx, err := s.connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	insert, err := tx.PrepareContext(ctx, `INSERT INTO users (id, openid, session_key, token, logged_in_at, nickname, language, city, province,
		country, avatar) VALUES (?, ?, 'a session key, 24 chars.', '', 0, '', 'zh_CN', 'Shenzhen', 'Guangdong', 'China', ?)`)
	if err != nil {
		return err
	}
	for id := there + 1; id <= users; id++ {
		if _, err := insert.ExecContext(ctx, id, OpenID(id), "https://thirdwx.qlogo.cn/mmopen/vi_32/"+OpenID(id)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (s *store) login(openid, key, token string, at int64) error {
	return s.write(s.upsert, openid, key, token, at)
}

func (s *store) update(openid string, p profile) error {
	return s.write(s.change, p.NickName, p.Gender, p.Language, p.City, p.Province, p.Country, p.AvatarURL, openid)
}

// write returns when its change is on disk.
func (s *store) write(statement *sql.Stmt, arguments ...any) error {
	if s.keeping == Nothing {
		return nil
	}
	done := make(chan error, 1)
	s.waiting <- job{statement, arguments, done}
	return <-done
}

func (s *store) run() {
	defer close(s.ended)
	most := mostGathered
	if s.keeping == Single {
		most = 1
	}
	var batch []job
	for first := range s.waiting {
		batch = append(batch[:0], first)
		for more := true; more && len(batch) < most; {
			select {
			case one, open := <-s.waiting:
				if more = open; open {
					batch = append(batch, one)
				}
			default:
				more = false
			}
		}
		err := s.transact(batch)
		for _, one := range batch {
			one.done <- err
		}
	}
}

// transact fails as a whole: who is measured against it gives it nothing to fail with.
func (s *store) transact(batch []job) error {
	if _, err := s.begin.Exec(); err != nil {
		return err
	}
	for _, one := range batch {
		if _, err := one.statement.Exec(one.arguments...); err != nil {
			_, rollback := s.connection.ExecContext(context.Background(), "ROLLBACK")
			return errors.Join(err, rollback)
		}
	}
	if _, err := s.commit.Exec(); err != nil {
		return err
	}
	return nil
}

// close ends the goroutine. No request may be under way.
func (s *store) close() error {
	close(s.waiting)
	<-s.ended
	return errors.Join(s.connection.Close(), s.handle.Close(), s.disk.Close())
}
