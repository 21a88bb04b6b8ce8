package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// check holds one line of a script against the answer.
func (p *player) check(a answer, text string) error {
	first, rest, _ := strings.Cut(text, " ")
	second, third, _ := strings.Cut(rest, " ")
	switch {
	case first == "capture":
		return p.capture(a, second, third)
	case second == "matches":
		return p.checkMatches(a, first, third)
	}
	expected, err := p.expand(rest, asItIs)
	if err != nil {
		return err
	}
	_, value, _ := strings.Cut(expected, " ")
	switch {
	case first == "status":
		return same(fmt.Sprint(a.status), expected)
	case first == "code":
		return a.checkCode(expected)
	case first == "header":
		return same(strings.Join(a.header.Values(second), ", "), value)
	case first == "body" && second == "contains":
		return a.checkContains(value)
	case second == "is":
		return a.checkIs(first, value)
	case second == "keys":
		return a.checkKeys(first, value)
	}
	return fmt.Errorf("no such question")
}

func (p *player) capture(a answer, name, which string) error {
	path, pattern, partly := strings.Cut(which, " ")
	member, err := a.member(path)
	if err != nil {
		return err
	}
	p.captured[name] = textOf(member)
	if !partly {
		return nil
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	found := expression.FindStringSubmatch(p.captured[name])
	if len(found) != 2 {
		return fmt.Errorf("is %s", p.captured[name])
	}
	p.captured[name] = found[1]
	return nil
}

func (p *player) checkMatches(a answer, path, pattern string) error {
	pattern, err := p.expand(pattern, regexp.QuoteMeta)
	if err != nil {
		return err
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	member, err := a.member(path)
	if err == nil && !expression.MatchString(textOf(member)) {
		err = fmt.Errorf("is %s", textOf(member))
	}
	return err
}

func (a answer) checkCode(expected string) error {
	for _, path := range []string{"code", "status"} {
		if err := a.checkIs(path, expected); err != nil {
			return fmt.Errorf("member %s: %w", path, err)
		}
	}
	return nil
}

func (a answer) checkContains(text string) error {
	if !strings.Contains(a.body, text) {
		return fmt.Errorf("it does not")
	}
	return nil
}

func (a answer) checkIs(path, expected string) error {
	member, err := a.member(path)
	if err != nil {
		return err
	}
	return same(textOf(member), expected)
}

func (a answer) checkKeys(path, expected string) error {
	member, err := a.member(path)
	if err != nil {
		return err
	}
	object, isObject := member.(map[string]any)
	if !isObject {
		return fmt.Errorf("is no object")
	}
	names := strings.Fields(expected)
	slices.Sort(names)
	return same(strings.Join(slices.Sorted(maps.Keys(object)), " "), strings.Join(names, " "))
}

// member finds a.b.c in the JSON answer; "answer" is the whole.
func (a answer) member(path string) (any, error) {
	if !json.Valid([]byte(a.body)) {
		return nil, fmt.Errorf("the answer is no JSON")
	}
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.UseNumber() // numbers are compared as they were written
	var found any
	if err := decoder.Decode(&found); err != nil {
		return nil, err
	}
	if path == "answer" {
		return found, nil
	}
	for _, name := range strings.Split(path, ".") {
		object, _ := found.(map[string]any)
		member, exists := object[name]
		if !exists {
			return nil, fmt.Errorf("there is no %s", path)
		}
		found = member
	}
	return found, nil
}

func textOf(member any) string {
	if text, isText := member.(string); isText {
		return text
	}
	encoded, _ := json.Marshal(member) // it was decoded from JSON
	return string(encoded)
}

func same(got, want string) error {
	if got != want {
		return fmt.Errorf("is %s", got)
	}
	return nil
}
