package keeper

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Format is how users are written out.
type Format string

// The formats of an export: one JSON object a line, or CSV for a spreadsheet.
const (
	FormatJSONL Format = "jsonl"
	FormatCSV   Format = "csv"
)

// usersAPage is how many users an export holds in memory.
const usersAPage = 500

// exportedUser is one line of an export. The names are WeChat's.
type exportedUser struct {
	Appid       app.Appid   `json:"appid"`
	OpenID      app.OpenID  `json:"openid"`
	UnionID     app.UnionID `json:"unionid"`
	NickName    string      `json:"nickName"`
	AvatarURL   string      `json:"avatarUrl"`
	Gender      int         `json:"gender"`
	Language    string      `json:"language"`
	City        string      `json:"city"`
	Province    string      `json:"province"`
	Country     string      `json:"country"`
	PhoneNumber string      `json:"phoneNumber"`
	User        string      `json:"user"`
	FirstSeenAt string      `json:"firstSeenAt"`
	LastSeenAt  string      `json:"lastSeenAt"`
	Disabled    bool        `json:"disabled"`
	ExternalID  string      `json:"externalId"`
}

var csvHeader = []string{
	"appid", "openid", "unionid", "nickName", "avatarUrl", "gender", "language", "city", "province", "country", "phoneNumber",
	"user", "firstSeenAt", "lastSeenAt", "disabled", "externalId",
}

func (u exportedUser) row() []string {
	row := []string{
		string(u.Appid), string(u.OpenID), string(u.UnionID), u.NickName, u.AvatarURL, strconv.Itoa(u.Gender), u.Language,
		u.City, u.Province, u.Country, u.PhoneNumber, u.User, u.FirstSeenAt, u.LastSeenAt, strconv.FormatBool(u.Disabled),
		u.ExternalID,
	}
	return harmlessRow(row)
}

func harmlessRow(row []string) []string {
	for i, cell := range row {
		row[i] = harmless(cell)
	}
	return row
}

// harmless keeps a spreadsheet from taking a cell for a formula (OWASP, CSV Injection).
func harmless(cell string) string {
	seen := strings.TrimLeftFunc(cell, unicode.IsSpace)
	first, _ := utf8.DecodeRuneInString(seen)
	if seen != "" && strings.ContainsRune("=+-@＝＋－＠", first) || cell != "" && strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// Export writes every user, first login first, one a line. It holds a page of users in memory and no transaction open.
func Export(ctx context.Context, store *db.DB, ring *db.KeyRing, format Format, to io.Writer) error {
	apps, err := store.Read().Apps(ctx)
	if err != nil {
		return err
	}
	appids := map[app.AppID]app.Appid{}
	for _, one := range apps {
		appids[one.ID] = one.Appid
	}
	buffered := bufio.NewWriter(to)
	write, finish, err := exporter(format, buffered)
	if err != nil {
		return err
	}
	err = eachPage(ctx, store, func(users []app.User) error {
		external, err := store.Read().ExternalIDs(ctx, idsOf(users))
		if err != nil {
			return err
		}
		for _, user := range users {
			exported, err := exportUser(ring, appids[user.AppID], user, external[user.ID])
			if err != nil {
				return err
			}
			if err := write(exported); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := finish(); err != nil {
		return err
	}
	return buffered.Flush()
}

func exporter(format Format, to io.Writer) (write func(exportedUser) error, finish func() error, err error) {
	if format != FormatCSV {
		lines := json.NewEncoder(to)
		lines.SetEscapeHTML(false)
		return func(u exportedUser) error { return lines.Encode(u) }, func() error { return nil }, nil
	}
	rows, err := newCSV(to, csvHeader)
	if err != nil {
		return nil, nil, err
	}
	return func(u exportedUser) error { return rows.Write(u.row()) }, func() error { return flush(rows) }, nil
}

// newCSV begins a file for a spreadsheet.
func newCSV(to io.Writer, header []string) (*csv.Writer, error) {
	if _, err := io.WriteString(to, "\ufeff"); err != nil { // without it Excel takes the text for the local code page
		return nil, err
	}
	rows := csv.NewWriter(to)
	return rows, rows.Write(header)
}

func flush(rows *csv.Writer) error {
	rows.Flush()
	return rows.Error()
}

func exportUser(ring *db.KeyRing, appid app.Appid, user app.User, external string) (exportedUser, error) {
	phone, err := Phone(ring, user)
	if err != nil {
		return exportedUser{}, fmt.Errorf("phone number of user %s: %w", user.Number, err)
	}
	profile := user.Profile
	return exportedUser{
		Appid: appid, OpenID: user.OpenID, UnionID: user.UnionID, NickName: profile.Nickname, AvatarURL: profile.AvatarURL,
		Gender: profile.Gender, Language: profile.Language, City: profile.City, Province: profile.Province,
		Country: profile.Country, PhoneNumber: phone.Number, User: user.Number.String(),
		FirstSeenAt: user.FirstSeenAt().UTC().Format(time.RFC3339), LastSeenAt: user.LastSeenAt.UTC().Format(time.RFC3339),
		Disabled: user.Disabled(), ExternalID: external,
	}, nil
}

func idsOf(users []app.User) []app.UserID {
	ids := make([]app.UserID, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	return ids
}

// eachPage walks all users in pages.
func eachPage(ctx context.Context, store *db.DB, visit func([]app.User) error) error {
	var last app.UserID
	for {
		users, err := store.Read().UsersAfter(ctx, last, usersAPage)
		if err != nil || len(users) == 0 {
			return err
		}
		if err := visit(users); err != nil {
			return err
		}
		last = users[len(users)-1].ID
	}
}

// eachUser walks all users.
func eachUser(ctx context.Context, store *db.DB, visit func(app.User) error) error {
	return eachPage(ctx, store, func(users []app.User) error {
		for _, user := range users {
			if err := visit(user); err != nil {
				return err
			}
		}
		return nil
	})
}

// EachUserInState visits the users of the app whose current session key is in a state. It follows an index, and reads pages.
func (k *Keeper) EachUserInState(
	ctx context.Context, state app.KeyState, aging time.Duration, visit func(app.UserNumber) error,
) error {
	var last app.KeyRecord
	now := k.clock()
	for {
		keys, err := k.store.Read().KeysInState(ctx, k.app.ID, state, now, aging, last, usersAPage)
		if err != nil || len(keys) == 0 {
			return err
		}
		for _, one := range keys {
			if err := visit(one.Number); err != nil {
				return err
			}
		}
		last = keys[len(keys)-1].Key
	}
}

// EachUser visits the users of the app, first login first, by their numbers.
func (k *Keeper) EachUser(ctx context.Context, visit func(app.UserNumber) error) error {
	return eachUser(ctx, k.store, func(user app.User) error {
		if user.AppID != k.app.ID {
			return nil
		}
		return visit(user.Number)
	})
}
