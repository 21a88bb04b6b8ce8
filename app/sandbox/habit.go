package sandbox

import (
	"context"
	"errors"
	"math/rand/v2"

	"wxkeeper/app"
)

// visitor is one of a crowd. Only its own goroutine uses it.
type visitor struct {
	*MiniProgram
	second *MiniProgram // on the person's other device; nil until that is used
}

// habits are what people do beside the tap that the article is about.
var habits = []struct {
	percent int
	do      func(context.Context, *visitor) error
}{
	{12, sends(SealedPhone)},
	{12, sends(SealedRunData)},
	{6, sends(SealedProfile)},
	{5, sends(SealedGroupEnter)},
	{3, sends(SealedShareInfo)},
	{6, reopen},
	{5, askFirst},
	{5, comeBackLater},
	{3, comeBackCold},
	{3, collectTooEarly},
	{3, useAnotherBackEnd},
	{2, takeAnotherDevice},
	{2, logOut},
}

// act does what one person does next. Whoever has no token opens the mini program first.
func act(ctx context.Context, visitor *visitor) error {
	if visitor.Token() == "" {
		return visitor.Launch(ctx)
	}
	draw := rand.IntN(100)
	for _, habit := range habits {
		if draw -= habit.percent; draw < 0 {
			return habit.do(ctx, visitor)
		}
	}
	return tap(ctx, visitor)
}

func tap(ctx context.Context, visitor *visitor) error {
	_, err := visitor.User1(ctx)
	return err
}

func sends(kind SealedKind) func(context.Context, *visitor) error {
	return func(ctx context.Context, visitor *visitor) error {
		_, err := visitor.Send(ctx, kind)
		return err
	}
}

func reopen(ctx context.Context, visitor *visitor) error { return visitor.Launch(ctx) }

func logOut(ctx context.Context, visitor *visitor) error { return visitor.Logout(ctx) }

// askFirst is a mini program that needs no wx.checkSession.
func askFirst(ctx context.Context, visitor *visitor) error {
	if err := visitor.EnsureFresh(ctx); err != nil {
		return err
	}
	return sends(SealedPhone)(ctx, visitor)
}

// comeBackLater is the article's case: the key has died while nobody looked.
func comeBackLater(ctx context.Context, visitor *visitor) error {
	visitor.Phone().ExpireKey()
	return tap(ctx, visitor)
}

// comeBackCold lets data pre-fetch take the code, where it is set. Without its data the mini program works all the same.
func comeBackCold(ctx context.Context, visitor *visitor) error {
	err := visitor.ColdStart(ctx, Entry{})
	return errors.Join(err, tap(ctx, visitor))
}

// collectTooEarly has its data sealed under the key that its own login ends.
func collectTooEarly(ctx context.Context, visitor *visitor) error {
	visitor.Phone().ReplaceKeyAtLogin()
	_, err := visitor.CollectThenLogin(ctx, SealedPhone)
	return err
}

// useAnotherBackEnd is the case no wx.checkSession finds.
func useAnotherBackEnd(ctx context.Context, visitor *visitor) error {
	visitor.Phone().RotateKey()
	return tap(ctx, visitor)
}

// takeAnotherDevice logs in there; a key it replaces is not that of the first device any more.
func takeAnotherDevice(ctx context.Context, visitor *visitor) error {
	if visitor.second == nil {
		visitor.second = visitor.on(visitor.Phone().SecondDevice(Device{Platform: app.PlatformWindows}))
	}
	if err := visitor.second.Launch(ctx); err != nil {
		return err
	}
	_, err := visitor.second.User1(ctx)
	return err
}
