package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Placed is a handler and the address it is served at.
type Placed struct {
	Address string
	Handler http.Handler
	Ending  func() // ends the answers that go on until they are told to end; nil: there are none
}

// ServeAll serves each handler at its address, calls started with the first address once requests are taken at all of them, and
// ends when the context does or when one of them fails.
func ServeAll(ctx context.Context, handlers []Placed, log *slog.Logger, started func(address string) error) error {
	listeners, err := listenAll(handlers)
	if err == nil {
		err = started(listeners[0].Addr().String())
	}
	if err != nil {
		for _, listener := range listeners {
			err = errors.Join(err, listener.Close())
		}
		return err
	}
	serving, ctx := errgroup.WithContext(ctx)
	for i, one := range handlers {
		server := NewHTTPServer(one.Handler, log)
		if one.Ending != nil {
			server.RegisterOnShutdown(one.Ending)
		}
		serving.Go(func() error { return ServeUntil(ctx, listeners[i], server) })
	}
	return serving.Wait()
}

// listenAll gives the listeners it has opened also where it fails.
func listenAll(handlers []Placed) (listeners []net.Listener, err error) {
	for _, one := range handlers {
		listener, err := listen(one.Address)
		if err != nil {
			return listeners, err
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

// shutdownTime is how long requests that have begun may take to end.
const shutdownTime = 10 * time.Second

func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w: stop the other program, or set WXKEEPER_ADDR", address, err)
	}
	return listener, nil
}

// ServeUntil answers requests until the context ends, then lets those that have begun end.
func ServeUntil(ctx context.Context, listener net.Listener, server *http.Server) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if server.Shutdown(ending) != nil {
		server.Close() // whoever is still being answered after that time is cut off
	}
	<-served
	return nil
}
