package bench

import (
	"cmp"
	"maps"
	"slices"
)

// The kinds of words.
const (
	common = "common"
	rare   = "rare"
	absent = "absent"
)

// words are of one length, to look for.
type words struct {
	length int
	how    string
	texts  []string
}

// strangeLetters stand in no nickname of a sample.
var strangeLetters = []rune("龘靐齉爩灪麤鱻虋纞驫")

// wordsFrom takes words from nicknames: the parts that are found most often, some that are found once, and some that are not there.
func wordsFrom(nicknames []string) []words {
	const most = 10
	var all []words
	for _, length := range []int{1, 2, 3, 5} {
		counts := map[string]int{}
		for _, one := range nicknames {
			letters := []rune(one)
			for at := range max(len(letters)-length+1, 0) {
				counts[string(letters[at:at+length])]++
			}
		}
		sorted := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
		})
		if len(sorted) > 0 {
			all = append(all, words{length, common, sorted[:min(most, len(sorted))]}, words{length, rare, sorted[max(0, len(sorted)-most):]})
		}
		nowhere := words{length: length, how: absent}
		for i := range strangeLetters {
			around := slices.Concat(strangeLetters[i:], strangeLetters[:i])
			nowhere.texts = append(nowhere.texts, string(around[:length]))
		}
		all = append(all, nowhere)
	}
	return all
}
