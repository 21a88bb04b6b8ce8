package db

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/width"

	"wxkeeper/app"
)

const (
	usersNamed        = 16 // users one text may name: mostly one, but a phone number or a unionid may be several users'
	userNumberDigits  = 9
	phoneTailDigits   = 4
	longestPhone      = 15 // digits of a phone number with its country code
	longestCountry    = 3  // digits of a country code
	chinasCountryCode = "86"
	chinasDigits      = 11
)

// searching are the ways to the users that a text may mean: those it names, those whose phone number ends with it, those whose
// nickname holds it.
func (q *Queries) searching(ctx context.Context, ask UserListing) ([]walk, error) {
	text := ask.Filter.Search
	named, err := q.usersNamed(ctx, ask, text)
	if err != nil {
		return nil, err
	}
	walks := []walk{byID(ask, "named", usersTable, "u.id", "u.id IN "+rowsOf(usersNamed, 1), padded(named)...)}
	digits, _ := phoneDigits(text)
	isTail := len(digits) == phoneTailDigits
	if isTail {
		walks = append(walks, byID(ask, "tail", usersTable, "u.id", "u.app_id = ? AND u.phone_tail = ?", ask.AppID, digits))
	}
	if folded := foldNickname(text); len(folded) > 0 {
		w, err := q.byNickname(ctx, ask, folded)
		if err != nil {
			return nil, err
		}
		if isTail {
			w.require("u.phone_tail <> ?", digits)
		}
		walks = append(walks, w)
	}
	for i := range walks {
		if i > 0 {
			walks[i].except = named
		}
		if state := ask.Filter.KeyState; state != "" {
			walks[i].current = func(key app.KeyRecord) bool { return key.Freshness(ask.Now, ask.Aging).State == state }
		}
	}
	return walks, nil
}

// byNickname walks along the rarest part of a text, to those whose nickname holds all of it.
func (q *Queries) byNickname(ctx context.Context, ask UserListing, folded []rune) (walk, error) {
	rarest, second, err := q.rarestGrams(ctx, ask.AppID, folded)
	w := byID(ask, "nickname", "nickname_grams g", "g.user_id", "g.app_id = ? AND g.gram = ?", ask.AppID, rarest)
	if len(folded) > 2 {
		w.holds = string(folded)
	}
	if second != "" {
		w.require("EXISTS (SELECT 1 FROM nickname_grams h WHERE h.app_id = g.app_id AND h.gram = ? AND h.user_id = g.user_id)", second)
	}
	return w, err
}

// padded fills a fixed number of placeholders, so that one statement serves all.
func padded(ids []app.UserID) []any {
	arguments := make([]any, usersNamed)
	for i := range arguments {
		arguments[i] = app.UserID(0) // nobody
		if i < len(ids) {
			arguments[i] = ids[i]
		}
	}
	return arguments
}

// usersNamed finds the users whom a text names: by openid, unionid, external id, user number or full phone number.
func (q *Queries) usersNamed(ctx context.Context, ask UserListing, text string) ([]app.UserID, error) {
	var named []app.UserID
	lookUp := func(where string, arguments ...any) error {
		arguments = append([]any{ask.AppID}, arguments...)
		return q.each(ctx, "SELECT u.id FROM users u WHERE u.app_id = ? AND "+where+" ORDER BY u.id DESC"+limitTo(usersNamed), arguments,
			func(scan func(...any) error) error {
				var id app.UserID
				err := scan(&id)
				if !slices.Contains(named, id) && len(named) < usersNamed {
					named = append(named, id)
				}
				return err
			})
	}
	if err := lookUp("u.id = (SELECT e.user_id FROM external_ids e WHERE e.app_id = ? AND e.external_id = ?)", ask.AppID, text); err != nil {
		return nil, err
	}
	if isIdentifier(text) {
		for _, where := range []string{"u.openid = ?", "u.unionid = ?"} {
			if err := lookUp(where, text); err != nil {
				return nil, err
			}
		}
	}
	digits, abroad := phoneDigits(text)
	if len(digits) == userNumberDigits {
		number, err := strconv.Atoi(digits)
		if err == nil {
			err = lookUp("u.number = ?", number)
		}
		if err != nil {
			return nil, err
		}
	}
	if ask.PhoneHash == nil {
		return named, nil
	}
	for _, number := range phoneNumbers(digits, abroad) {
		tail := number[len(number)-phoneTailDigits:]
		if err := lookUp("u.phone_tail = ? AND u.phone_hash = ?", tail, ask.PhoneHash(number)); err != nil {
			return nil, err
		}
	}
	return named, nil
}

// isIdentifier says whether a text may be one of WeChat's names for a user.
func isIdentifier(text string) bool {
	return strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// phoneDigits reads a number as people write it, empty if the text is none. A country code may be announced by + or 00.
func phoneDigits(text string) (digits string, countryCode bool) {
	text = width.Fold.String(text)
	for _, announced := range []string{"+", "00"} {
		if rest, found := strings.CutPrefix(text, announced); found && len(rest) > phoneTailDigits {
			text, countryCode = rest, true
		}
	}
	digits = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -()", r) {
			return -1
		}
		return r
	}, text)
	if strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return digits, countryCode
}

// phoneNumbers are the numbers, without their country code, that the digits may mean.
func phoneNumbers(digits string, countryCode bool) []string {
	if len(digits) <= phoneTailDigits || len(digits) > longestPhone {
		return nil
	}
	numbers := []string{digits}
	if rest, found := strings.CutPrefix(digits, chinasCountryCode); found && len(rest) == chinasDigits && !countryCode {
		numbers = append(numbers, rest)
	}
	for n := 1; countryCode && n <= longestCountry && len(digits)-n > phoneTailDigits; n++ {
		numbers = append(numbers, digits[n:])
	}
	return numbers
}
