package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMiniProgramPackage runs the tests of miniprogram/ against a sandbox: the client package, and every button of the example.
func TestMiniProgramPackage(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	youngEnough := `process.exit(process.versions.node.localeCompare("20.19", undefined, {numeric: true}) < 0 ? 1 : 0)` // what jsdom wants
	switch _, missing := os.Stat(filepath.Join("..", "miniprogram", "node_modules", "miniprogram-simulate")); {
	case err != nil:
		t.Skip("no Node.js here: the client package is not tested")
	case exec.Command(node, "-e", youngEnough).Run() != nil:
		t.Skip("Node.js is older than 20.19: the client package is not tested")
	case missing != nil:
		t.Skip("the packages of miniprogram/ are not installed (make generate): the client package is not tested")
	}
	files, err := filepath.Glob(filepath.Join("..", "miniprogram", "test", "*.test.mjs"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	p, said := startSandbox(t, "TMPDIR="+t.TempDir())
	ofSandbox := []string{"WXKEEPER_DATA=" + said[3], "WXKEEPER_MASTER_KEY_FILE=" + filepath.Join(said[3], "sandbox.key")}
	shop := startShop(t, node, freeAddress(t), "KEEPER="+said[1], "CLIENT=shop", "SECRET="+addClient(t, ofSandbox, "shop"), "MAX_AGE=0")
	run := exec.CommandContext(t.Context(), node, append([]string{"--test"}, files...)...)
	run.WaitDelay = 5 * time.Second
	run.Env = append(os.Environ(), "WXKEEPER_API="+said[1], "WXKEEPER_EMULATOR="+sandboxURL.FindString(said[2]), "WXKEEPER_SHOP="+shop.url)
	output, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	if complaints := p.stderr.String(); complaints != "" {
		t.Errorf("the server complains: %s", complaints)
	}
}
