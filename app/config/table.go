package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Setting describes one setting to people.
type Setting struct {
	Variable string
	Flag     string // empty: a secret, which has none
	Default  string
	Meaning  string
}

// Settings lists every setting there is, in the order people meet them.
func Settings() []Setting { return describe(Serve{}) }

// SettingsTable is the list of settings in Markdown, as the README shows it.
func SettingsTable() string {
	var table strings.Builder
	table.WriteString("| variable | flag | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, s := range Settings() {
		variable := code(s.Variable)
		if s.Flag == "" {
			variable += " or " + code(s.Variable+fileSuffix)
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", variable, code(s.Flag), code(s.Default), s.Meaning)
	}
	return table.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// describe reads the tags that kong reads.
func describe(settings any) []Setting {
	var all []Setting
	for _, field := range reflect.VisibleFields(reflect.TypeOf(settings)) {
		variable, found := field.Tag.Lookup("env")
		if !found {
			continue
		}
		setting := Setting{Variable: variable, Default: field.Tag.Get("default"), Meaning: field.Tag.Get("help")}
		if field.Type != reflect.TypeFor[onlyByEnvironment]() {
			setting.Flag = flagOf(strings.TrimPrefix(variable, prefix))
		}
		all = append(all, setting)
	}
	return all
}

// secretsHelp tells of the settings that have no flag.
func secretsHelp(settings any) string {
	lines := []string{"Secrets come by environment only, either as such or as the name of a file that holds them:"}
	for _, s := range describe(settings) {
		if s.Flag == "" {
			lines = append(lines, fmt.Sprintf("%s or %s%s: %s", s.Variable, s.Variable, fileSuffix, s.Meaning))
		}
	}
	return strings.Join(lines, "\n\n")
}

// unknown warns of variables that look like settings and are none: a misspelt one would be ignored in silence.
func (r *report) unknown(env Env) {
	known := map[string]bool{}
	for _, s := range Settings() {
		known[s.Variable] = true
		known[s.Variable+fileSuffix] = s.Flag == ""
	}
	for _, pair := range env.Vars {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, prefix) && !known[name] {
			r.warn("%s is set but is no setting of this release and changes nothing", name)
		}
	}
}

// trim takes the blanks off every text of a pointed-to struct of settings, such as the carriage return of an env file from
// Windows, and gives empty ones their default: a variable set to nothing counts as not set.
func trim(settings any) {
	value := reflect.ValueOf(settings).Elem()
	for _, field := range reflect.VisibleFields(value.Type()) {
		if field.Type.Kind() != reflect.String {
			continue
		}
		text := strings.TrimSpace(value.FieldByIndex(field.Index).String())
		if text == "" {
			text = field.Tag.Get("default")
		}
		value.FieldByIndex(field.Index).SetString(text)
	}
}
