package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Problem is one thing wrong with a configuration.
type Problem struct {
	Setting string // such as WXKEEPER_ADDR
	What    string // what is wrong, read after the setting's name; never a secret
	Do      string // what to do about it; may have several lines
}

// Problems is everything wrong with a configuration. As an error it reads like a list of things to do.
type Problems []Problem

// Error lists the problems, each with what to do.
func (p Problems) Error() string {
	var text strings.Builder
	text.WriteString("the configuration has a problem:")
	if len(p) > 1 {
		text.Reset()
		fmt.Fprintf(&text, "the configuration has %d problems:", len(p))
	}
	for _, problem := range p {
		fmt.Fprintf(&text, "\n  %s %s.", problem.Setting, problem.What)
		for line := range strings.Lines(problem.Do) {
			text.WriteString("\n      " + strings.TrimSuffix(line, "\n"))
		}
	}
	return text.String()
}

// report gathers what is found while settings are checked. Its methods check one setting each: they give the typed value,
// or note a problem and give the zero value.
type report struct {
	problems Problems
	warnings []string
}

// refuse notes a problem of the setting without prefix, such as ADDR.
func (r *report) refuse(setting, what, do string) {
	r.problems = append(r.problems, Problem{Setting: prefix + setting, What: what, Do: do})
}

// refuseValue notes a problem of a value that is no secret, and shows the value.
func (r *report) refuseValue(setting, value, what, do string) {
	r.refuse(setting, fmt.Sprintf("(%s) is %s, %s", flagOf(setting), shown(value), what), do)
}

func (r *report) warn(format string, values ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, values...))
}

// err gives an untyped nil when there is no problem.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems
}

// shownRunes is how much of a bad value is repeated: enough to recognise it.
const shownRunes = 60

// secretForm is what an AppSecret and a master key look like: people paste them into the wrong variable.
var secretForm = regexp.MustCompile(`^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$`)

func shown(value string) string {
	if secretForm.MatchString(value) {
		return "what looks like a secret"
	}
	runes := []rune(value)
	if len(runes) > shownRunes {
		return fmt.Sprintf("%q...", string(runes[:shownRunes]))
	}
	return fmt.Sprintf("%q", value)
}

func flagOf(setting string) string {
	return "--" + strings.ToLower(strings.ReplaceAll(setting, "_", "-"))
}
