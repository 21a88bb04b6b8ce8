package views

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// A component of Frame is promoted to every page that embeds one. Without the directive its whole body is compiled again for each of
// them, twice: three times the code, four times the time to compile it.
func TestComponentsOfFramesAreCompiledOnce(t *testing.T) {
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	component := regexp.MustCompile(`(?m)^(//go:noinline\n)?templ \(\w+ \*?Frame\) (\w+)`)
	for _, file := range files {
		text, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range component.FindAllStringSubmatch(string(text), -1) {
			if found[1] == "" {
				t.Errorf("%s: write //go:noinline right above templ %s", file, found[2])
			}
		}
	}
}
