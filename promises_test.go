package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxkeeper/app/config"
)

// TestPagesNameRealTests holds that whoever reads which test holds a promise finds it.
func TestPagesNameRealTests(t *testing.T) {
	tests := allTests(t)
	for page, least := range map[string]int{"docs/security.md": 80, "docs/promises.md": 150} {
		named := testsNamedIn(readText(t, page))
		if len(named) < least {
			t.Errorf("%s names %d tests", page, len(named))
		}
		for _, name := range named {
			if !strings.Contains(tests, "\nfunc "+name+"(") {
				t.Errorf("%s: there is no %s", page, name)
			}
		}
	}
}

func testsNamedIn(text string) []string {
	var names []string
	for _, match := range regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

// allTests is the text of all test files.
func allTests(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("e2e/*_test.go") // a module of its own
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range goFiles(t) {
		if file.test {
			files = append(files, file.path)
		}
	}
	var tests strings.Builder
	for _, path := range files {
		tests.WriteString(readText(t, path))
	}
	return tests.String()
}

// TestPromises holds that docs/promises.md speaks of the README as it is: each promise stands there in these words, each has a test, and
// nothing is said under "What you can rely on today" that is not among them.
func TestPromises(t *testing.T) {
	readme := oneLine(readText(t, "README.md"))
	_, rest, found := strings.Cut(readme, "## What you can rely on today ")
	relied, _, ends := strings.Cut(rest, " **Not yet:**")
	_, relied, begins := strings.Cut(relied, " - ")
	if !found || !ends || !begins {
		t.Fatal("README.md does not say what one can rely on")
	}
	for line := range strings.Lines(readText(t, "docs/promises.md")) {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 || strings.HasPrefix(line, "| README") {
			continue
		}
		promise := strings.TrimPrefix(cells[0], "| ")
		if !strings.Contains(readme, promise) {
			t.Errorf("README.md does not say: %s", promise)
		}
		if len(testsNamedIn(cells[1])) == 0 {
			t.Errorf("no test holds: %s", promise)
		}
		relied = strings.ReplaceAll(relied, promise, "")
	}
	if left := strings.Trim(relied, " -."); strings.ContainsFunc(left, func(r rune) bool { return r != ' ' && r != '-' && r != '.' }) {
		t.Errorf("docs/promises.md has no test for: %s", left)
	}
}

// oneLine undoes the breaks between lines.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestPrintedCommands: what the pages tell people to type, the program understands.
func TestPrintedCommands(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, page := range append(pages, "README.md", "README.zh-CN.md") {
		texts[page] = readText(t, page)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("list.csv", nil, 0o600); err != nil { // one that the commands want to be there
		t.Fatal(err)
	}
	found := 0
	for page, text := range texts {
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
				if arguments, ok := printedCommand(line); ok {
					found++
					wantCommand(t, page, arguments...)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("%d commands were found", found)
	}
}

var (
	calledBy = regexp.MustCompile(`^(?:.*?(?:\s|\())??(?:\./|new/|/)?(?:wxkeeper|go run \.)\s+([^#]*)`)
	shell    = regexp.MustCompile(`\s*(?:[<>|)&;]|2>).*`)
	word     = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
)

// printedCommand reads what a line has wxkeeper do, as far as the shell would hand it on.
func printedCommand(line string) (arguments []string, found bool) {
	called := calledBy.FindStringSubmatch(line)
	if called == nil || strings.HasPrefix(strings.TrimSpace(line), "#") {
		return nil, false
	}
	for _, one := range word.FindAllString(shell.ReplaceAllString(called[1], ""), -1) {
		arguments = append(arguments, strings.Trim(one, `'"`))
	}
	return arguments, len(arguments) > 0 && regexp.MustCompile(`^-?-?[a-z]`).MatchString(arguments[0])
}

// TestGoOfTheReadme: the Go that README.md asks for is the one that go.mod does.
func TestGoOfTheReadme(t *testing.T) {
	goMod := regexp.MustCompile(`\ngo (1\.\d+)`).FindStringSubmatch(readText(t, "go.mod"))
	for _, page := range []string{"README.md", "README.zh-CN.md"} {
		if asked := regexp.MustCompile(`Go (1\.\d+)`).FindStringSubmatch(readText(t, page)); goMod == nil || asked == nil || asked[1] != goMod[1] {
			t.Errorf("%s asks for %v, go.mod for %v", page, asked, goMod)
		}
	}
}

// TestBothReadmesListTheSameSettings: names, flags and defaults; the words are the translator's.
func TestBothReadmesListTheSameSettings(t *testing.T) {
	columns := func(page string) (rows []string) {
		for line := range strings.Lines(readText(t, page)) {
			if cells := strings.Split(line, " |"); strings.HasPrefix(line, "| `WXKEEPER_") {
				rows = append(rows, strings.ReplaceAll(strings.Join(cells[:3], " |"), " 或 ", " or "))
			}
		}
		return rows
	}
	if english, chinese := columns("README.md"), columns("README.zh-CN.md"); len(english) == 0 || !slices.Equal(english, chinese) {
		t.Errorf("README.md lists %q\nREADME.zh-CN.md %q", english, chinese)
	}
}

// TestEverySettingIsHandedOn: what the settings say goes somewhere. That it goes to the right place is for the tests of the program.
func TestEverySettingIsHandedOn(t *testing.T) {
	wiring := readText(t, "main.go")
	for field := range reflect.TypeFor[config.Config]().Fields() {
		if !regexp.MustCompile(`\bsettings\.` + field.Name + `\b`).MatchString(wiring) {
			t.Errorf("nobody is told Config.%s", field.Name)
		}
	}
}
