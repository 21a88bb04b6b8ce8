package keeper

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wxkeeper/app"
)

// userLine is one line of a file of users, read and checked.
type userLine struct {
	number    int
	problem   string // why it cannot be used
	appid     app.Appid
	openid    app.OpenID
	unionid   app.UnionID
	profile   app.Profile
	phone     app.Phone
	external  string
	user      app.UserNumber // as another installation of ours called them
	firstSeen time.Time
	lastSeen  time.Time
	disabled  bool
	key       app.SessionKey
	keyAt     time.Time
}

// The limits of what a file may hold.
const (
	lineBytes  = 64 << 10
	valueBytes = 1000
)

// userLines reads a file of users a record at a time, however odd the records are.
type userLines struct {
	from   *bufio.Reader
	header []string // of CSV; nil: JSON
	ahead  []string // lines read that no record has taken
	number int      // of the last line taken
	ended  bool
	now    time.Time
}

var errNoHeader = errors.New("the first line is no header: it names the columns, and one of them is openid")

func newUserLines(from io.Reader, format Format, now time.Time) (*userLines, error) {
	l := &userLines{now: now, from: bufio.NewReaderSize(from, lineBytes)}
	if mark, _ := l.from.Peek(3); string(mark) == "\ufeff" {
		_, _ = l.from.Discard(3) // what was peeked at can be discarded
	}
	first, _ := l.from.Peek(1)
	if format == FormatJSONL || format == "" && string(first) == "{" {
		return l, nil
	}
	header, _, err := l.record()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	names, _ := csv.NewReader(strings.NewReader(header)).Read() // a header that cannot be read has no openid
	for i, name := range names {
		names[i] = columnOf(name)
	}
	for _, name := range names {
		if name == "openid" {
			l.header = names
			return l, nil
		}
	}
	return nil, errNoHeader
}

// columnOf gives the one name of a column: in whatever case, with or without underscores, and by the names others use.
func columnOf(name string) string {
	plain := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", ""))
	switch plain {
	case "avatar":
		return "avatarurl"
	case "phone":
		return "phonenumber"
	case "firstseen", "lastseen":
		return plain + "at"
	case "sessionkeydate":
		return "sessionkeyat"
	}
	return plain
}

// batch reads so many records, and says whether there may be more.
func (l *userLines) batch(n int) (some []userLine, more bool, err error) {
	for len(some) < n {
		text, number, err := l.record()
		if errors.Is(err, io.EOF) {
			return some, false, nil
		}
		if err != nil {
			return some, false, err
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		some = append(some, l.read(text, number))
	}
	return some, true, nil
}

// record takes the text of one record and the number of its first line. A quote that nobody closes takes its own line alone.
func (l *userLines) record() (string, int, error) {
	first, err := l.line(0)
	if err != nil {
		return "", 0, err
	}
	text, taken := first, 1
	for l.header != nil && strings.Count(text, `"`)%2 == 1 && len(text) < lineBytes {
		next, err := l.line(taken)
		if errors.Is(err, io.EOF) {
			text, taken = first, 1
			break
		}
		if err != nil {
			return "", 0, err
		}
		text, taken = text+next, taken+1
	}
	if len(text) >= lineBytes && taken > 1 {
		text, taken = first, 1
	}
	number := l.number + 1
	l.number += taken
	l.ahead = l.ahead[taken:]
	return text, number, nil
}

// line gives a line that no record has taken yet, cut where it is too long to be one.
func (l *userLines) line(at int) (string, error) {
	for len(l.ahead) <= at {
		if l.ended {
			return "", io.EOF
		}
		text, err := l.from.ReadSlice('\n')
		line := string(text)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.from.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			l.ended = true
			if line == "" {
				return "", io.EOF
			}
		} else if err != nil {
			return "", err
		}
		l.ahead = append(l.ahead, line)
	}
	return l.ahead[at], nil
}

// read reads one record.
func (l *userLines) read(text string, number int) userLine {
	line := userLine{number: number}
	if len(text) >= lineBytes {
		line.problem = "longer than 64 KiB"
		return line
	}
	if !utf8.ValidString(text) {
		line.problem = "not in UTF-8"
		return line
	}
	values, problem := l.values(text)
	if problem == "" {
		problem = line.take(values, l.now)
	}
	line.problem = problem
	return line
}

// values gives the values of a record by their columns.
func (l *userLines) values(text string) (map[string]string, string) {
	if l.header == nil {
		return objectValues(text)
	}
	cells, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return nil, "not CSV"
	}
	if len(cells) != len(l.header) {
		return nil, strconv.Itoa(len(cells)) + " cells, where the header has " + strconv.Itoa(len(l.header))
	}
	values := map[string]string{}
	for i, cell := range cells {
		if plain, quoted := strings.CutPrefix(cell, "'"); quoted && harmless(plain) == cell { // as Export keeps it from being a formula
			cell = plain
		}
		values[l.header[i]] = cell
	}
	return values, ""
}

func objectValues(text string) (map[string]string, string) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, "not a JSON object"
	}
	if rest, _ := io.ReadAll(decoder.Buffered()); len(bytes.TrimSpace(rest)) > 0 {
		return nil, "more than one JSON object"
	}
	values := map[string]string{}
	for name, value := range object {
		switch given := value.(type) {
		case string:
			values[columnOf(name)] = given
		case json.Number:
			values[columnOf(name)] = given.String()
		case bool:
			values[columnOf(name)] = strconv.FormatBool(given)
		}
	}
	return values, ""
}

// openIDText is what openids and unionids consist of.
var openIDText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// take reads the values of a record, and says what is wrong with them.
func (u *userLine) take(values map[string]string, now time.Time) (problem string) {
	for name, value := range values {
		if len(value) > valueBytes {
			return name + " is longer than 1000 bytes"
		}
	}
	u.appid, u.openid, u.unionid = app.Appid(values["appid"]), app.OpenID(values["openid"]), app.UnionID(values["unionid"])
	if !openIDText.MatchString(string(u.openid)) {
		return "openid is missing or has a wrong form"
	}
	if u.unionid != "" && !openIDText.MatchString(string(u.unionid)) {
		return "unionid has a wrong form"
	}
	u.external = values["externalid"]
	u.profile = app.Profile{
		Nickname: values["nickname"], AvatarURL: values["avatarurl"], Language: values["language"], City: values["city"],
		Province: values["province"], Country: values["country"],
	}
	u.disabled = values["disabled"] == "true"
	for _, read := range []func(map[string]string) string{u.takeNumbers, u.takePhone, u.takeTimes, u.takeKey} {
		if problem := read(values); problem != "" {
			return problem
		}
	}
	for _, at := range []time.Time{u.firstSeen, u.lastSeen, u.keyAt} {
		if at.After(now) {
			return "a date lies ahead"
		}
	}
	return ""
}

func (u *userLine) takeNumbers(values map[string]string) string {
	if text := values["gender"]; text != "" {
		gender, err := strconv.Atoi(text)
		if err != nil || gender < 0 || gender > 2 {
			return "gender is 0, 1 or 2"
		}
		u.profile.Gender = gender
	}
	if text := values["user"]; text != "" {
		number, err := strconv.ParseInt(text, 10, 32)
		if err != nil || app.UserNumber(number).String() != text || len(text) != 9 {
			return "user is a number of nine digits"
		}
		u.user = app.UserNumber(number)
	}
	return ""
}

// phoneText is a phone number as people write it, once spaces and hyphens are gone.
var phoneText = regexp.MustCompile(`^\+?[0-9]{5,20}$`)

func (u *userLine) takePhone(values map[string]string) string {
	text := strings.NewReplacer(" ", "", "-", "").Replace(values["phonenumber"])
	if text == "" {
		return ""
	}
	if !phoneText.MatchString(text) {
		return "phone number has a wrong form"
	}
	text = strings.TrimPrefix(text, "+86")
	u.phone = app.Phone{Number: text, PureNumber: strings.TrimPrefix(text, "+")}
	if len(text) == 11 && text[0] == '1' {
		u.phone.CountryCode = "86"
	}
	return ""
}

func (u *userLine) takeTimes(values map[string]string) string {
	for name, into := range map[string]*time.Time{"firstseenat": &u.firstSeen, "lastseenat": &u.lastSeen, "sessionkeyat": &u.keyAt} {
		at, err := momentOf(values[name])
		if err != nil {
			return name + " is no date: 2024-05-01T12:00:00+08:00, 2024-05-01 12:00:00, 2024-05-01, or seconds since 1970"
		}
		*into = at
	}
	return ""
}

// inChina is what a date without a zone means: WeChat's own time.
var inChina = time.FixedZone("UTC+8", 8*60*60)

func momentOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) >= 9 {
		if len(text) >= 13 {
			return time.UnixMilli(seconds), nil
		}
		return time.Unix(seconds, 0), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if at, err := time.ParseInLocation(time.DateTime, text, inChina); err == nil {
		return at, nil
	}
	return time.ParseInLocation(time.DateOnly, text, inChina)
}

func (u *userLine) takeKey(values map[string]string) string {
	text := values["sessionkey"]
	if text == "" {
		return ""
	}
	key, err := app.NewSessionKey(text)
	if err != nil {
		return "session_key is not base64 of 16 bytes"
	}
	if u.keyAt.IsZero() {
		u.keyAt = u.lastSeen
	}
	if u.keyAt.IsZero() {
		return "session_key comes without its date, session_key_at"
	}
	u.key = key
	return ""
}
