package bench

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// scenario is a kind of load.
type scenario struct {
	name   string
	about  string
	writes float64 // share of its requests that write

	// steps gives each of so many clients what it does, again and again. It makes beforehand what takes long to make, for about so
	// many requests each.
	steps func(b *bench, t *target, clients, requests int) ([]step, error)
}

// API scenarios. The yardstick serves those with a twin there.
var (
	logins   = scenario{name: "login", about: "POST /login/, any user, each time a new session key", writes: 1, steps: loginSteps}
	getInfos = scenario{name: "getinfo", writes: 1, steps: getInfoSteps,
		about: "POST /getinfo/ that changes the profile, every tenth the nickname"}
	verifies = scenario{name: "verify", about: "GET /verify/", steps: verifySteps}
	sessions = scenario{name: "session", about: "POST /session/", steps: sessionSteps}
	mixed    = scenario{name: "mixed", about: "one login, four getinfo, four verify, one session", writes: 0.5, steps: mixedSteps}
)

func loginSteps(b *bench, t *target, clients, _ int) ([]step, error) {
	return same(clients, func(c *connection) error {
		_, err := t.logIn(c, t.somebody(), rand.IntN(100) < b.options.NewKeys)
		return err
	}), nil
}

func same(clients int, do step) []step {
	steps := make([]step, clients)
	for i := range steps {
		steps[i] = do
	}
	return steps
}

func getInfoSteps(b *bench, t *target, clients, requests int) ([]step, error) {
	now := time.Now()
	return eachPhone(t, clients, func(mine []*phone) (step, error) {
		made := make([]getInfo, 0, requests)
		for at := range max(requests, 2*len(mine)) {
			one, err := mine[at%len(mine)].change(t.appid, b.nicknames, now)
			if err != nil {
				return nil, err
			}
			made = append(made, one)
		}
		next := 0
		return func(c *connection) error {
			one := made[next%len(made)]
			next++
			return one.do(c)
		}, nil
	})
}

func verifySteps(_ *bench, t *target, clients, _ int) ([]step, error) {
	return eachPhone(t, clients, func(mine []*phone) (step, error) {
		return inTurn(mine, (*phone).verify), nil
	})
}

func sessionSteps(_ *bench, t *target, clients, _ int) ([]step, error) {
	return eachPhone(t, clients, func(mine []*phone) (step, error) {
		return inTurn(mine, func(p *phone) step { return p.session(t.appid) }), nil
	})
}

func mixedSteps(b *bench, t *target, clients, requests int) ([]step, error) {
	turns := make([][]step, 4)
	for i, prepare := range []func(*bench, *target, int, int) ([]step, error){loginSteps, getInfoSteps, verifySteps, sessionSteps} {
		some, err := prepare(b, t, clients, requests/2)
		if err != nil {
			return nil, err
		}
		turns[i] = some
	}
	order := []int{0, 1, 2, 1, 2, 3, 1, 2, 1, 2}
	steps := make([]step, clients)
	for client := range clients {
		at := client
		steps[client] = func(c *connection) error {
			at++
			return turns[order[at%len(order)]][client](c)
		}
	}
	return steps, nil
}

// eachPhone gives every client the step that is prepared from its phones.
func eachPhone(t *target, clients int, prepare func([]*phone) (step, error)) ([]step, error) {
	if len(t.phones) < clients {
		return nil, fmt.Errorf("%d clients need as many sessions at least, not %d", clients, len(t.phones))
	}
	steps := make([]step, clients)
	for client := range steps {
		var err error
		if steps[client], err = prepare(t.phonesOf(client, clients)); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// inTurn goes through phones, each with its step.
func inTurn(phones []*phone, of func(*phone) step) step {
	steps := make([]step, len(phones))
	for i, one := range phones {
		steps[i] = of(one)
	}
	next := 0
	return func(c *connection) error {
		next++
		return steps[next%len(steps)](c)
	}
}
