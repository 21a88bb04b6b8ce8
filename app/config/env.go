package config

import (
	"io"
	"io/fs"
	"os"
	"strings"
)

// prefix begins every variable of ours.
const prefix = "WXKEEPER_"

// secretFileBytes bounds what is read of a secret's file: no secret is that long, and a wrong path may have no end.
const secretFileBytes = 4096

// Env is where settings come from that have no flag.
type Env struct {
	Vars     []string                                       // "NAME=value", as os.Environ gives them
	ReadFile func(path string) ([]byte, fs.FileMode, error) // a secret's file and who may read it
}

// OS is the environment of this process and the files of this machine.
func OS() Env { return Env{Vars: os.Environ(), ReadFile: readFile} }

// get gives a variable's value without the blanks around it, "" when it is not set.
func (e Env) get(name string) string {
	for _, pair := range e.Vars {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func readFile(path string) ([]byte, fs.FileMode, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	content, err := io.ReadAll(io.LimitReader(file, secretFileBytes))
	return content, info.Mode(), err
}
