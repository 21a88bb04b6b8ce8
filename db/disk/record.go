package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// sectorSize is what a disk writes whole: of a longer write some sectors may arrive and others not.
const sectorSize = 512

// record is every change to the files in order.
type record struct {
	before     map[string][]byte // files as they were found; nil: there was none
	operations []operation
}

// operation is one change, or the end of one flush.
type operation struct {
	kind   kind
	path   string
	offset int64 // or the new size
	bytes  []byte
	covers int  // of a flush: it covers the operations before this one
	folder bool // of a flush: the folder was flushed too, and with it deletions
}

type kind int

const (
	written kind = iota
	truncated
	deleted
	synced
)

// Record begins to record every change, before a database is opened. It keeps all bytes in memory.
func (d *Disk) Record() {
	d.recording.Lock()
	defer d.recording.Unlock()
	d.record = &record{before: map[string][]byte{}}
}

// Recorded is the point the record has come to: the number of changes and flushes so far, 0 without a record.
func (d *Disk) Recorded() int {
	d.recording.Lock()
	defer d.recording.Unlock()
	if d.record == nil {
		return 0
	}
	return len(d.record.operations)
}

func (d *Disk) note(one operation) {
	d.recording.Lock()
	defer d.recording.Unlock()
	if d.record != nil {
		d.record.operations = append(d.record.operations, one)
	}
}

func (d *Disk) noteWrite(path string, offset int64, content []byte) {
	d.recording.Lock()
	defer d.recording.Unlock()
	if d.record != nil {
		d.record.operations = append(d.record.operations,
			operation{kind: written, path: path, offset: offset, bytes: bytes.Clone(content)})
	}
}

// noteOpen remembers how a file was when it was met for the first time.
func (d *Disk) noteOpen(path string) error {
	d.recording.Lock()
	defer d.recording.Unlock()
	if d.record == nil {
		return nil
	}
	if _, met := d.record.before[path]; met {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.record.before[path] = content
	return nil
}

// Rebuild writes the recorded files into a folder as they may be when power is lost at a point of the record, 0 to Recorded.
// What was flushed is there. Of what was not, each write, truncation and deletion may have arrived or not, and one write in
// part. The seed decides; half of the seeds lose or keep everything, or nearly, as real disks often do.
func (d *Disk) Rebuild(folder string, point int, seed uint64) error {
	d.recording.Lock()
	operations, before := d.record.operations[:point:point], maps.Clone(d.record.before)
	d.recording.Unlock()

	dice := rand.New(rand.NewPCG(seed, uint64(point)))
	survives := [...]float64{0, 0.02, 0.5, 0.5, 0.98, 1}[dice.IntN(6)]
	for _, path := range slices.Sorted(maps.Keys(before)) {
		image := rebuilt(slices.Clone(before[path]), changesOf(operations, path), dice, survives)
		if image == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), image, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// change is an operation on one file and whether it is sure to have arrived.
type change struct {
	operation
	durable bool
}

// changesOf picks the changes of one file. All files lie in one folder.
func changesOf(operations []operation, path string) []change {
	covered, folderCovered := 0, 0
	for _, one := range operations {
		if one.kind == synced && one.path == path {
			covered = max(covered, one.covers)
		}
		if one.kind == synced && one.folder {
			folderCovered = max(folderCovered, one.covers)
		}
	}
	var changes []change
	for at, one := range operations {
		if one.path == path && one.kind != synced {
			changes = append(changes, change{one, at < covered || one.kind == deleted && at < folderCovered})
		}
	}
	return changes
}

// rebuilt applies the changes that arrive. nil: no file.
func rebuilt(image []byte, changes []change, dice *rand.Rand, survives float64) []byte {
	torn := -1
	if lost := slices.IndexFunc(changes, func(one change) bool { return !one.durable }); lost >= 0 {
		torn = lost + dice.IntN(len(changes)-lost)
	}
	for at, one := range changes {
		switch {
		case one.durable:
			image = one.apply(image)
		case at == torn && one.kind == written:
			image = one.tear(image, dice)
		case dice.Float64() < survives:
			image = one.apply(image)
		}
	}
	return image
}

func (c change) apply(image []byte) []byte {
	switch c.kind {
	case written:
		return put(image, c.offset, c.bytes)
	case truncated:
		return resize(image, int(c.offset))
	default:
		return nil
	}
}

// tear lets some of a write's sectors arrive.
func (c change) tear(image []byte, dice *rand.Rand) []byte {
	for at := 0; at < len(c.bytes); {
		end := min(len(c.bytes), at+sectorSize-int(c.offset+int64(at))%sectorSize)
		if dice.IntN(2) == 0 {
			image = put(image, c.offset+int64(at), c.bytes[at:end])
		}
		at = end
	}
	return image
}

func put(image []byte, offset int64, content []byte) []byte {
	if end := int(offset) + len(content); end > len(image) {
		image = resize(image, end)
	}
	copy(image[offset:], content)
	return image
}

// resize cuts a file or fills it up with zeros. The result is never nil: the file is there.
func resize(image []byte, size int) []byte {
	if size <= len(image) {
		return image[:size:size]
	}
	return append(image, make([]byte, size-len(image))...)
}
