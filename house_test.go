package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxkeeper/app/config"
)

// floors says which packages of ours each package may import: imports go down only. A package below a folder named here,
// such as db/migrations, counts as that folder. Tests may import what they like.
var floors = map[string][]string{
	// floor 0: words
	"app":            {},
	"app/member":     {},
	"app/longfile":   {"app/pace"},
	"app/meter":      {},
	"app/pace":       {},
	"app/parameters": {"app", "app/member"},
	"app/picture":    {},
	// floor 1: the outside world
	"app/outgoing": {"app"},
	"app/wechat":   {"app", "app/member", "app/meter", "app/outgoing"},
	"db":           {"app", "app/meter", "app/longfile"},
	"db/disk":      {}, // for tests and measurements
	// floor 2: rules
	"app/keeper":    {"app", "app/picture", "app/meter", "app/pace", "app/wechat", "db"},
	"app/operator":  {"app", "app/meter", "app/wechat", "db"},
	"app/diagnosis": {"app", "app/wechat", "db"},
	"app/apps":      {"app", "app/wechat", "db", "app/keeper"},
	"app/overview":  {"app", "app/wechat", "db", "app/keeper"},
	"app/backup":    {"app", "app/longfile", "db", "app/keeper"},
	"app/alert":     {"app", "app/outgoing", "db", "app/overview"},
	"app/webhook":   {"app", "app/outgoing", "db"},
	"app/backend":   {"app", "app/meter", "db"},
	// floor 3: faces and clocks
	"static": {},
	"views":  {"app", "static"},
	"app/web": {"app", "app/meter", "app/parameters", "app/wechat", "db", "app/keeper", "app/apps", "app/operator", "app/diagnosis", "app/overview",
		"app/backend", "app/outgoing", "app/alert", "app/webhook", "views", "static"},
	"app/job": {"app", "app/wechat", "db", "app/keeper", "app/operator"},
	// beside: reached by main only
	"app/metrics": {"app", "app/meter", "app/wechat", "db", "app/keeper", "app/operator", "app/overview", "app/backend", "app/web"},
	"app/config":  {"app"},
	"app/command": {"app", "app/wechat", "db", "app/keeper", "app/apps", "app/operator", "app/backup", "app/backend", "app/config", "app/bench",
		"app/bench/yardstick", "app/frontdoor", "app/sbom"},
	"app/frontdoor": {},
	"app/sbom":      {},
	"app/systemd":   {},
	"app/sandbox":   {"app", "app/wechat"},
	"app/stage":     {"app", "app/config", "app/keeper", "app/operator", "app/sandbox", "db"},
	"app/bench":     {"app", "app/wechat"},
	// what the server is measured against: it shares nothing with it but what both are measured by
	"app/bench/yardstick": {"app", "app/bench", "db/disk"},
	// the parts list
	"": {"app", "app/wechat", "db", "app/keeper", "app/apps", "app/operator", "app/diagnosis", "app/overview", "app/backup", "app/backend",
		"app/outgoing", "app/alert", "app/webhook", "views", "static", "app/web", "app/job", "app/metrics", "app/config",
		"app/command", "app/sandbox", "app/stage", "app/bench", "app/systemd", "db/disk"},
}

// owners says who alone may import what comes from outside. Replacing one of these must be one package's work.
var owners = map[string][]string{
	"github.com/labstack":            {"app/web", "app/bench/yardstick"},
	"github.com/gorilla/sessions":    {"app/web"},
	"database/sql":                   {"db", "app/bench/yardstick"},
	"modernc.org":                    {"db", "db/disk", "app/bench/yardstick"},
	"filippo.io/age":                 {"app/backup"},
	"golang.org/x/image":             {"app/picture"},
	"github.com/go-sql-driver/mysql": {"db"},
	"github.com/pressly/goose":       {"db"},
	"github.com/alecthomas/kong":     {"", "app/config"},
	"github.com/prometheus":          {"app/metrics"},
}

// topLevel is everything that may stand at the top of the repository, next to tests of package main.
var topLevel = strings.Fields(`
	app views static db main.go go.mod go.sum tools.mod tools.sum tailwind.config.js package.json package-lock.json
	Makefile README.md README.zh-CN.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE Containerfile compose.yaml
	docs e2e miniprogram .ci .gitignore`)

// noNoun is what a package may not be called: such a name says nothing of what is inside.
var noNoun = strings.Fields("util utils common helper helpers model models service services")

func TestFloors(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.test {
			continue
		}
		room := roomOf(file.folder)
		below, known := floors[room]
		if !known {
			t.Errorf("%s: package %s stands on no floor: say in floors what it may import", file.path, file.folder)
			continue
		}
		for _, imported := range file.imports() {
			if ours, found := strings.CutPrefix(imported, "wxkeeper/"); found {
				if other := roomOf(ours); other != room && !slices.Contains(below, other) {
					t.Errorf("%s imports %s, which is not below it", file.path, imported)
				}
			} else if imported == "wxkeeper" {
				t.Errorf("%s imports main", file.path)
			} else if room == "app" && strings.Contains(imported, ".") {
				t.Errorf("%s imports %s: package app has the standard library only", file.path, imported)
			}
			for owned, by := range owners {
				if isIn(imported, owned) && !slices.Contains(by, room) {
					t.Errorf("%s imports %s, which belongs to %q", file.path, imported, by)
				}
			}
		}
	}
}

// TestEveryRoomIsExplained: CONTRIBUTING.md tells of every package in app, and of no other.
func TestEveryRoomIsExplained(t *testing.T) {
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var told, rooms []string
	for _, line := range regexp.MustCompile(`(?m)^  ([a-z]+)/ +(floor [0-3]|beside): `).FindAllSubmatch(text, -1) {
		told = append(told, "app/"+string(line[1]))
	}
	for room := range floors {
		if path.Dir(room) == "app" {
			rooms = append(rooms, room)
		}
	}
	slices.Sort(told)
	slices.Sort(rooms)
	if !slices.Equal(told, rooms) {
		t.Errorf("CONTRIBUTING.md tells of %v, there are %v", told, rooms)
	}
}

// roomOf finds the entry of floors that a folder belongs to; app itself does not own the folders below it.
func roomOf(folder string) string {
	for at := folder; at != "." && at != "app"; at = path.Dir(at) {
		if _, found := floors[at]; found {
			return at
		}
	}
	return folder
}

func isIn(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

func TestNames(t *testing.T) {
	for _, file := range goFiles(t) {
		if slices.Contains(noNoun, path.Base(file.folder)) || slices.Contains(noNoun, file.tree.Name.Name) {
			t.Errorf("%s: find the noun this package is about", file.path)
		}
	}
}

func TestTopLevel(t *testing.T) {
	listed, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("not in a git checkout: %v", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(listed), "\x00"), "\x00") {
		top, _, _ := strings.Cut(name, "/")
		if !slices.Contains(topLevel, top) && !strings.HasSuffix(top, "_test.go") {
			t.Errorf("%s may not stand at the top level", top)
		}
	}
}

func TestEveryExportedNameIsExplained(t *testing.T) {
	explained := map[string]bool{} // packages with a comment of their own
	for _, file := range goFiles(t) {
		if file.test || file.generated() {
			continue
		}
		explained[file.folder] = explained[file.folder] || file.tree.Doc != nil
		for _, name := range file.unexplained() {
			t.Errorf("%s: %s has no doc comment", file.path, name)
		}
	}
	for folder, found := range explained {
		if !found {
			t.Errorf("package %q has no doc comment", folder)
		}
	}
}

func TestNoLooseEnds(t *testing.T) {
	for _, file := range goFiles(t) {
		for _, declared := range file.tree.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init runs unseen; call it by name", file.path)
			}
		}
		for _, group := range file.tree.Comments {
			for _, mark := range []string{"TO" + "DO", "FIX" + "ME"} {
				if strings.Contains(group.Text(), mark) {
					t.Errorf("%s: %s: do it, or write an issue", file.path, mark)
				}
			}
		}
	}
}

func TestFormatted(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.generated() {
			continue
		}
		if want, err := format.Source(file.source); err != nil || !bytes.Equal(want, file.source) {
			t.Errorf("run: gofmt -w %s", file.path)
		}
	}
}

// modernc.org/sqlite is tested with one version of its C library only, and go get of another module lifts it in silence.
func TestSQLiteHasItsOwnLibc(t *testing.T) {
	ours, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	name := required(ours, "modernc.org/sqlite") + ".mod"
	theirs, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(cache)), "cache/download/modernc.org/sqlite/@v", name))
	if err != nil {
		t.Skipf("sqlite's go.mod is not in the module cache: %v", err)
	}
	got, want := required(ours, "modernc.org/libc"), required(theirs, "modernc.org/libc")
	if got == "" || got != want {
		t.Errorf("go.mod requires modernc.org/libc %q, sqlite was tested with %q", got, want)
	}
}

// Code that templ generates works with the templ it came from.
func TestTemplHasOneVersion(t *testing.T) {
	ours, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	tools, err := os.ReadFile("tools.mod")
	if err != nil {
		t.Fatal(err)
	}
	runtime, generator := required(ours, "github.com/a-h/templ"), required(tools, "github.com/a-h/templ")
	if runtime == "" || runtime != generator {
		t.Errorf("go.mod requires templ %q, tools.mod %q", runtime, generator)
	}
}

// The same command must build the same pages and the same package next year, from whatever registry somebody uses.
func TestNpmPins(t *testing.T) {
	for _, folder := range []string{".", "miniprogram"} {
		source, err := os.ReadFile(filepath.Join(folder, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		var wanted struct{ Dependencies, DevDependencies map[string]string }
		if err := json.Unmarshal(source, &wanted); err != nil {
			t.Fatal(err)
		}
		if len(wanted.Dependencies) > 0 {
			t.Errorf("%s: nothing of npm runs: %v belong among devDependencies", folder, wanted.Dependencies)
		}
		for name, version := range wanted.DevDependencies {
			if strings.Trim(version, "0123456789.") != "" {
				t.Errorf("%s: package.json wants %s %s: say the exact version", folder, name, version)
			}
		}
		lock, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(lock, []byte(`"resolved"`)) {
			t.Errorf("%s: package-lock.json names a registry: write it with npm install --omit-lockfile-registry-resolved", folder)
		}
	}
}

// required finds the version a go.mod asks of a module.
func required(goMod []byte, module string) string {
	for line := range strings.Lines(string(goMod)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require"))
		if len(fields) > 1 && fields[0] == module {
			return fields[1]
		}
	}
	return ""
}

func TestReadmeListsTheSettings(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Skipf("no README.md yet: %v", err)
	}
	_, rest, found := strings.Cut(string(readme), "<!-- settings -->\n")
	got, _, closed := strings.Cut(rest, "<!-- /settings -->")
	if want := config.SettingsTable(); !found || !closed || strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("put this between <!-- settings --> and <!-- /settings --> in README.md:\n\n%s", want)
	}
}

// goFile is one Go file of this module, parsed.
type goFile struct {
	path   string
	folder string // "" for the top level
	test   bool
	source []byte
	tree   *ast.File
}

// generated files keep the floors; for their looks their generator answers.
func (f goFile) generated() bool { return ast.IsGenerated(f.tree) }

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && isElsewhere(name):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		file, err := parseFile(name)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// isElsewhere says whether a folder is none of this module's, as the go command sees it.
func isElsewhere(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	base := filepath.Base(folder)
	return err == nil || base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules"
}

func parseFile(name string) (goFile, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return goFile{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
	folder := strings.TrimPrefix(path.Dir(filepath.ToSlash(name)), ".")
	return goFile{name, folder, strings.HasSuffix(name, "_test.go"), source, tree}, err
}

func (f goFile) imports() []string {
	var all []string
	for _, spec := range f.tree.Imports {
		all = append(all, strings.Trim(spec.Path.Value, "\"`"))
	}
	return all
}

// unexplained lists the exported names without a comment. The comment of a group speaks for all of it.
func (f goFile) unexplained() []string {
	var names []string
	for _, declared := range f.tree.Decls {
		switch d := declared.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && hasExportedReceiver(d) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			if d.Doc == nil {
				names = append(names, unexplainedSpecs(d)...)
			}
		}
	}
	return names
}

func unexplainedSpecs(group *ast.GenDecl) []string {
	var names []string
	for _, spec := range group.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Doc == nil && s.Name.IsExported() {
				names = append(names, s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if s.Doc == nil && s.Comment == nil && name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// hasExportedReceiver is also true of a function, which has none.
func hasExportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	receiver := ""
	ast.Inspect(f.Recv.List[0].Type, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok && receiver == "" { // the first one; type parameters follow
			receiver = name.Name
		}
		return true
	})
	return ast.IsExported(receiver)
}
