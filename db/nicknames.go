package db

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/width"

	"wxkeeper/app"
)

// nicknameIndexed is how many characters of a nickname can be searched for.
const nicknameIndexed = 64

// grams are what a nickname is found by: each of its characters and each pair of neighbours, with case and width folded, so
// that one- and two-character Chinese names are found by an index on every engine.
func grams(nickname string) []string {
	runes := foldNickname(nickname)
	var found []string
	for i, r := range runes {
		found = append(found, string(r))
		if i > 0 {
			found = append(found, string(runes[i-1:i+1]))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func foldNickname(nickname string) []rune {
	visible := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, nickname)
	folded := []rune(cases.Fold().String(width.Fold.String(visible)))
	return folded[:min(len(folded), nicknameIndexed)]
}

func (t *Tx) reindexNickname(user app.User, nickname string) error {
	before, after := grams(user.Profile.Nickname), grams(nickname)
	for _, gram := range before {
		if slices.Contains(after, gram) {
			continue
		}
		_, err := t.change(`DELETE FROM nickname_grams WHERE app_id = ? AND gram = ? AND user_id = ?`,
			user.AppID, gram, user.ID)
		if err != nil {
			return err
		}
	}
	added := slices.DeleteFunc(after, func(gram string) bool { return slices.Contains(before, gram) })
	for rows := range inChunks(added) {
		var arguments []any
		for _, gram := range rows {
			arguments = append(arguments, user.AppID, gram, user.ID)
		}
		_, err := t.change("INSERT INTO nickname_grams (app_id, gram, user_id) VALUES "+rowsOf(3, len(rows)), arguments...)
		if err != nil {
			return err
		}
	}
	return nil
}

// NicknameIndexed says whether a user can be found by every part of the stored nickname.
func (q *Queries) NicknameIndexed(ctx context.Context, user app.User) (bool, error) {
	wanted := grams(user.Profile.Nickname)
	for _, gram := range wanted {
		var n int
		err := q.one(ctx, `SELECT COUNT(*) FROM nickname_grams WHERE app_id = ? AND gram = ? AND user_id = ?`,
			[]any{user.AppID, gram, user.ID}, &n)
		if err != nil || n == 0 {
			return false, err
		}
	}
	return true, nil
}

const (
	gramsWeighed = 16   // pairs of a text whose frequency is looked at
	gramsCounted = 1000 // how far they are counted
)

// rarestGrams gives the two grams of a text that the fewest nicknames have, the rarest first; the second is empty where there
// is but one. The frequency is known only up to a bound: beyond it any gram is as good.
func (q *Queries) rarestGrams(ctx context.Context, appID app.AppID, folded []rune) (rarest, second string, err error) {
	if len(folded) <= 2 {
		return string(folded), "", nil
	}
	fewest, fewer := gramsCounted+1, gramsCounted+1
	for i := range min(len(folded)-1, gramsWeighed) {
		gram := string(folded[i : i+2])
		if gram == rarest || gram == second {
			continue
		}
		var n int
		err := q.one(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM nickname_grams WHERE app_id = ? AND gram = ?"+
			limitTo(gramsCounted)+") AS counted", []any{appID, gram}, &n)
		switch {
		case err != nil:
			return "", "", err
		case n < fewest:
			rarest, second, fewest, fewer = gram, rarest, n, fewest
		case n < fewer:
			second, fewer = gram, n
		}
	}
	return rarest, second, nil
}
