package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestPlatforms has the type checker read, as they would be built for the systems of a release that tests do not run on, the packages in
// which that can make a difference: those with files of one system only, and those that use package syscall. They must hold the same names
// everywhere, and make no mistake that they do not make here; what else they import is not read, so that there are some. It takes seconds;
// make release compiles it all.
func TestPlatforms(t *testing.T) {
	sources := goFiles(t)
	here := readOn(t, sources, runtime.GOOS)
	for _, system := range []string{"windows", "darwin"} {
		there := readOn(t, sources, system)
		for folder, ours := range here {
			for _, mistake := range there[folder].mistakes {
				if !slices.Contains(ours.mistakes, mistake) {
					t.Errorf("on %s: %s", system, mistake)
				}
			}
			for _, name := range ours.names {
				if ast.IsExported(name) && !slices.Contains(there[folder].names, name) {
					t.Errorf("on %s: package %q has no %s", system, folder, name)
				}
			}
		}
	}
	if len(here) < 3 {
		t.Errorf("only %q differ", slices.Collect(maps.Keys(here)))
	}
}

// asRead is what the type checker makes of a package.
type asRead struct{ names, mistakes []string }

// readOn reads packages as a system has them.
func readOn(t *testing.T, sources []goFile, system string) map[string]asRead {
	t.Helper()
	before := build.Default
	defer func() { build.Default = before }()
	build.Default.GOOS, build.Default.CgoEnabled = system, false

	files, folders, differ := token.NewFileSet(), map[string][]*ast.File{}, map[string]bool{}
	for _, file := range sources {
		if file.test || file.generated() {
			continue
		}
		fits, err := build.Default.MatchFile(filepath.Dir(file.path), filepath.Base(file.path))
		if err != nil {
			t.Fatal(err)
		}
		if !fits || slices.Contains(file.imports(), "syscall") {
			differ[file.folder] = true
		}
		if !fits {
			continue
		}
		tree, err := parser.ParseFile(files, file.path, file.source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		folders[file.folder] = append(folders[file.folder], tree)
	}
	read := map[string]asRead{}
	onlySyscall := importing{importer.ForCompiler(files, "source", nil)}
	for folder := range differ {
		var one asRead
		checker := types.Config{Importer: onlySyscall, Error: func(err error) { one.mistakes = append(one.mistakes, err.Error()) }}
		made, _ := checker.Check(folder, files, folders[folder], nil) // the mistakes are kept
		one.names = made.Scope().Names()
		read[folder] = one
	}
	return read
}

// importing knows package syscall and no other.
type importing struct{ standard types.Importer }

// Import reads package syscall.
func (i importing) Import(name string) (*types.Package, error) {
	if name != "syscall" {
		return nil, fmt.Errorf("%s is taken to hold whatever is asked of it", name)
	}
	return i.standard.Import(name)
}
