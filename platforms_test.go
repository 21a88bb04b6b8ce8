package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestPlatforms has the type checker read the program as it would be built for the systems of a release that tests do not run on. What
// stands in files of one system only, and what package syscall lacks elsewhere, is found so in seconds; make release compiles it all.
// No other package is read: a mistake that is also found on this system is none.
func TestPlatforms(t *testing.T) {
	known := map[string]bool{}
	for _, one := range mistakesOn(t, runtime.GOOS) {
		known[one] = true
	}
	for _, system := range []string{"windows", "darwin"} {
		for _, one := range mistakesOn(t, system) {
			if !known[one] {
				t.Errorf("on %s: %s", system, one)
			}
		}
	}
}

// mistakesOn lists what the type checker finds on a system.
func mistakesOn(t *testing.T, system string) []string {
	t.Helper()
	before := build.Default
	t.Cleanup(func() { build.Default = before })
	build.Default.GOOS, build.Default.CgoEnabled = system, false
	files := token.NewFileSet()
	p := &platform{
		files: files, standard: importer.ForCompiler(files, "source", nil), read: map[string]*types.Package{}, folders: map[string][]*ast.File{},
	}
	for _, file := range goFiles(t) {
		if file.test {
			continue
		}
		fits, err := build.Default.MatchFile(filepath.Dir(file.path), filepath.Base(file.path))
		if err != nil {
			t.Fatal(err)
		}
		if fits {
			tree, err := parser.ParseFile(files, file.path, file.source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			p.folders[file.folder] = append(p.folders[file.folder], tree)
		}
	}
	for folder := range p.folders {
		_, _ = p.Import(path.Join("wxkeeper", folder)) // its mistakes are kept
	}
	build.Default = before
	return p.mistakes
}

// platform reads packages as one system has them.
type platform struct {
	files    *token.FileSet
	standard types.Importer
	folders  map[string][]*ast.File
	read     map[string]*types.Package
	mistakes []string
}

// Import reads a package of ours, or syscall.
func (p *platform) Import(name string) (*types.Package, error) {
	ours, found := strings.CutPrefix(name+"/", "wxkeeper/")
	switch known := p.read[name]; {
	case known != nil:
		return known, nil
	case name == "syscall":
		return p.standard.Import(name)
	case !found:
		return nil, fmt.Errorf("%s is taken to hold whatever is asked of it", name)
	}
	checker := types.Config{Importer: p, Error: func(err error) {
		p.mistakes = append(p.mistakes, err.Error())
	}}
	read, _ := checker.Check(name, p.files, p.folders[strings.TrimSuffix(ours, "/")], nil)
	p.read[name] = read
	return read, nil
}
