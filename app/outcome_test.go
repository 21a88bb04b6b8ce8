package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"wxkeeper/app"
)

func TestEveryReasonHasAMeaning(t *testing.T) {
	declared := declaredReasons(t)
	if len(declared) < 50 {
		t.Fatalf("only %d reasons found in event.go", len(declared))
	}
	known := app.Reasons()
	for _, reason := range declared {
		if !slices.Contains(known, reason) {
			t.Errorf("%s is in no list of outcome.go", reason)
		}
	}
	for i, reason := range known {
		if slices.Contains(known[:i], reason) {
			t.Errorf("%s stands twice in outcome.go", reason)
		}
	}
}

// declaredReasons reads the constants of event.go.
func declaredReasons(t *testing.T) []app.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []app.Reason
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if named, ok := spec.Type.(*ast.Ident); ok && named.Name == "Reason" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, app.Reason(text))
		}
		return true
	})
	return reasons
}

func TestOutcomes(t *testing.T) {
	for reason, want := range map[app.Reason]app.Outcome{
		app.LoginDuplicate:     app.LoginSucceeded,
		app.LoginDisabled:      app.LoginFailed,
		app.LoginLimited:       app.LoginFailed,
		app.OpenOKPrevious:     app.OpenSucceeded,
		app.OpenReplayed:       app.OpenSucceeded,
		app.SignatureMismatch:  app.OpenFailed,
		app.TokenUnknown:       app.OtherOutcome,
		app.PhoneOK:            app.OtherOutcome,
		"of a later release":   app.OtherOutcome,
		app.KeyTakenElsewhere:  app.OtherOutcome,
		app.LoginWeChatTimeout: app.LoginFailed,
	} {
		if got := reason.Outcome(); got != want {
			t.Errorf("%s means %s, want %s", reason, got, want)
		}
	}
	total := 0
	for _, outcome := range []app.Outcome{app.LoginSucceeded, app.LoginFailed, app.OpenSucceeded, app.OpenFailed, app.OtherOutcome, app.NoteOnly} {
		for _, reason := range outcome.Reasons() {
			total++
			if failed := outcome == app.LoginFailed || outcome == app.OpenFailed; failed && reason.Trouble() == app.NoTrouble {
				t.Errorf("%s is a failure and nobody's trouble", reason)
			} else if ok := outcome == app.LoginSucceeded || outcome == app.OpenSucceeded; ok && reason.Trouble() != app.NoTrouble {
				t.Errorf("%s is a success and somebody's trouble", reason)
			}
		}
	}
	if total != len(app.Reasons()) {
		t.Errorf("%d of %d reasons have an outcome", total, len(app.Reasons()))
	}
}

func TestAFailureIsToldOnce(t *testing.T) {
	for _, test := range []struct {
		event app.Event
		want  bool
	}{
		{app.Event{Reason: app.OpenNoKeyFits}, false},
		{app.Event{Reason: app.OpenKeyDead}, false}, // WeChat had said so before the data came
		{app.Event{Reason: app.OpenKeyDead, Errcode: 87009}, true},
		{app.Event{Reason: app.OpenOtherKey}, true},
		{app.Event{Reason: app.KeyFoundDead, Errcode: 87009}, false},
	} {
		if got := test.event.Explains(); got != test.want {
			t.Errorf("%+v explains another: %v", test.event, got)
		}
	}
}
