package views

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// QRCode is a QR code as a path of squares of one unit, drawn black on white whatever the theme is: a camera must read it.
type QRCode struct {
	Size int // units, with the quiet zone around it
	Path string
}

// quietZone is how many units around a code stay white (ISO/IEC 18004).
const quietZone = 4

// NewQRCode draws a text. It fails for one that is too long.
func NewQRCode(text string) (QRCode, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QRCode{}, fmt.Errorf("QR code: %w", err)
	}
	var path strings.Builder
	side := code.Bounds().Dx()
	for y := range side {
		for x := range side {
			if code.At(x, y) == color.Black {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	return QRCode{Size: side + 2*quietZone, Path: path.String()}, nil
}

func (c QRCode) viewBox() string { return fmt.Sprintf("0 0 %d %d", c.Size, c.Size) }
