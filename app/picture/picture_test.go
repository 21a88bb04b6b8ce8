package picture

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// noise is the picture that compresses worst.
func noise(width, height int) *image.NRGBA {
	dice := rand.New(rand.NewPCG(1, 2))
	drawn := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range drawn.Pix {
		drawn.Pix[i] = byte(dice.Uint32())
	}
	return drawn
}

func pngOf(t testing.TB, drawn image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, drawn); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func jpegOf(t testing.TB, drawn image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, drawn, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// gifOf has a red frame and then a blue one.
func gifOf(t testing.TB) []byte {
	t.Helper()
	animation := &gif.GIF{}
	for _, colour := range []color.Color{color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}} {
		frame := image.NewPaletted(image.Rect(0, 0, 8, 8), palette.Plan9)
		for i := range frame.Pix {
			frame.Pix[i] = byte(frame.Palette.Index(colour))
		}
		animation.Image, animation.Delay = append(animation.Image, frame), append(animation.Delay, 1)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, animation); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// webpOf is one pixel in lossless WebP.
func webpOf(t testing.TB) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPicturesAreMadeSmall(t *testing.T) {
	for name, data := range map[string][]byte{
		"png, noise": pngOf(t, noise(700, 300)), "jpeg": jpegOf(t, noise(300, 700)), "gif": gifOf(t), "webp": webpOf(t),
		"thin": pngOf(t, noise(4000, 1)),
	} {
		got, err := Normalize(t.Context(), data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(got))
		if err != nil || max(config.Width, config.Height) > MaxEdge || len(got) > MaxSize {
			t.Errorf("%s: %d bytes of %d x %d, %v", name, len(got), config.Width, config.Height, err)
		}
	}
}

func TestShapeIsKept(t *testing.T) {
	got, err := Normalize(t.Context(), pngOf(t, noise(1000, 500)))
	if err != nil {
		t.Fatal(err)
	}
	if config, _ := jpeg.DecodeConfig(bytes.NewReader(got)); config.Width != 256 || config.Height != 128 {
		t.Errorf("%d x %d", config.Width, config.Height)
	}
}

func TestFirstFrameAndWhiteGround(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		want color.Gray
	}{
		"first of two frames": {gifOf(t), color.GrayModel.Convert(color.RGBA{255, 0, 0, 255}).(color.Gray)},
		"see-through":         {pngOf(t, image.NewNRGBA(image.Rect(0, 0, 8, 8))), color.Gray{255}},
	} {
		got, err := Normalize(t.Context(), test.data)
		if err != nil {
			t.Fatal(name, err)
		}
		drawn, err := jpeg.Decode(bytes.NewReader(got))
		if err != nil {
			t.Fatal(name, err)
		}
		if light := color.GrayModel.Convert(drawn.At(4, 4)).(color.Gray); max(light.Y, test.want.Y)-min(light.Y, test.want.Y) > 8 {
			t.Errorf("%s: light %d, want %d", name, light.Y, test.want.Y)
		}
	}
}

// Where somebody was must not go out with their picture.
func TestNothingButThePictureIsKept(t *testing.T) {
	plain, secret := jpegOf(t, noise(64, 64)), []byte("Exif\x00\x00GPS 39.9042 116.4074")
	segment := append([]byte{0xff, 0xe1, 0, byte(len(secret) + 2)}, secret...)
	marked := bytes.Join([][]byte{plain[:2], segment, plain[2:], []byte("<script>trailer</script>")}, nil)
	got, err := Normalize(t.Context(), marked)
	if err != nil || bytes.Contains(got, []byte("GPS")) || bytes.Contains(got, []byte("Exif")) || bytes.Contains(got, []byte("script")) {
		t.Errorf("%v, %q", err, got)
	}
}

// bomb is a PNG that claims to be so large. There is nothing behind its head: whoever decodes it fails otherwise.
func bomb(width, height uint32) []byte {
	head := []byte("IHDR")
	head = binary.BigEndian.AppendUint32(head, width)
	head = binary.BigEndian.AppendUint32(head, height)
	head = append(head, 8, 6, 0, 0, 0)
	data := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(head))
}

func TestWhatIsNoPicture(t *testing.T) {
	whole := pngOf(t, noise(50, 50))
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":           {nil, ErrType},
		"a page":            {[]byte("<html><script>alert(1)</script>"), ErrType},
		"svg":               {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), ErrType},
		"a page as gif":     {[]byte("GIF89a<html><script>alert(1)</script>"), ErrTooBig}, // the text reads as 15464 x 29800
		"a page as jpeg":    {[]byte("\xff\xd8\xff<html><script>alert(1)</script>"), ErrDamaged},
		"head alone":        {whole[:20], ErrDamaged},
		"half":              {whole[:len(whole)/2], ErrDamaged},
		"without its end":   {jpegOf(t, noise(50, 50))[:400], ErrDamaged},
		"bomb":              {bomb(50_000, 50_000), ErrTooBig},
		"just too large":    {bomb(2049, 2048), ErrTooBig},
		"long and thin":     {bomb(8193, 1), ErrTooBig},
		"large enough":      {bomb(2048, 2048), ErrDamaged},
		"overflowing":       {bomb(1<<31-1, 1<<31-1), ErrDamaged},
		"not even a width":  {bomb(0, 10), ErrDamaged},
		"webp, liar of one": {append(webpLiar(), webpOf(t)[12:]...), ErrDamaged},
	} {
		if got, err := Normalize(t.Context(), test.data); !errors.Is(err, test.want) || got != nil {
			t.Errorf("%s: %v, %d bytes", name, err, len(got))
		}
	}
}

// webpLiar says 100 x 100 before a picture of another size.
func webpLiar() []byte {
	return append([]byte("RIFF\x30\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"), 99, 0, 0, 99, 0, 0)
}

// TestWhatTakesTooManyBytesLosesQuality: the noise of MaxEdge pixels comes close, larger pictures stand for what would be worse.
func TestWhatTakesTooManyBytesLosesQuality(t *testing.T) {
	got, err := encode(noise(400, 400))
	if err != nil || len(got) > MaxSize || len(got) < MaxSize/2 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := encode(noise(700, 700)); !errors.Is(err, ErrTooBig) {
		t.Error(err)
	}
}

// TestTwoAreDecodedAtOnce plays a type of picture whose decoding takes as long as it likes.
func TestTwoAreDecodedAtOnce(t *testing.T) {
	known, free := formats, turns
	t.Cleanup(func() { formats, turns = known, free })
	synctest.Test(t, func(t *testing.T) {
		turns = make(chan struct{}, cap(free))
		var decoding atomic.Int32
		end := make(chan struct{})
		slow := format{"SLOW",
			func(io.Reader) (image.Config, error) { return image.Config{Width: 1, Height: 1}, nil },
			func(io.Reader) (image.Image, error) {
				decoding.Add(1)
				<-end
				return nil, io.EOF
			},
		}
		formats = []format{slow}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { _, _ = Normalize(t.Context(), []byte("SLOW")) })
		}
		synctest.Wait()
		if n := decoding.Load(); n != 2 {
			t.Errorf("%d pictures are decoded at once", n)
		}
		close(end)
		all.Wait()
	})
}

func TestWhoGaveUpIsNotDecoded(t *testing.T) {
	for range atOnce {
		turns <- struct{}{}
	}
	defer func() {
		for range atOnce {
			<-turns
		}
	}()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := Normalize(ctx, pngOf(t, noise(10, 10))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add(pngOf(f, noise(9, 7)))
	f.Add(jpegOf(f, noise(9, 7)))
	f.Add(gifOf(f))
	f.Add(webpOf(f))
	f.Add(bomb(1<<20, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Normalize(t.Context(), data)
		if err != nil {
			return
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(got))
		if err != nil || max(config.Width, config.Height) > MaxEdge || len(got) > MaxSize {
			t.Errorf("%d bytes of %d x %d, %v", len(got), config.Width, config.Height, err)
		}
	})
}
