package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Tally counts what a crowd has done.
type Tally struct {
	Phones    int
	Succeeded int
	Failed    map[string]int // by cause: "code 7", "no answer"
}

// String is a line for a status display.
func (t Tally) String() string {
	line := fmt.Sprintf("%d phones: %d succeeded", t.Phones, t.Succeeded)
	if len(t.Failed) == 0 {
		return line
	}
	var causes []string
	for _, cause := range slices.Sorted(maps.Keys(t.Failed)) {
		causes = append(causes, fmt.Sprintf("%s: %d", cause, t.Failed[cause]))
	}
	return line + "; failed with " + strings.Join(causes, ", ")
}

type counts struct {
	mu        sync.Mutex
	succeeded int
	failed    map[string]int
}

func (c *counts) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.succeeded++
		return
	}
	if c.failed == nil {
		c.failed = map[string]int{}
	}
	c.failed[causeOf(err)]++
}

func (c *counts) tally(phones int) Tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Tally{Phones: phones, Succeeded: c.succeeded, Failed: maps.Clone(c.failed)}
}

func causeOf(err error) string {
	var refusal *Refusal
	switch {
	case !errors.As(err, &refusal):
		return "no answer"
	case refusal.Code == 0:
		return fmt.Sprintf("HTTP %d", refusal.HTTPStatus)
	}
	return fmt.Sprintf("code %d", refusal.Code)
}
