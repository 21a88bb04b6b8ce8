package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/frontdoor"
	"wxkeeper/db"
)

// tryDoor tries the address that phones call and tells what was found, line by line.
func tryDoor(ctx context.Context, address, folder string, std Streams) error {
	options := frontdoor.Options{}
	if db.Exists(folder) {
		options.SeenAs = func(ctx context.Context, requestID string) (seen netip.Addr, err error) {
			err = withStore(ctx, folder, func(store *db.DB) error {
				seen, err = seenAs(ctx, store, app.RequestID(requestID))
				return err
			})
			return seen, err
		}
	}
	return tellDoor(std.Out, frontdoor.Try(ctx, address, options))
}

func tellDoor(out io.Writer, findings []frontdoor.Finding) error {
	bad := 0
	for _, one := range findings {
		if one.Grade == frontdoor.Bad {
			bad++
		}
		fmt.Fprintf(out, "%-4s  %s\n", one.Grade, one.Said)
		if one.Do != "" {
			fmt.Fprintf(out, "      → %s\n", one.Do)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d things are wrong: phones cannot work with this", bad, len(findings))
	}
	return told(out, nil, "Phones can call this.\n")
}

// writtenWithin is how soon a server has written a failure of a stranger: it gathers them for a second.
const writtenWithin = 5 * time.Second

// seenAs waits for the event of a call that was just made.
func seenAs(ctx context.Context, store *db.DB, request app.RequestID) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, writtenWithin)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		now := time.Now()
		events, err := store.Read().EventsOfRequest(ctx, request, now.Add(time.Minute), now.Add(-time.Minute))
		if err != nil {
			return netip.Addr{}, err
		}
		if len(events) > 0 {
			return netip.ParseAddr(events[0].Client.Address)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return netip.Addr{}, errors.New("the data folder holds nothing of it")
		}
	}
}

// healthWithin is how long a server that lives may take to say so.
const healthWithin = 5 * time.Second

// askHealth asks a server on this machine whether it lives.
func askHealth(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers /healthz with HTTP %d", response.StatusCode)
	}
	return nil
}
