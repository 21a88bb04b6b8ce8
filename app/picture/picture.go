// Package picture makes a stranger's picture fit to be kept and shown: small, of one type, without anything in it that is not the picture.
// It knows neither HTTP nor storage, so that it can be fuzzed by itself.
package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// What is kept of a picture.
const (
	Type    = "image/jpeg"
	MaxEdge = 256      // pixels of the longer edge
	MaxSize = 64 << 10 // bytes
)

// What is taken. The pixels bound the memory that decoding takes, about 15 bytes each for the worst kind of JPEG.
const (
	maxPixels = 2048 * 2048
	maxEdge   = 8192
	atOnce    = 2 // pictures that are decoded at a time
)

// The reasons for which a picture is not taken.
var (
	ErrType    = errors.New("not a JPEG, PNG, WebP or GIF picture")
	ErrTooBig  = errors.New("too many pixels")
	ErrDamaged = errors.New("cut off or damaged")
)

// format is a type of pictures that is taken.
type format struct {
	prefix string // ? stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// formats are told by how the bytes begin. What a sender says of the type is not looked at: phones name files by what they once were.
var formats = []format{
	{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"RIFF????WEBPVP8", webp.DecodeConfig, webp.Decode},
	{"GIF8?a", gif.DecodeConfig, gif.Decode}, // the first frame of several
}

// turns are taken by whoever decodes.
var turns = make(chan struct{}, atOnce)

// Normalize gives the picture as a JPEG of at most MaxEdge pixels and MaxSize bytes, with nothing but the picture in it; what is see-through
// becomes white. Dimensions are read before anything is decoded. It waits for its turn as long as the context allows, and gives ErrType,
// ErrTooBig or ErrDamaged for what is no picture to keep.
func Normalize(ctx context.Context, data []byte) ([]byte, error) {
	for _, format := range formats {
		if !begins(data, format.prefix) {
			continue
		}
		config, err := format.config(bytes.NewReader(data))
		switch {
		case err != nil || config.Width <= 0 || config.Height <= 0:
			return nil, ErrDamaged
		case config.Width > maxEdge || config.Height > maxEdge || config.Width*config.Height > maxPixels:
			return nil, ErrTooBig
		}
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		decoded, err := format.decode(bytes.NewReader(data))
		if err != nil {
			return nil, ErrDamaged
		}
		return encode(shrink(decoded))
	}
	return nil, ErrType
}

func begins(data []byte, prefix string) bool {
	if len(data) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if prefix[i] != '?' && data[i] != prefix[i] {
			return false
		}
	}
	return true
}

// wellScaled is the longest edge of which every pixel is looked at: what is larger than any avatar costs no more time than that.
const wellScaled = 1024

// shrink lays the picture on white, no edge longer than MaxEdge.
func shrink(decoded image.Image) image.Image {
	if at := within(decoded.Bounds(), wellScaled); at.Size() != decoded.Bounds().Size() {
		large := image.NewNRGBA(at)
		draw.ApproxBiLinear.Scale(large, at, decoded, decoded.Bounds(), draw.Src, nil)
		decoded = large
	}
	small := image.NewRGBA(within(decoded.Bounds(), MaxEdge))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(small, small.Bounds(), decoded, decoded.Bounds(), draw.Over, nil)
	return small
}

// within is a size of the same shape, no edge longer than edge.
func within(size image.Rectangle, edge int) image.Rectangle {
	width, height := size.Dx(), size.Dy()
	if longer := max(width, height); longer > edge {
		width, height = max(1, width*edge/longer), max(1, height*edge/longer)
	}
	return image.Rect(0, 0, width, height)
}

// encode tries qualities until the picture is small enough, which noise is at the last one too.
func encode(small image.Image) ([]byte, error) {
	for _, quality := range []int{85, 70, 50, 30} {
		var encoded bytes.Buffer
		if err := jpeg.Encode(&encoded, small, &jpeg.Options{Quality: quality}); err != nil {
			return nil, err
		}
		if encoded.Len() <= MaxSize {
			return encoded.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("%w: does not fit into %d bytes", ErrTooBig, MaxSize)
}
