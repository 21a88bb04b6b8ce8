package sbom_test

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"

	"wxkeeper/app/sbom"
)

// built is what the Go compiler wrote into some program; a program made by go test has no modules in it.
func built() *debug.BuildInfo {
	return &debug.BuildInfo{
		GoVersion: "go1.26.0", Path: "wxkeeper", Main: debug.Module{Path: "wxkeeper", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "example.com/one", Version: "v1.2.3", Sum: "h1:" + strings.Repeat("A", 43) + "="},
			{Path: "example.com/two", Version: "v0.1.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v0.1.1"}},
		},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-compiler", Value: "gc"}},
	}
}

func TestBillOfMaterials(t *testing.T) {
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := sbom.Write(out, built(), "v1.0.0"); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() {
		t.Error("twice the same program, and not the same bytes")
	}
	var got struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version, PURL string
			Hashes              []struct{ Alg, Content string }
		}
		Dependencies []struct{ DependsOn []string }
	}
	if err := json.Unmarshal(first.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.BOMFormat != "CycloneDX" || got.SpecVersion != "1.6" || got.Metadata.Component.Version != "v1.0.0" || len(got.Components) != 3 {
		t.Fatalf("%+v", got)
	}
	if std, one, fork := got.Components[0], got.Components[1], got.Components[2]; std.PURL != "pkg:golang/std@1.26.0" ||
		one.PURL != "pkg:golang/example.com/one@v1.2.3" || len(one.Hashes) != 1 || one.Hashes[0].Content != strings.Repeat("0", 64) ||
		fork.PURL != "pkg:golang/example.com/fork@v0.1.1" {
		t.Errorf("%+v", got.Components)
	}
	if len(got.Dependencies) != 1 || len(got.Dependencies[0].DependsOn) != 3 {
		t.Errorf("%+v", got.Dependencies)
	}
	damaged := built()
	damaged.Deps[0].Sum = "h1:?"
	if sbom.Write(&second, damaged, "") == nil {
		t.Error("a sum that is none was taken")
	}
}
