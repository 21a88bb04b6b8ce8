package longfile_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"wxkeeper/app/longfile"
)

func TestCopiesAreWhatWasRead(t *testing.T) {
	for _, length := range []int{0, 1, 4096, 4 << 20, 4<<20 + 4096, 9<<20 + 123} {
		folder := t.TempDir()
		from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
		content := make([]byte, length)
		rand.NewChaCha8([32]byte{1}).Read(content)
		if err := os.WriteFile(from, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := longfile.Copy(t.Context(), from, to); err != nil {
			t.Fatalf("%d bytes: %v", length, err)
		}
		copied, err := os.ReadFile(to)
		if err != nil || !bytes.Equal(copied, content) {
			t.Errorf("%d bytes: the copy has %d others, %v", length, len(copied), err)
		}
		var read []byte
		err = longfile.Read(t.Context(), from, func(portion []byte) error {
			read = append(read, portion...)
			return nil
		})
		if err != nil || !bytes.Equal(read, content) {
			t.Errorf("%d bytes: %d others were read, %v", length, len(read), err)
		}
		if found, err := os.Stat(to); err != nil || found.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", found.Mode(), err)
		}
	}
}

func TestReadingEnds(t *testing.T) {
	path, gone := filepath.Join(t.TempDir(), "long"), errors.New("gone")
	if err := os.WriteFile(path, make([]byte, 9<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	portions := 0
	err := longfile.Read(ctx, path, func([]byte) error {
		portions++
		end(gone)
		return nil
	})
	if err != gone || portions != 1 {
		t.Errorf("%v after %d portions", err, portions)
	}
	if err := longfile.Read(t.Context(), path, func([]byte) error { return gone }); err != gone {
		t.Errorf("%v", err)
	}
	if err := longfile.Read(t.Context(), path+" of nobody", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
