package db

import (
	"cmp"
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

// nicknameGram is an entry of the nickname index.
type nicknameGram struct {
	app  app.AppID
	gram string
	user app.UserID
}

func (g nicknameGram) compare(other nicknameGram) int {
	return cmp.Or(cmp.Compare(g.app, other.app), cmp.Compare(g.gram, other.gram), cmp.Compare(g.user, other.user))
}

// gramChange is an entry that comes or goes.
type gramChange struct {
	nicknameGram
	n int // 1 or -1
}

// reindexNickname has the index follow a nickname when the transaction ends.
func (t *Tx) reindexNickname(user app.User, nickname string) {
	for _, one := range []struct {
		nickname string
		n        int
	}{{user.Profile.Nickname, -1}, {nickname, 1}} {
		for _, gram := range grams(one.nickname) {
			t.grams = append(t.grams, gramChange{nicknameGram{user.AppID, gram, user.ID}, one.n})
		}
	}
}

// writeGrams writes what became of the index in the whole transaction, with few statements and in its order: neighbours share pages.
func (t *Tx) writeGrams() error {
	sums := map[nicknameGram]int{}
	for _, one := range t.grams {
		sums[one.nicknameGram] += one.n
	}
	var gone, come []nicknameGram
	for gram, n := range sums {
		switch {
		case n < 0:
			gone = append(gone, gram)
		case n > 0:
			come = append(come, gram)
		}
	}
	const one = "(app_id = ? AND gram = ? AND user_id = ?)"
	err := t.eachGramChunk(gone, func(n int) string {
		return "DELETE FROM nickname_grams WHERE " + one + strings.Repeat(" OR "+one, n-1)
	})
	if err != nil {
		return err
	}
	return t.eachGramChunk(come, func(n int) string {
		return t.dialect.insertNew + " INTO nickname_grams (app_id, gram, user_id) VALUES " + rowsOf(3, n)
	})
}

func (t *Tx) eachGramChunk(grams []nicknameGram, statement func(rows int) string) error {
	slices.SortFunc(grams, nicknameGram.compare)
	for rows := range inChunks(grams) {
		arguments := make([]any, 0, 3*len(rows))
		for _, row := range rows {
			arguments = append(arguments, row.app, row.gram, row.user)
		}
		if _, err := t.change(statement(len(rows)), arguments...); err != nil {
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
