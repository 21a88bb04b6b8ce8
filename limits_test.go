package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/config"
)

// TestLimitsPage compares the figures of docs/limits.md with the constants it names and with the defaults of settings, and its limits
// with those that are counted.
func TestLimitsPage(t *testing.T) {
	page, err := os.ReadFile("docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	files := goFiles(t)
	var counted []app.Limit
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 9 || strings.Contains(line, "---") || strings.Contains(line, "how many") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows++
		what, figures := cells[1], slices.Concat(quantities(cells[2]), quantities(cells[3]))
		limitRow(t, files, what, figures, cells[7], cells[5])
		if limit := strings.Trim(cells[6], "`"); limit != "" {
			counted = append(counted, app.Limit(limit))
		}
	}
	for _, missing := range unnamed(files, string(page)) {
		t.Errorf("docs/limits.md does not tell of %s, nor is it among the bounds that nobody runs into", missing)
	}
	want := app.Limits()
	slices.Sort(want)
	slices.Sort(counted)
	if rows < 15 || !slices.Equal(slices.Compact(counted), want) {
		t.Errorf("%d rows tell of %v, there are %v", rows, counted, want)
	}
}

// bounding are the names of constants that say how many there may be of something.
var bounding = regexp.MustCompile(`(AtMost|Most|AtOnce|atOnce|Kept|PerMinute|Waiting|Failures)$`)

// nobodysBounds are those that nobody runs into, by what they are instead.
var nobodysBounds = map[string][]string{
	"how much is done in one transaction": {
		"app/keeper: rememberedAtOnce", "app/keeper: importedAtOnce", "app/keeper: knownAtOnce", "db: resealedAtOnce", "db: checkedAtOnce",
		"db: pagesAtOnce",
	},
	"how long something is kept":            {"app/keeper: bulkKept", "app/keeper: pushesKept"},
	"what is asked again when forgotten":    {"app/web: userCountsKept", "app/overview: feedWaiting", "app/backup: runsKept"},
	"what one page says, or one word hides": {"app/web: flashesKept", "app/web: longestKept", "app/operator: decorationAtMost"},
	"of the sandbox":                        {"app/web: phonesAtMost", "app/web: exchangesKept"},
}

// unnamed are the constants of the server that bound something and stand neither on the page nor among nobodysBounds.
func unnamed(files []goFile, page string) (missing []string) {
	named := map[string]bool{}
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		for place := range strings.SplitSeq(strings.TrimSpace(cells[max(0, len(cells)-2)]), "; ") {
			room, names, _ := strings.Cut(place, ": ")
			for name := range strings.SplitSeq(names, ", ") {
				named[room+": "+name] = true
			}
		}
	}
	for _, known := range nobodysBounds {
		for _, one := range known {
			named[one] = true
		}
	}
	for _, file := range files {
		if file.test || !serves(file.folder) {
			continue
		}
		for name, object := range file.tree.Scope.Objects {
			spec, isValue := object.Decl.(*ast.ValueSpec)
			if object.Kind != ast.Con || !isValue || !bounding.MatchString(name) || named[file.folder+": "+name] {
				continue
			}
			at := slices.IndexFunc(spec.Names, func(declared *ast.Ident) bool { return declared.Name == name })
			if at < len(spec.Values) && valueOf(spec.Values[at]).Kind() == constant.Int {
				missing = append(missing, file.folder+": "+name)
			}
		}
	}
	return missing
}

// serves says whether a package is part of what the server does for others.
func serves(folder string) bool {
	for _, beside := range []string{"app/sandbox", "app/bench", "app/command", "app/diagnosis", "app/frontdoor", "e2e", "views", "db/sample", "db/disk"} {
		if folder == beside || strings.HasPrefix(folder, beside+"/") {
			return false
		}
	}
	return true
}

// limitRow compares one row with the constants and the setting that it names.
func limitRow(t *testing.T, files []goFile, what string, figures []int64, code, setting string) {
	t.Helper()
	var meant []int64
	inCode := code != ""
	for place := range strings.SplitSeq(code, "; ") {
		room, names, _ := strings.Cut(place, ": ")
		for name := range strings.SplitSeq(names, ", ") {
			if inCode {
				meant = append(meant, constantOf(t, files, room, name))
			}
		}
	}
	if inCode && !slices.Equal(meant, figures) {
		t.Errorf("%s: the page says %v, the code %v", what, figures, meant)
	}
	variable, off, _ := strings.Cut(strings.TrimPrefix(setting, "`"), "`")
	for _, known := range config.Settings() {
		if known.Variable != variable || off != "" {
			continue
		}
		if first := quantities(known.Default); len(figures) == 0 || len(first) != 1 || figures[0] != first[0] {
			t.Errorf("%s: the page says %v, by default it is %s", what, figures, known.Default)
		}
		return
	}
	if !inCode && variable == "" {
		t.Errorf("%s: nothing says where the figures come from", what)
	}
}

var quantity = regexp.MustCompile(`([0-9][0-9,]*) ?(KiB|MiB|s|min|h)?`)

// quantities reads figures: counts, bytes, and times in nanoseconds.
func quantities(text string) []int64 {
	units := map[string]int64{
		"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "s": int64(time.Second), "min": int64(time.Minute), "h": int64(time.Hour),
	}
	var found []int64
	for _, one := range quantity.FindAllStringSubmatch(text, -1) {
		n, _ := constant.Int64Val(constant.MakeFromLiteral(strings.ReplaceAll(one[1], ",", ""), token.INT, 0))
		found = append(found, n*units[strings.TrimSpace(one[2])])
	}
	return found
}

// constantOf finds the value of a constant that a package declares.
func constantOf(t *testing.T, files []goFile, folder, name string) int64 {
	t.Helper()
	for _, file := range files {
		if file.folder != folder || file.test {
			continue
		}
		if object := file.tree.Scope.Lookup(name); object != nil {
			spec, ok := object.Decl.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, declared := range spec.Names {
				if declared.Name == name && i < len(spec.Values) {
					n, _ := constant.Int64Val(valueOf(spec.Values[i]))
					return n
				}
			}
		}
	}
	t.Errorf("%s declares no constant %s", folder, name)
	return 0
}

// valueOf computes what limits are written as: numbers, units of time, products and shifts.
func valueOf(expression ast.Expr) constant.Value {
	switch e := expression.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0)
	case *ast.SelectorExpr:
		unit := map[string]time.Duration{"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}[e.Sel.Name]
		return constant.MakeInt64(int64(unit))
	case *ast.BinaryExpr:
		left, right := valueOf(e.X), valueOf(e.Y)
		if e.Op == token.SHL {
			by, _ := constant.Uint64Val(right)
			return constant.Shift(left, token.SHL, uint(by))
		}
		return constant.BinaryOp(left, e.Op, right)
	}
	return constant.MakeUnknown()
}
