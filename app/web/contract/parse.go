package contract

import (
	"fmt"
	"regexp"
	"strings"
)

type line struct {
	number int
	text   string
}

// exchange is one request and what must hold of its answer. Variables are still unread.
type exchange struct {
	request line
	headers []line
	body    line
	checks  []line
}

var (
	requestLine = regexp.MustCompile(`^[A-Z]+ /`)
	headerLine  = regexp.MustCompile(`^[A-Za-z-]+: `)
	bodyLine    = regexp.MustCompile(`^(json|form|raw) `)
)

func parse(script string) ([]exchange, error) {
	var exchanges []exchange
	for _, line := range linesOf(script) {
		if requestLine.MatchString(line.text) {
			exchanges = append(exchanges, exchange{request: line})
			continue
		}
		if len(exchanges) == 0 {
			return nil, fmt.Errorf("line %d: %q stands before any request", line.number, line.text)
		}
		if err := exchanges[len(exchanges)-1].add(line); err != nil {
			return nil, err
		}
	}
	return exchanges, nil
}

func (e *exchange) add(l line) error {
	header, body := headerLine.MatchString(l.text), bodyLine.MatchString(l.text)
	switch {
	case !header && !body:
		e.checks = append(e.checks, l)
	case len(e.checks) > 0:
		return fmt.Errorf("line %d: %q belongs to a request, but stands after what is asked of its answer", l.number, l.text)
	case header:
		e.headers = append(e.headers, l)
	case e.body.text != "":
		return fmt.Errorf("line %d: a second body", l.number)
	default:
		e.body = l
	}
	return nil
}

// linesOf drops comments and empty lines, and joins indented lines to the one before.
func linesOf(script string) []line {
	var lines []line
	for i, text := range strings.Split(script, "\n") {
		trimmed := strings.TrimSpace(text)
		continues := len(lines) > 0 && text != strings.TrimLeft(text, " \t")
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case continues:
			lines[len(lines)-1].text += " " + trimmed
		default:
			lines = append(lines, line{i + 1, trimmed})
		}
	}
	return lines
}
