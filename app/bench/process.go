package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// endingTime is how long a server may take to stop.
const endingTime = 15 * time.Second

// process is a server of this binary that runs Gauge. It ends with its standard input, so that it never outlives who started it.
type process struct {
	address   string
	startedAt time.Time

	command *exec.Cmd
	ask     io.WriteCloser
	told    *bufio.Reader
	log     *os.File
}

// start runs the program with some arguments and waits until it takes requests. The environment is this one's without any setting
// of ours, and vars. What it has to say goes to a log.
func start(ctx context.Context, program string, arguments, vars []string, logPath string) (*process, error) {
	log, err := os.OpenFile(filepath.Clean(logPath), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{command: exec.CommandContext(ctx, program, arguments...), log: log}
	p.command.Env, p.command.Stderr = append(foreignVars(), vars...), log
	p.command.WaitDelay = endingTime
	p.command.Cancel = func() error { return p.ask.Close() }
	if err := p.begin(); err != nil {
		return nil, fmt.Errorf("start %s: %w%s", arguments[0], errors.Join(err, p.stop()), lastWords(logPath))
	}
	return p, nil
}

func (p *process) begin() (err error) {
	if p.ask, err = p.command.StdinPipe(); err != nil {
		return err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return err
	}
	p.told = bufio.NewReader(out)
	p.startedAt = time.Now()
	if err := p.command.Start(); err != nil {
		return err
	}
	var said hello
	err = p.hear(&said)
	p.address = said.Address
	return err
}

func (p *process) hear(said any) error {
	line, err := p.told.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("it says nothing: %w", err)
	}
	return json.Unmarshal(line, said)
}

// readings asks the server for its counts.
func (p *process) readings() (said Readings, err error) {
	if _, err := io.WriteString(p.ask, "\n"); err != nil {
		return said, err
	}
	err = p.hear(&said)
	return said, err
}

// stop ends the process and waits for its end.
func (p *process) stop() error {
	defer p.log.Close()
	if p.command.Process == nil {
		return nil
	}
	p.ask.Close()
	kill := time.AfterFunc(endingTime, func() { p.command.Process.Kill() })
	defer kill.Stop()
	return p.command.Wait()
}

// foreignVars is the environment without settings of ours.
func foreignVars() []string {
	var vars []string
	for _, one := range os.Environ() {
		if !strings.HasPrefix(one, "WXKEEPER_") {
			vars = append(vars, one)
		}
	}
	return vars
}

// lastWords are the last lines of a log, to go with an error.
func lastWords(path string) string {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n" + strings.Join(lines[max(0, len(lines)-10):], "\n")
}
