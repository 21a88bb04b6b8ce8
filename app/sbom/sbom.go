// Package sbom tells what a Go program was built from, as a software bill of materials in CycloneDX's JSON
// (https://cyclonedx.org/docs/1.6/json/). All of it is read from the program itself, where the Go compiler wrote it down. The same
// program always gives the same bytes: neither time nor chance is in there.
package sbom

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// component is something the program consists of.
type component struct {
	Ref     string     `json:"bom-ref"`
	Kind    string     `json:"type"`
	Name    string     `json:"name"`
	Version string     `json:"version"`
	PURL    string     `json:"purl"`
	Hashes  []hash     `json:"hashes,omitempty"`
	Notes   []property `json:"properties,omitempty"`
}

// hash is Go's of a module: SHA-256 over a list of the SHA-256 of its files (https://go.dev/ref/mod#go-sum-files). CycloneDX knows no
// better name for it.
type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

type document struct {
	Format   string `json:"bomFormat"`
	Spec     string `json:"specVersion"`
	Version  int    `json:"version"`
	Metadata struct {
		Component component `json:"component"`
	} `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

// Write writes what a program of that version was built from: the modules linked into it, with their versions and hashes, and Go's
// standard library.
func Write(out io.Writer, built *debug.BuildInfo, version string) error {
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1}
	d.Metadata.Component = component{
		Ref: "program", Kind: "application", Name: built.Main.Path, Version: version,
		PURL: "pkg:golang/" + built.Main.Path + "@" + version,
	}
	for _, setting := range built.Settings {
		switch setting.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "-trimpath", "-ldflags":
			d.Metadata.Component.Notes = append(d.Metadata.Component.Notes, property{"go:build:" + setting.Key, setting.Value})
		}
	}
	standard := strings.TrimPrefix(built.GoVersion, "go")
	d.Components = []component{{
		Ref: "std", Kind: "library", Name: "std", Version: standard, PURL: "pkg:golang/std@" + standard,
	}}
	for _, module := range built.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		one := component{
			Ref: module.Path, Kind: "library", Name: module.Path, Version: module.Version,
			PURL: "pkg:golang/" + module.Path + "@" + module.Version,
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:"))
		if err != nil {
			return fmt.Errorf("the sum of %s: %w", module.Path, err)
		}
		if len(sum) > 0 {
			one.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
		}
		d.Components = append(d.Components, one)
	}
	uses := dependency{Ref: "program"}
	for _, one := range d.Components {
		uses.On = append(uses.On, one.Ref)
	}
	d.Dependencies = []dependency{uses}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(d)
}
