package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// Readings are what a measured server counts by itself, from its start.
type Readings struct {
	Flushes int64 `json:"flushes"` // how often the disk was asked to make durable what was written
}

type hello struct {
	Address string `json:"address"`
}

// Gauge is a server's side of a measurement: it says where the server takes requests, answers every line on in with the readings of
// that moment, and returns when in ends: with whoever measures, however that ends.
func Gauge(in io.Reader, out io.Writer, address string, read func() Readings) error {
	encoder := json.NewEncoder(out)
	if err := encoder.Encode(hello{address}); err != nil {
		return err
	}
	for asked := bufio.NewReader(in); ; {
		if _, err := asked.ReadString('\n'); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := encoder.Encode(read()); err != nil {
			return err
		}
	}
}
