package diagnosis

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"wxkeeper/app"
)

// Question is one complaint: what the operator was told, in one box or in fields of its own. What a field says counts more
// than what the box says.
type Question struct {
	Text    string         // anything: whom, when, from which version or address, in any order
	From    time.Time      // zero: not said
	To      time.Time      // zero: until now
	Version string         // of the mini program
	Address string         // that the request came from
	Zone    *time.Location // of the times in Text; nil: UTC
	Role    app.Role       // of whoever asks: not everybody may find users by full phone numbers
}

// By is what a complaint was looked up by.
type By string

// What a complaint may be looked up by.
const (
	ByTime        By = "time" // by nothing but time, version and address
	ByUserNumber  By = "user_number"
	BySupportCode By = "support_code"
	ByOpenID      By = "openid"
	ByUnionID     By = "unionid"
	ByPhone       By = "phone"
	ByPhoneTail   By = "phone_tail"
	ByRid         By = "rid"
	ByNickname    By = "nickname"
)

// Asked is what a question was taken for.
type Asked struct {
	By      By
	Text    string // the number, code or name that was looked for; of a phone number its last four digits
	Window  Window // empty: no time was said
	Version string
	Address string
	Phone   bool // it is about the phone number button
}

// longestQuestion is how many bytes a question may have.
const longestQuestion = 512

// asked is a question that has been read: the one thing it says about time, version and address, and all that the rest may mean,
// the likeliest first.
type asked struct {
	window   Window
	version  string
	address  string
	phone    bool // it is about the phone number button
	readings []reading
}

// reading is one thing that a text may mean.
type reading struct {
	by   By
	text string
}

// read takes a question apart. MissingParameter: it asks nothing. Malformed: it is too long, or its time lies in the
// future.
func (q Question) read(now time.Time) (asked, error) {
	if len(q.Text) > longestQuestion || !utf8.ValidString(q.Text) {
		return asked{}, app.FailField(app.Malformed, "", "text")
	}
	if q.Zone != nil {
		now = now.In(q.Zone)
	}
	var a asked
	text := a.takePhoneTopic(a.takeVersionAndAddress(q.Text))
	text, err := a.takeWindow(text, now)
	if err != nil {
		return asked{}, err
	}
	if err := a.readFields(q, now); err != nil {
		return asked{}, err
	}
	a.readings = readingsOf(text)
	if len(a.readings) == 0 {
		if a.window.Empty() && a.version == "" && a.address == "" && !a.phone {
			return asked{}, app.FailField(app.MissingParameter, "", "text")
		}
		a.readings = []reading{{by: ByTime}}
	}
	return a, nil
}

// readFields reads what has a field of its own.
func (a *asked) readFields(q Question, now time.Time) error {
	if version := strings.TrimSpace(q.Version); version != "" {
		if !versionForm.MatchString(version) {
			return app.FailField(app.Malformed, "", "version")
		}
		a.version = version
	}
	if address := strings.TrimSpace(q.Address); address != "" {
		parsed, err := netip.ParseAddr(address)
		if err != nil {
			return app.FailField(app.Malformed, "", "address")
		}
		a.address = parsed.String()
	}
	if q.From.IsZero() {
		if q.To.IsZero() {
			return nil
		}
		return app.FailField(app.MissingParameter, "", "from")
	}
	window, ok := Window{q.From, q.To}, true
	if q.To.IsZero() {
		window.To = now
	}
	if a.window, ok = window.until(now); !ok {
		return app.FailField(app.Malformed, "", "from")
	}
	return nil
}

var (
	versionForm = regexp.MustCompile(`^(?:\d{1,16}|devtools|unknown)$`)
	versionWord = regexp.MustCompile(`(?i)(?:^|[\s,，;；])(?:(?:v|ver|version|版本|版本号|正式版)\s*[=:：]\s*|(?:version|版本号?|正式版)\s*)(\d{1,16}|devtools|unknown)(?:$|[\s,，;；])`)
	addressWord = regexp.MustCompile(`(?i)^(?:(?:ip|address|地址)[=:：]?)?(.*)$`)
)

// takeVersionAndAddress reads v=142 and 203.0.113.9 out of a text and gives the rest.
func (a *asked) takeVersionAndAddress(text string) string {
	if at := versionWord.FindStringSubmatchIndex(text); at != nil {
		a.version = strings.ToLower(text[at[2]:at[3]])
		text = text[:at[0]] + " " + text[at[1]:]
	}
	words := wordsOf(text)
	for i, word := range words {
		parsed, err := netip.ParseAddr(addressWord.FindStringSubmatch(word)[1])
		if err != nil {
			continue
		}
		a.address = parsed.String()
		before := words[:i]
		if i > 0 && addressWord.FindStringSubmatch(words[i-1])[1] == "" { // the label alone
			before = words[:i-1]
		}
		return strings.Join(slices.Concat(before, words[i+1:]), " ")
	}
	return text
}

// wordsOf splits a text at spaces, commas and semicolons.
func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",，;；", r) })
}

// wordsTried is how many words of a text are tried as a time.
const wordsTried = 16

// takeWindow reads a time off the beginning or the end of a text, the longest there is, and gives the rest.
func (a *asked) takeWindow(text string, now time.Time) (rest string, err error) {
	words := wordsOf(text)
	if len(words) > wordsTried {
		return text, nil
	}
	for n := len(words); n > 0; n-- {
		for _, at := range []int{len(words) - n, 0} {
			said, ok := parseWindow(strings.Join(words[at:at+n], " "), now)
			if !ok {
				continue
			}
			if a.window, ok = said.until(now); !ok {
				err = app.FailField(app.Malformed, "", "text")
			}
			return strings.Join(slices.Concat(words[:at], words[at+n:]), " "), err
		}
	}
	return text, nil
}

// labels say what stands behind them, on our pages, in our answers and in what mini programs show.
var labels = []struct {
	form *regexp.Regexp
	by   By
}{
	{regexp.MustCompile(`(?i)(?:反馈码|support code|request[_ ]?id)` + valueForm), BySupportCode},
	{regexp.MustCompile(`(?i)(?:用户编号|user number)` + valueForm), ByUserNumber},
	{regexp.MustCompile(`(?i)\b(?:unionid)` + valueForm), ByUnionID},
	{regexp.MustCompile(`(?i)\b(?:openid)` + valueForm), ByOpenID},
	{regexp.MustCompile(`(?i)(?:\brid|\breq_id)` + valueForm), ByRid},
	{regexp.MustCompile(`(?i)(?:手机尾号|尾号|phone tail)` + valueForm), ByPhoneTail},
	{regexp.MustCompile(`(?i)(?:手机号码?|电话|\bphone(?: number)?)` + valueForm), ByPhone},
}

// valueForm is what stands behind a label: letters and digits, in groups as people write them.
const valueForm = `\s*["']?\s*[:：=]?\s*["']?\s*([0-9A-Za-z+._!-]+(?: [0-9A-Za-z]{1,4}\b)*)`

var (
	ridForm        = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)
	oldRidForm     = regexp.MustCompile(`^[0-9A-Za-z._!-]{1,64}$`)
	userNumberForm = regexp.MustCompile(`^[1-9]\d{8}$`)
	phoneTailForm  = regexp.MustCompile(`^\d{4}$`)
	phoneForm      = regexp.MustCompile(`^(?:\+|00)?\d{5,17}$`)
	idForm         = regexp.MustCompile(`^[0-9A-Za-z_-]{2,128}$`)
	longIDForm     = regexp.MustCompile(`^o[0-9A-Za-z_-]{19,}$`)
)

// readingsOf lists what a text may mean, the likeliest first. A label leaves no doubt.
func readingsOf(text string) []reading {
	text = strings.TrimSpace(width.Fold.String(text))
	if text == "" {
		return nil
	}
	for _, label := range labels {
		if match := label.form.FindStringSubmatch(text); match != nil {
			first, _, _ := strings.Cut(match[1], " ")
			for _, value := range []string{match[1], first} {
				if as, ok := readAs(label.by, value); ok {
					return []reading{as}
				}
			}
		}
	}
	likely := []By{BySupportCode, ByUserNumber, ByRid, ByPhoneTail, ByPhone, ByOpenID, ByUnionID, ByNickname}
	if longIDForm.MatchString(text) {
		likely = []By{ByOpenID, ByUnionID, ByNickname}
	}
	var all []reading
	for _, by := range likely {
		if as, ok := readAs(by, text); ok && (by != ByRid || ridForm.MatchString(as.text)) {
			all = append(all, as)
		}
	}
	return all
}

// separators are what people put between the groups of a number.
var separators = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", "\u00a0", "")

// readAs reads a text as one thing, if it has the form of it.
func readAs(by By, text string) (reading, bool) {
	squeezed := separators.Replace(text)
	switch by {
	case BySupportCode:
		code, err := app.ParseRequestID(squeezed)
		return reading{by, string(code)}, err == nil
	case ByUserNumber:
		return reading{by, squeezed}, userNumberForm.MatchString(squeezed)
	case ByRid:
		if lower := strings.ToLower(text); ridForm.MatchString(lower) {
			text = lower
		}
		return reading{by, text}, oldRidForm.MatchString(text)
	case ByPhoneTail:
		return reading{by, squeezed}, phoneTailForm.MatchString(squeezed)
	case ByPhone:
		return reading{by, squeezed}, phoneForm.MatchString(squeezed)
	case ByNickname:
		return reading{by, text}, true
	default:
		return reading{by, text}, idForm.MatchString(text)
	}
}
